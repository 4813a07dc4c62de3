//! Graphs: made once, replayed, and dropped in any order.

use kernels::device::{
    After, Argument, Buffer, Dependency, Device, DeviceError, Function, Graph, GraphNode, Launch, Target,
};

use super::{artifact, download, load, open, upload};
use Dependency::{Full, Programmatic};

/// `out[i] += x[i]`, by a kernel that waits for what it depends on, below compute capability 9.0 at once.
const ADD: &str = "
extern \"C\" __global__ void add(unsigned* out, const unsigned* x, unsigned count) {
#if __CUDA_ARCH__ >= 900
    asm volatile(\"griddepcontrol.launch_dependents;\");
    asm volatile(\"griddepcontrol.wait;\" ::: \"memory\");
#endif
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] += x[i];
}";

/// The same without waiting.
const HASTY: &str = "
extern \"C\" __global__ void hasty(unsigned* out, const unsigned* x, unsigned count) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] += x[i];
}";

const LAUNCH: Launch = Launch { grid: [4, 1, 1], block: [64, 1, 1], shared: 0 };

/// `out += x`, after these.
fn node<'a>(
    function: &'a Function,
    out: &'a Buffer,
    x: &'a Buffer,
    after: &[(usize, Dependency)],
) -> GraphNode<'a> {
    let count = (out.bytes() / 4) as u32;
    let arguments = vec![Argument::Buffer(out, 0), Argument::Buffer(x, 0), Argument::U32(count)];
    let after = after.iter().map(|&(node, dependency)| After { node, dependency }).collect();
    GraphNode { function, launch: LAUNCH, arguments, after }
}

