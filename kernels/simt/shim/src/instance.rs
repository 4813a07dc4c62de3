//! Graphs that can be launched.

use std::ffi::{c_char, c_int};
use std::sync::Arc;

use simt::graph::{Instance, UpdateError, Work};

use crate::boundary::{In, Out};
use crate::copy2d::Copy3d;
use crate::graph::with;
use crate::handles::{Handle, node_id, stream_id};
use crate::node_params::{FillParams, HostParams, KernelParams, KernelParams2};
use crate::report;
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// `CUgraphExecUpdateResultInfo`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Updated {
    result: c_int,
    node: Handle,
    from: Handle,
}

/// `CUDA_GRAPH_INSTANTIATE_PARAMS`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct InstantiateParams {
    flags: u64,
    upload: Handle,
    node: Handle,
    result: c_int,
}

/// Free memory that a graph still holds; upload; launch from the device; priorities of nodes. Of these only launching
/// from the device is not there.
const FLAGS: u64 = 1 | 2 | 8;

fn instantiate(instance: Out<Handle>, graph: Handle, flags: u64) -> Outcome {
    let session = session()?;
    if flags & !FLAGS != 0 {
        return Err(Status::NOT_SUPPORTED);
    }
    if instance.is_null() {
        return Err(Status::INVALID_VALUE);
    }
    let made = with(&session, "cuGraphInstantiate", graph, |graph| graph.instantiate())?;
    instance.set(session.instances.insert(made))
}

/// Changes what a node of an instance does. Nodes are named as in the graph that it was made from.
fn change(session: &Session, call: &str, instance: Handle, node: Handle, work: Work) -> Outcome {
    let (_, id) = node_id(node)?;
    let changed = session.instances.with(instance, |instance| instance.set_work(id, work));
    changed.map_err(|_| Status::INVALID_VALUE)?.map_err(|error| {
        report::note(&format!("{call}: {error}"));
        Status::INVALID_VALUE
    })
}

/// Becomes what a graph does, and says which way it could not (`CUgraphExecUpdateResult`).
fn update(instance: Handle, graph: Handle) -> Outcome<c_int> {
    let session = session()?;
    let graph = with(&session, "cuGraphExecUpdate", graph, |graph| Ok(graph.clone()))?;
    let updated = session
        .instances
        .with(instance, |instance| instance.update(&graph))
        .map_err(|_| Status::INVALID_VALUE)?;
    Ok(updated.map_or_else(
        |error| {
            report::note(&format!("cuGraphExecUpdate: {error}"));
            match error {
                UpdateError::Topology(..) => 2,
                UpdateError::Kind(..) => 3,
                UpdateError::Node(_) => 1,
            }
        },
        |()| 0,
    ))
}

fn launch(instance: Handle, stream: Handle) -> Outcome {
    let session = session()?;
    let stream = stream_id(stream)?;
    let copy: Instance =
        session.instances.with(instance, |instance| instance.clone()).map_err(|_| Status::INVALID_VALUE)?;
    if copy.graph().is_empty() {
        report::note("cuGraphLaunch: the graph has no nodes: nothing was captured into it");
    }
    session.submit("cuGraphLaunch", stream, Work::Graph(Arc::new(copy)))
}

exports! {
    fn cuGraphInstantiateWithFlags(instance: Out<Handle>, graph: Handle, flags: u64) {
        instantiate(instance, graph, flags)
    }
    fn cuGraphInstantiate_v2(
        instance: Out<Handle>, graph: Handle, node: Out<Handle>, log: Out<c_char>, bytes: usize,
    ) {
        node.offer(0);
        if bytes > 0 {
            log.offer(0);
        }
        instantiate(instance, graph, 0)
    }
    fn cuGraphInstantiateWithParams(instance: Out<Handle>, graph: Handle, parameters: Out<InstantiateParams>) {
        let asked = parameters.get()?;
        let outcome = instantiate(instance, graph, asked.flags);
        let result = c_int::from(outcome.is_err());
        parameters.set(InstantiateParams { node: 0, result, ..asked })?;
        outcome
    }
    fn cuGraphExecDestroy(instance: Handle) {
        session()?.instances.remove(instance).map(|_| ()).map_err(|_| Status::INVALID_VALUE)
    }
    fn cuGraphExecGetFlags(instance: Handle, flags: Out<u64>) {
        session()?.instances.with(instance, |_| ()).map_err(|_| Status::INVALID_VALUE)?;
        flags.set(0)
    }
    fn cuGraphLaunch(instance: Handle, stream: Handle) {
        launch(instance, stream)
    }
    fn cuGraphUpload(instance: Handle, stream: Handle) {
        stream_id(stream)?;
        session()?.instances.with(instance, |_| ()).map_err(|_| Status::INVALID_VALUE)
    }
    fn cuGraphExecUpdate(instance: Handle, graph: Handle, node: Out<Handle>, result: Out<c_int>) {
        let found = update(instance, graph)?;
        node.offer(0);
        result.offer(found);
        if found == 0 { Ok(()) } else { Err(Status::GRAPH_EXEC_UPDATE_FAILURE) }
    }
    fn cuGraphExecUpdate_v2(instance: Handle, graph: Handle, result: Out<Updated>) {
        let found = update(instance, graph)?;
        result.offer(Updated { result: found, node: 0, from: 0 });
        if found == 0 { Ok(()) } else { Err(Status::GRAPH_EXEC_UPDATE_FAILURE) }
    }
    fn cuGraphExecKernelNodeSetParams(instance: Handle, node: Handle, parameters: In<KernelParams>) {
        let session = session()?;
        let kernel = parameters.get()?.kernel(&session)?;
        change(&session, "cuGraphExecKernelNodeSetParams", instance, node, Work::Kernel(kernel))
    }
    fn cuGraphExecKernelNodeSetParams_v2(instance: Handle, node: Handle, parameters: In<KernelParams2>) {
        let session = session()?;
        let kernel = parameters.get()?.kernel(&session)?;
        change(&session, "cuGraphExecKernelNodeSetParams", instance, node, Work::Kernel(kernel))
    }
    fn cuGraphExecMemcpyNodeSetParams(instance: Handle, node: Handle, copy: In<Copy3d>, context: Handle) {
        let _ = context;
        let session = session()?;
        let work = copy.get()?.work(&session)?;
        change(&session, "cuGraphExecMemcpyNodeSetParams", instance, node, work)
    }
    fn cuGraphExecMemsetNodeSetParams(instance: Handle, node: Handle, fill: In<FillParams>, context: Handle) {
        let _ = context;
        let session = session()?;
        change(&session, "cuGraphExecMemsetNodeSetParams", instance, node, fill.get()?.work()?)
    }
    fn cuGraphExecHostNodeSetParams(instance: Handle, node: Handle, call: In<HostParams>) {
        let session = session()?;
        change(&session, "cuGraphExecHostNodeSetParams", instance, node, call.get()?.work()?)
    }
}
