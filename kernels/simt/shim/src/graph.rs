//! Graphs as a whole, and their nodes.

use std::collections::BTreeSet;
use std::ffi::c_uint;

use simt::graph::{Graph, GraphError, NodeId};

use crate::boundary::Out;
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
///
/// # Errors
/// [`Status::INVALID_VALUE`] where there is no place for the number.
pub fn give(into: Out<Handle>, count: Out<usize>, found: Vec<Handle>) -> Outcome {
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

/// The handles of nodes of a graph.
///
/// # Errors
/// [`Status::INVALID_VALUE`] where `graph` is none.
pub fn handles(graph: Handle, nodes: impl IntoIterator<Item = NodeId>) -> Outcome<Vec<Handle>> {
    nodes.into_iter().map(|node| node_handle(graph, node)).collect()
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
}
