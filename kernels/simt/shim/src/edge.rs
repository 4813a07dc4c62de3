//! Edges between nodes of graphs.

use std::collections::BTreeMap;

use simt::graph::{Dependency, NodeId};

use crate::boundary::{In, Out};
use crate::graph::{give, handles, node_of, with};
use crate::handles::Handle;
use crate::report;
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// `CUgraphEdgeData`: the port that it leaves, the port that it leads to, its type, and five bytes that are zero.
type Data = [u8; 8];

/// `CU_GRAPH_KERNEL_NODE_PORT_DEFAULT`, `CU_GRAPH_DEPENDENCY_TYPE_DEFAULT`.
const FULL: Data = [0; 8];
/// `CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC`, `CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC`.
const PROGRAMMATIC: Data = [1, 0, 1, 0, 0, 0, 0, 0];

/// What an edge means.
///
/// # Errors
/// [`Status::NOT_SUPPORTED`] for the port of the launch order, and below compute capability 9.0 for every edge that is
/// not full; [`Status::INVALID_VALUE`] for what is no edge.
fn dependency(session: &Session, call: &str, data: Data) -> Outcome<Dependency> {
    match data {
        FULL => Ok(Dependency::Full),
        PROGRAMMATIC if session.device.limits().major >= 9 => Ok(Dependency::Programmatic),
        PROGRAMMATIC | [2, 0, 1, 0, 0, 0, 0, 0] => {
            report::note(&format!("{call}: an edge of the data {data:?} is not supported on this device"));
            Err(Status::NOT_SUPPORTED)
        }
        _ => Err(Status::INVALID_VALUE),
    }
}

/// The edges that two lists of nodes name, and one of data unless it is null.
fn named(
    session: &Session,
    call: &str,
    graph: Handle,
    (from, to, data): (In<Handle>, In<Handle>, In<Data>),
    count: usize,
) -> Outcome<Vec<(NodeId, NodeId, Dependency)>> {
    let ends = |list: In<Handle>| -> Outcome<Vec<NodeId>> {
        list.list(count)?.into_iter().map(|node| node_of(graph, node)).collect()
    };
    let data = if data.is_null() { vec![FULL; count] } else { data.list(count)? };
    let pairs = ends(from)?.into_iter().zip(ends(to)?);
    pairs.zip(data).map(|((from, to), data)| Ok((from, to, dependency(session, call, data)?))).collect()
}

fn add(graph: Handle, ends: (In<Handle>, In<Handle>, In<Data>), count: usize) -> Outcome {
    let (session, call) = (session()?, "cuGraphAddDependencies");
    let edges = named(&session, call, graph, ends, count)?;
    with(&session, call, graph, |graph| {
        // All of them or none.
        let mut changed = graph.clone();
        for &(from, to, dependency) in &edges {
            changed.depend_by(from, to, dependency)?;
        }
        *graph = changed;
        Ok(())
    })
}

/// Takes edges back, each of which has the data that is named.
fn remove(graph: Handle, ends: (In<Handle>, In<Handle>, In<Data>), count: usize) -> Outcome {
    let (session, call) = (session()?, "cuGraphRemoveDependencies");
    let edges = named(&session, call, graph, ends, count)?;
    with(&session, call, graph, |graph| {
        let known: BTreeMap<(NodeId, NodeId), Dependency> =
            graph.dependencies().map(|(from, to, dependency)| ((from, to), dependency)).collect();
        let mut changed = graph.clone();
        for &(from, to, dependency) in &edges {
            if known.get(&(from, to)).is_some_and(|known| *known != dependency) {
                return Ok(Err(Status::INVALID_VALUE));
            }
            changed.undepend(from, to)?;
        }
        *graph = changed;
        Ok(Ok(()))
    })?
}

/// The edges of a graph into lists: as many as fit; without a place only their number.
fn edges(
    graph: Handle,
    (from, to, data): (Out<Handle>, Out<Handle>, Out<Data>),
    count: Out<usize>,
) -> Outcome {
    let session = session()?;
    let edges: Vec<(NodeId, NodeId, Dependency)> =
        with(&session, "cuGraphGetEdges", graph, |graph| Ok(graph.dependencies().collect()))?;
    if from.is_null() != to.is_null() {
        return Err(Status::INVALID_VALUE);
    }
    if from.is_null() {
        return count.set(edges.len());
    }
    let room = count.get()?;
    let early = edges.iter().take(room).any(|edge| edge.2 == Dependency::Programmatic);
    if early && data.is_null() {
        // What the edges are would be lost.
        return Err(Status::LOSSY_QUERY);
    }
    give(from, count, handles(graph, edges.iter().map(|edge| edge.0))?)?;
    count.set(room)?;
    give(to, count, handles(graph, edges.iter().map(|edge| edge.1))?)?;
    data.list(edges.iter().take(room).map(|edge| match edge.2 {
        Dependency::Full => FULL,
        Dependency::Programmatic => PROGRAMMATIC,
    }));
    Ok(())
}

exports! {
    fn cuGraphGetEdges(graph: Handle, from: Out<Handle>, to: Out<Handle>, count: Out<usize>) {
        edges(graph, (from, to, Out::NONE), count)
    }
    fn cuGraphGetEdges_v2(graph: Handle, from: Out<Handle>, to: Out<Handle>, data: Out<Data>, count: Out<usize>) {
        edges(graph, (from, to, data), count)
    }
    fn cuGraphAddDependencies(graph: Handle, from: In<Handle>, to: In<Handle>, count: usize) {
        add(graph, (from, to, In::NONE), count)
    }
    fn cuGraphAddDependencies_v2(graph: Handle, from: In<Handle>, to: In<Handle>, data: In<Data>, count: usize) {
        add(graph, (from, to, data), count)
    }
    fn cuGraphRemoveDependencies(graph: Handle, from: In<Handle>, to: In<Handle>, count: usize) {
        remove(graph, (from, to, In::NONE), count)
    }
    fn cuGraphRemoveDependencies_v2(graph: Handle, from: In<Handle>, to: In<Handle>, data: In<Data>, count: usize) {
        remove(graph, (from, to, data), count)
    }
}
