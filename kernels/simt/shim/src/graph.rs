//! Graphs as a whole: their nodes and edges.

use std::collections::BTreeSet;
use std::ffi::c_uint;

use simt::graph::{Graph, GraphError, NodeId};

use crate::boundary::{In, Out};
use crate::handles::{Handle, Kind, handle, node_id, parts};
use crate::report;
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// The handle of a node of a graph.
///
/// # Errors
/// [`Status::INVALID_VALUE`] where `graph` is none.
pub fn node_handle(graph: Handle, node: NodeId) -> Outcome<Handle> {
    let (number, _) = parts(Kind::Graph, graph).map_err(|_| Status::INVALID_VALUE)?;
    Ok(handle(Kind::Node, number, u64::from(node.0)))
}

/// The node of a handle, which must be of this graph.
///
/// # Errors
/// [`Status::INVALID_VALUE`].
pub fn node_of(graph: Handle, node: Handle) -> Outcome<NodeId> {
    let (owner, id) = node_id(node)?;
    if parts(Kind::Graph, graph).is_ok_and(|(number, _)| number == owner) {
        Ok(id)
    } else {
        Err(Status::INVALID_VALUE)
    }
}

/// Does something with a graph.
///
/// # Errors
/// [`Status::INVALID_VALUE`] where there is none, and for what the graph refuses, which is said.
pub fn with<R>(
    session: &Session,
    call: &str,
    graph: Handle,
    action: impl FnOnce(&mut Graph) -> Result<R, GraphError>,
) -> Outcome<R> {
    session.graphs.with(graph, action).map_err(|_| Status::INVALID_VALUE)?.map_err(|error| {
        report::note(&format!("{call}: {error}"));
        Status::INVALID_VALUE
    })
}

/// A list into a place for it: as many as fit; without a place only their number.
fn give(into: Out<Handle>, count: Out<usize>, found: Vec<Handle>) -> Outcome {
    if into.is_null() {
        return count.set(found.len());
    }
    let room = count.get()?;
    let given = found.len().min(room);
    // Places that are left over are empty.
    into.list(
        found.into_iter().map(Some).chain(std::iter::repeat(None)).take(room).map(Option::unwrap_or_default),
    );
    count.set(given)
}

fn handles(graph: Handle, nodes: impl IntoIterator<Item = NodeId>) -> Outcome<Vec<Handle>> {
    nodes.into_iter().map(|node| node_handle(graph, node)).collect()
}

fn depend(call: &str, graph: Handle, from: In<Handle>, to: In<Handle>, count: usize, on: bool) -> Outcome {
    let session = session()?;
    let ends = |list: In<Handle>| -> Outcome<Vec<NodeId>> {
        list.list(count)?.into_iter().map(|node| node_of(graph, node)).collect()
    };
    let pairs: Vec<(NodeId, NodeId)> = ends(from)?.into_iter().zip(ends(to)?).collect();
    with(&session, call, graph, |graph| {
        // All of them or none.
        let mut changed = graph.clone();
        for &(from, to) in &pairs {
            if on { changed.depend(from, to)? } else { changed.undepend(from, to)? }
        }
        *graph = changed;
        Ok(())
    })
}

fn edges(graph: Handle, from: Out<Handle>, to: Out<Handle>, count: Out<usize>) -> Outcome {
    let session = session()?;
    let edges: Vec<(NodeId, NodeId)> =
        with(&session, "cuGraphGetEdges", graph, |graph| Ok(graph.edges().collect()))?;
    if from.is_null() != to.is_null() {
        return Err(Status::INVALID_VALUE);
    }
    let room = if from.is_null() { 0 } else { count.get()? };
    give(from, count, handles(graph, edges.iter().map(|edge| edge.0))?)?;
    if !to.is_null() {
        count.set(room)?;
        give(to, count, handles(graph, edges.iter().map(|edge| edge.1))?)?;
    }
    Ok(())
}

exports! {
    fn cuGraphCreate(graph: Out<Handle>, flags: c_uint) {
        let session = session()?;
        if flags != 0 || graph.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        graph.set(session.graphs.insert(Graph::new()))
    }
    fn cuGraphDestroy(graph: Handle) {
        session()?.graphs.remove(graph).map(|_| ()).map_err(|_| Status::INVALID_VALUE)
    }
    fn cuGraphClone(clone: Out<Handle>, original: Handle) {
        let session = session()?;
        let copy = session.graphs.with(original, |graph| graph.clone()).map_err(|_| Status::INVALID_VALUE)?;
        clone.set(session.graphs.insert(copy))
    }
    fn cuGraphNodeFindInClone(found: Out<Handle>, node: Handle, clone: Handle) {
        let (_, id) = node_id(node)?;
        let there = with(&*session()?, "cuGraphNodeFindInClone", clone, |graph| Ok(graph.work(id).is_some()))?;
        if there { found.set(node_handle(clone, id)?) } else { Err(Status::INVALID_VALUE) }
    }
    fn cuGraphGetNodes(graph: Handle, nodes: Out<Handle>, count: Out<usize>) {
        let session = session()?;
        let found: Vec<NodeId> =
            with(&session, "cuGraphGetNodes", graph, |graph| Ok(graph.nodes().map(|(id, _)| id).collect()))?;
        give(nodes, count, handles(graph, found)?)
    }
    fn cuGraphGetRootNodes(graph: Handle, nodes: Out<Handle>, count: Out<usize>) {
        let session = session()?;
        let found: Vec<NodeId> = with(&session, "cuGraphGetRootNodes", graph, |graph| {
            let after: BTreeSet<NodeId> = graph.edges().map(|(_, to)| to).collect();
            Ok(graph.nodes().map(|(id, _)| id).filter(|id| !after.contains(id)).collect())
        })?;
        give(nodes, count, handles(graph, found)?)
    }
    fn cuGraphGetEdges(graph: Handle, from: Out<Handle>, to: Out<Handle>, count: Out<usize>) {
        edges(graph, from, to, count)
    }
    fn cuGraphGetEdges_v2(graph: Handle, from: Out<Handle>, to: Out<Handle>, data: Out<[u8; 8]>, count: Out<usize>) {
        edges(graph, from, to, count)?;
        if !data.is_null() {
            // Plain edges: all zeros.
            let plain = count.get()?;
            data.list(std::iter::repeat_n([0; 8], plain));
        }
        Ok(())
    }
    fn cuGraphAddDependencies(graph: Handle, from: In<Handle>, to: In<Handle>, count: usize) {
        depend("cuGraphAddDependencies", graph, from, to, count, true)
    }
    fn cuGraphAddDependencies_v2(graph: Handle, from: In<Handle>, to: In<Handle>, data: In<[u8; 8]>, count: usize) {
        if !data.is_null() && data.list(count)?.iter().any(|data| *data != [0; 8]) {
            return Err(Status::NOT_SUPPORTED);
        }
        depend("cuGraphAddDependencies", graph, from, to, count, true)
    }
    fn cuGraphRemoveDependencies(graph: Handle, from: In<Handle>, to: In<Handle>, count: usize) {
        depend("cuGraphRemoveDependencies", graph, from, to, count, false)
    }
    fn cuGraphRemoveDependencies_v2(graph: Handle, from: In<Handle>, to: In<Handle>, data: In<[u8; 8]>, count: usize) {
        let _ = data;
        depend("cuGraphRemoveDependencies", graph, from, to, count, false)
    }
}
