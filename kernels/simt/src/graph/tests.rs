use std::sync::{Arc, Mutex};

use super::*;
use crate::device::{Device, Error};
use crate::options::{Checks, Options};

/// A node that writes its number into a list.
fn noting(list: &Arc<Mutex<Vec<u32>>>, number: u32) -> Work {
    let list = Arc::clone(list);
    Work::Host(Arc::new(move || list.lock().unwrap().push(number)))
}

fn device() -> Arc<Device> {
    Device::new(Options::default())
}

fn fill(to: u64, count: u64) -> Work {
    Work::Fill { to, pattern: vec![0], count }
}

#[test]
fn nodes_run_after_those_that_they_depend_on() {
    let (mut graph, list) = (Graph::new(), Arc::default());
    let last = graph.add(noting(&list, 3), &[]).unwrap();
    let first = graph.add(noting(&list, 1), &[]).unwrap();
    let middle = graph.add(noting(&list, 2), &[first]).unwrap();
    graph.depend(middle, last).unwrap();
    let instance = graph.instantiate().unwrap();
    assert_eq!(instance.launch(&device()).unwrap().nodes, 3);
    instance.launch(&device()).unwrap();
    assert_eq!(*list.lock().unwrap(), [1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_graph_without_nodes_does_nothing_and_says_so() {
    let ran = Graph::new().instantiate().unwrap().launch(&device()).unwrap();
    assert_eq!((ran.nodes, ran.kernels.len()), (0, 0));
}

#[test]
fn nodes_that_wait_for_each_other_are_refused_by_name() {
    let mut graph = Graph::new();
    let free = graph.add(Work::Empty, &[]).unwrap();
    let a = graph.add(Work::Empty, &[free]).unwrap();
    let b = graph.add(Work::Empty, &[a]).unwrap();
    graph.depend(b, a).unwrap();
    assert_eq!(graph.instantiate().unwrap_err(), GraphError::Cycle(vec![a, b]));
    graph.undepend(b, a).unwrap();
    graph.instantiate().unwrap();
}

#[test]
fn edges_are_between_two_nodes_that_are_there_and_there_once() {
    let mut graph = Graph::new();
    let (a, b) = (graph.add(Work::Empty, &[]).unwrap(), graph.add(Work::Empty, &[]).unwrap());
    graph.depend(a, b).unwrap();
    assert_eq!(graph.depend(a, b), Err(GraphError::Twice(a, b)));
    assert_eq!(graph.depend(a, a), Err(GraphError::Itself(a)));
    assert_eq!(graph.undepend(b, a), Err(GraphError::NoEdge(b, a)));
    assert_eq!(graph.depend(a, NodeId(9)), Err(GraphError::Unknown(NodeId(9), 2)));
    assert_eq!(graph.add(Work::Empty, &[NodeId(9)]), Err(GraphError::Unknown(NodeId(9), 2)));
    assert_eq!(graph.leaves(), [b]);
    graph.remove(b).unwrap();
    assert_eq!((graph.leaves(), graph.edges().len()), (vec![a], 0));
}

#[test]
fn unordered_nodes_that_touch_the_same_bytes_race() {
    let mut graph = Graph::new();
    let a = graph.add(fill(0x1000, 16), &[]).unwrap();
    let copy = Work::Copy { from: 0x100f, to: 0x2000, bytes: 4 };
    let b = graph.add(copy, &[]).unwrap();
    let (first, second, fault) = graph.instantiate().unwrap().race().unwrap();
    assert_eq!((first, second), (a, b));
    assert!(
        fault.message.contains("graph nodes 0 (fill of 16") && fault.message.contains("0x100f"),
        "{fault}"
    );
    let error = graph.instantiate().unwrap().launch(&device()).unwrap_err();
    assert!(error.node == b && matches!(error.error, Error::Fault(_)), "{error}");
    // A path between them, also one through another node, is an order.
    let between = graph.add(Work::Empty, &[a]).unwrap();
    graph.depend(between, b).unwrap();
    assert!(graph.instantiate().unwrap().race().is_none());
}

#[test]
fn neighbours_and_readers_do_not_race() {
    let mut graph = Graph::new();
    graph.add(fill(0x1000, 16), &[]).unwrap();
    graph.add(fill(0x1010, 16), &[]).unwrap();
    graph.add(fill(0x1008, 0), &[]).unwrap();
    for to in [0x2000, 0x3000] {
        graph.add(Work::Copy { from: 0x4000, to, bytes: 64 }, &[]).unwrap();
    }
    assert!(graph.instantiate().unwrap().race().is_none());
    graph.add(Work::Rows(vec![fill(0x9000, 1), fill(0x1010, 1)]), &[]).unwrap();
    assert!(graph.instantiate().unwrap().race().is_some());
}

#[test]
fn without_the_check_races_are_not_looked_for() {
    let mut graph = Graph::new();
    // Nothing is allocated there: the device refuses the first of them.
    let a = graph.add(fill(0x1000, 16), &[]).unwrap();
    graph.add(fill(0x1000, 16), &[]).unwrap();
    let device =
        Device::new(Options { checks: Checks { races: false, ..Checks::ALL }, ..Options::default() });
    let error = graph.instantiate().unwrap().launch(&device).unwrap_err();
    assert!(error.node == a && matches!(error.error, Error::Address { .. }), "{error}");
}

#[test]
fn an_instance_takes_over_work_and_no_other_structure() {
    let (mut graph, list) = (Graph::new(), Arc::default());
    let a = graph.add(noting(&list, 1), &[]).unwrap();
    let b = graph.add(noting(&list, 2), &[a]).unwrap();
    let mut instance = graph.instantiate().unwrap();
    let mut other = graph.clone();
    other.set_work(b, noting(&list, 3)).unwrap();
    instance.update(&other).unwrap();
    instance.launch(&device()).unwrap();
    assert_eq!(*list.lock().unwrap(), [1, 3]);
    other.set_work(b, Work::Empty).unwrap();
    assert_eq!(instance.update(&other), Err(UpdateError::Kind(b, "empty", "call of the host")));
    other.undepend(a, b).unwrap();
    assert_eq!(instance.update(&other), Err(UpdateError::Topology(2, 2)));
    assert_eq!(
        instance.set_work(NodeId(7), Work::Empty),
        Err(UpdateError::Node(GraphError::Unknown(NodeId(7), 2)))
    );
    instance.launch(&device()).unwrap();
    assert_eq!(*list.lock().unwrap(), [1, 3, 1, 3]);
}

#[test]
fn a_copy_larger_than_the_host_is_an_error() {
    let work = Work::Write { from: Arc::new(|_| ()), to: 0, bytes: u64::MAX };
    assert!(work.run(&device()).unwrap_err().to_string().contains("no memory for so many bytes"));
}
