//! Nodes of graphs.

use std::ffi::c_int;
use std::sync::Arc;

use simt::graph::{Graph, NodeId, Work};

use crate::boundary::{In, Out};
use crate::copy2d::Copy3d;
use crate::graph::{node_handle, node_of, with};
use crate::handles::{Handle, Kind, handle, node_id};
use crate::node_params::{FillParams, HostParams, KernelParams, KernelParams2};
use crate::report;
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// Adds a node that runs after others.
fn add(
    session: &Session,
    call: &str,
    node: Out<Handle>,
    graph: Handle,
    (after, count): (In<Handle>, usize),
    work: Work,
) -> Outcome {
    if node.is_null() {
        return Err(Status::INVALID_VALUE);
    }
    let after: Vec<NodeId> =
        after.list(count)?.into_iter().map(|node| node_of(graph, node)).collect::<Outcome<_>>()?;
    let id = with(session, call, graph, |graph| graph.add(work, &after))?;
    node.set(node_handle(graph, id)?)
}

/// Changes what a node of a graph does, to something of the same kind.
fn change(session: &Session, call: &str, node: Handle, work: Work) -> Outcome {
    let (number, id) = node_id(node)?;
    with(session, call, handle(Kind::Graph, number, 0), |graph| {
        let same = graph.work(id).is_some_and(|old| kind(old) == kind(&work));
        Ok(if same {
            graph.set_work(id, work).map_err(|_| Status::INVALID_VALUE)
        } else {
            Err(Status::INVALID_VALUE)
        })
    })?
}

/// `CUgraphNodeType`.
fn kind(work: &Work) -> c_int {
    match work {
        Work::Kernel(_) => 0,
        Work::Write { .. } | Work::Read { .. } | Work::Copy { .. } => 1,
        Work::Fill { .. } => 2,
        Work::Host(_) => 3,
        Work::Graph(_) => 4,
        Work::Empty => 5,
        // Rows of a fill, or of a copy.
        Work::Rows(rows) => rows.first().map_or(1, kind),
    }
}

fn linked(node: Handle, into: Out<Handle>, count: Out<usize>, before: bool) -> Outcome {
    let (number, id) = node_id(node)?;
    let graph = handle(Kind::Graph, number, 0);
    let pick = |graph: &Graph| -> Vec<NodeId> {
        let edges = graph.edges();
        if before {
            edges.filter(|edge| edge.1 == id).map(|edge| edge.0).collect()
        } else {
            edges.filter(|edge| edge.0 == id).map(|edge| edge.1).collect()
        }
    };
    let found = with(&*session()?, "cuGraphNodeGetDependencies", graph, |graph| Ok(pick(graph)))?;
    if into.is_null() {
        return count.set(found.len());
    }
    let given = found.len().min(count.get()?);
    let handles: Vec<Handle> =
        found.into_iter().take(given).map(|id| node_handle(graph, id)).collect::<Outcome<_>>()?;
    into.list(handles);
    count.set(given)
}