fn problem(outcome: Result<Graph, DeviceError>) -> String {
    match outcome.unwrap_err() {
        DeviceError::Graph { problem } => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_replay_does_everything_once_more_with_what_is_in_the_buffers() {
    let device = open();
    let add = load(&device, "add", ADD);
    let ones: Vec<u32> = vec![1; 200];
    let (a, b, c) =
        (upload(&device, "a", &ones), upload(&device, "b", &[0; 200]), upload(&device, "c", &[0; 200]));
    // b += a, then c += b.
    let nodes = [node(&add, &b, &a, &[]), node(&add, &c, &b, &[(0, Full)])];
    let graph = device.graph(&nodes).unwrap();
    assert_eq!((graph.nodes(), graph.programmatic()), (2, 0));
    assert_eq!(download(&device, &c), [0; 200], "nothing runs before a replay");
    device.replay(&graph).unwrap();
    assert_eq!((download(&device, &b), download(&device, &c)), (vec![1; 200], vec![1; 200]));
    device.replay(&graph).unwrap();
    device.synchronize().unwrap();
    assert_eq!((download(&device, &b), download(&device, &c)), (vec![2; 200], vec![3; 200]));
    // What lies in a buffer when it is replayed counts, not what lay there before.
    let tens: Vec<u8> = [10u32; 200].iter().flat_map(|value| value.to_le_bytes()).collect();
    device.write(&a, 0, &tens).unwrap();
    device.fill(&c, 0).unwrap();
    device.replay(&graph).unwrap();
    device.launch(&add, LAUNCH, &nodes[1].arguments).unwrap();
    assert_eq!((download(&device, &b), download(&device, &c)), (vec![12; 200], vec![24; 200]));
}

#[test]
fn kernels_that_wait_can_be_launched_early() {
    let device = open();
    let add = load(&device, "add", ADD);
    let x = upload(&device, "x", &[1; 200]);
    let sums: Vec<Buffer> = (0..8).map(|_| upload(&device, "sum", &[0; 200])).collect();
    // A chain: each adds what the one before left.
    let mut nodes = vec![node(&add, &sums[0], &x, &[])];
    for index in 1..sums.len() {
        nodes.push(node(&add, &sums[index], &sums[index - 1], &[(index - 1, Programmatic)]));
    }
    let graph = device.graph(&nodes).unwrap();
    let early = if device.properties().target < Target::new(9, 0) { 0 } else { 7 };
    assert_eq!((graph.nodes(), graph.programmatic()), (8, early));
    for replay in 1..4u32 {
        device.replay(&graph).unwrap();
        assert_eq!(download(&device, &sums[0]), vec![replay; 200]);
    }
    // 1 + 2 + 3, and so on: the third row of sums.
    assert_eq!(download(&device, &sums[1]), [6; 200]);
    assert_eq!(download(&device, &sums[2]), [10; 200]);
}

#[test]
fn independent_nodes_and_joins_are_allowed() {
    let device = open();
    let add = load(&device, "add", ADD);
    let (x, a, b, c) = (
        upload(&device, "x", &[1; 64]),
        upload(&device, "a", &[0; 64]),
        upload(&device, "b", &[0; 64]),
        upload(&device, "c", &[0; 64]),
    );
    let nodes = [
        node(&add, &a, &x, &[]),
        node(&add, &b, &x, &[]),
        node(&add, &c, &a, &[(0, Full), (1, Full)]),
        node(&add, &c, &b, &[(1, Full), (2, Programmatic)]),
    ];
    let graph = device.graph(&nodes).unwrap();
    device.replay(&graph).unwrap();
    assert_eq!(download(&device, &c), [2; 64]);
}

#[test]
fn what_is_no_graph_is_refused_and_the_device_goes_on() {
    let device = open();
    let (add, hasty) = (load(&device, "add", ADD), load(&device, "hasty", HASTY));
    let (x, out) = (upload(&device, "x", &[1]), upload(&device, "out", &[0]));
    assert!(problem(device.graph(&[])).contains("no nodes"));
    let itself = [node(&add, &out, &x, &[(0, Full)])];
    assert!(problem(device.graph(&itself)).contains("does not come before it"));
    let twice = [node(&add, &out, &x, &[]), node(&add, &out, &x, &[(0, Full), (0, Programmatic)])];
    assert!(problem(device.graph(&twice)).contains("depends twice"));
    if device.properties().target >= Target::new(9, 0) {
        let early = [node(&add, &out, &x, &[]), node(&hasty, &out, &x, &[(0, Programmatic)])];
        assert!(problem(device.graph(&early)).contains("kernel hasty never waits"));
        let loose = [
            node(&add, &out, &x, &[]),
            node(&add, &out, &x, &[(0, Programmatic)]),
            node(&hasty, &out, &x, &[(1, Full)]),
        ];
        assert!(problem(device.graph(&loose)).contains("lets its successor start"));
    }
    // A node is checked as a launch is.
    let mut wide = node(&add, &out, &x, &[]);
    wide.launch.block = [1025, 1, 1];
    let mut short = node(&add, &out, &x, &[]);
    short.arguments.pop();
    let unknown = Function { kernel: "rope".to_owned(), handle: 99 };
    let missing = node(&unknown, &out, &x, &[]);
    for (bad, said) in [
        (wide, "1025 threads along x"),
        (short, "2 arguments for 3 parameters"),
        (missing, "rope: it is not loaded"),
    ] {
        let error = device.graph(&[node(&add, &out, &x, &[]), bad]).unwrap_err();
        assert!(matches!(error, DeviceError::Launch { .. }) && error.to_string().contains(said), "{error}");
    }
    let graph = device.graph(&[node(&add, &out, &x, &[])]).unwrap();
    let other = open();
    let error = other.replay(&graph).unwrap_err();
    assert!(error.to_string().contains("is of another device"), "{error}");
    device.replay(&graph).unwrap();
    assert_eq!(download(&device, &out), [1]);
}

#[test]
fn a_graph_and_what_it_uses_can_be_dropped_in_any_order() {
    for order in 0..4 {
        let device = open();
        let add = load(&device, "add", ADD);
        let (x, out) = (upload(&device, "x", &[1; 64]), upload(&device, "out", &[0; 64]));
        let graph = device.graph(&[node(&add, &out, &x, &[])]).unwrap();
        device.replay(&graph).unwrap();
        match order {
            // While it may still run.
            0 => drop(graph),
            1 => {
                drop((x, out));
                drop(graph);
                continue;
            }
            2 => {
                // The device goes first, and its code with the graph.
                drop((x, out, add));
                drop(device);
                drop(graph);
                continue;
            }
            _ => {
                drop(graph);
                let again = device.graph(&[node(&add, &out, &x, &[])]).unwrap();
                device.replay(&again).unwrap();
                assert_eq!(download(&device, &out), [2; 64]);
                continue;
            }
        }
        assert_eq!(download(&device, &out), [1; 64]);
    }
}

#[test]
fn the_same_artifact_is_in_as_many_graphs_as_one_likes() {
    let device = open();
    let add = device.load(&artifact(&device, "add", ADD)).unwrap();
    let (x, out) = (upload(&device, "x", &[1; 64]), upload(&device, "out", &[0; 64]));
    let graphs: Vec<Graph> = (0..5).map(|_| device.graph(&[node(&add, &out, &x, &[])]).unwrap()).collect();
    for graph in graphs.iter().chain(&graphs) {
        device.replay(graph).unwrap();
    }
    assert_eq!(download(&device, &out), [10; 64]);
}