exports! {
    fn cuGraphAddKernelNode(
        node: Out<Handle>, graph: Handle, after: In<Handle>, count: usize, parameters: In<KernelParams>,
    ) {
        let session = session()?;
        let kernel = parameters.get()?.kernel(&session)?;
        add(&session, "cuGraphAddKernelNode", node, graph, (after, count), Work::Kernel(kernel))
    }
    fn cuGraphAddKernelNode_v2(
        node: Out<Handle>, graph: Handle, after: In<Handle>, count: usize, parameters: In<KernelParams2>,
    ) {
        let session = session()?;
        let kernel = parameters.get()?.kernel(&session)?;
        add(&session, "cuGraphAddKernelNode", node, graph, (after, count), Work::Kernel(kernel))
    }
    fn cuGraphAddMemcpyNode(
        node: Out<Handle>, graph: Handle, after: In<Handle>, count: usize, copy: In<Copy3d>, context: Handle,
    ) {
        let _ = context;
        let session = session()?;
        let work = copy.get()?.work(&session)?;
        add(&session, "cuGraphAddMemcpyNode", node, graph, (after, count), work)
    }
    fn cuGraphAddMemsetNode(
        node: Out<Handle>, graph: Handle, after: In<Handle>, count: usize, fill: In<FillParams>, context: Handle,
    ) {
        let _ = context;
        let session = session()?;
        let work = fill.get()?.work()?;
        add(&session, "cuGraphAddMemsetNode", node, graph, (after, count), work)
    }
    fn cuGraphAddHostNode(
        node: Out<Handle>, graph: Handle, after: In<Handle>, count: usize, call: In<HostParams>,
    ) {
        let session = session()?;
        let work = call.get()?.work()?;
        add(&session, "cuGraphAddHostNode", node, graph, (after, count), work)
    }
    fn cuGraphAddEmptyNode(node: Out<Handle>, graph: Handle, after: In<Handle>, count: usize) {
        let session = session()?;
        add(&session, "cuGraphAddEmptyNode", node, graph, (after, count), Work::Empty)
    }
    fn cuGraphAddChildGraphNode(
        node: Out<Handle>, graph: Handle, after: In<Handle>, count: usize, child: Handle,
    ) {
        let session = session()?;
        let call = "cuGraphAddChildGraphNode";
        let instance = with(&session, call, child, |child| child.instantiate())?;
        add(&session, call, node, graph, (after, count), Work::Graph(Arc::new(instance)))
    }
    fn cuGraphDestroyNode(node: Handle) {
        let (number, id) = node_id(node)?;
        with(&*session()?, "cuGraphDestroyNode", handle(Kind::Graph, number, 0), |graph| graph.remove(id))
    }
    fn cuGraphNodeGetType(node: Handle, found: Out<c_int>) {
        let (number, id) = node_id(node)?;
        let graph = handle(Kind::Graph, number, 0);
        let kind = with(&*session()?, "cuGraphNodeGetType", graph, |graph| Ok(graph.work(id).map(kind)))?;
        found.set(kind.ok_or(Status::INVALID_VALUE)?)
    }
    fn cuGraphNodeGetDependencies(node: Handle, into: Out<Handle>, count: Out<usize>) {
        linked(node, into, count, true)
    }
    fn cuGraphNodeGetDependentNodes(node: Handle, into: Out<Handle>, count: Out<usize>) {
        linked(node, into, count, false)
    }
    fn cuGraphKernelNodeSetParams(node: Handle, parameters: In<KernelParams>) {
        let session = session()?;
        let kernel = parameters.get()?.kernel(&session)?;
        change(&session, "cuGraphKernelNodeSetParams", node, Work::Kernel(kernel))
    }
    fn cuGraphKernelNodeSetParams_v2(node: Handle, parameters: In<KernelParams2>) {
        let session = session()?;
        let kernel = parameters.get()?.kernel(&session)?;
        change(&session, "cuGraphKernelNodeSetParams", node, Work::Kernel(kernel))
    }
    fn cuGraphMemcpyNodeSetParams(node: Handle, copy: In<Copy3d>) {
        let session = session()?;
        let work = copy.get()?.work(&session)?;
        change(&session, "cuGraphMemcpyNodeSetParams", node, work)
    }
    fn cuGraphMemsetNodeSetParams(node: Handle, fill: In<FillParams>) {
        change(&*session()?, "cuGraphMemsetNodeSetParams", node, fill.get()?.work()?)
    }
    fn cuGraphAddMemAllocNode(
        node: Out<Handle>, graph: Handle, after: In<Handle>, count: usize, parameters: usize,
    ) {
        let _ = (node, graph, after, count, parameters);
        session()?;
        report::note("cuGraphAddMemAllocNode: a graph cannot allocate here; allocate before it is made");
        Err(Status::NOT_SUPPORTED)
    }
}
