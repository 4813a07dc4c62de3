//! Kernels that are launched together: graphs of explicit kernel nodes.
//!
//! CUDA Driver API 13.0, section 6.24 (Graph Management); CUDA C++ Programming Guide 13.0, section 4.5.3 (Use in CUDA
//! Graphs) for programmatic edges.

use std::collections::HashMap;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::sys::{
    self, CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC, CUDA_KERNEL_NODE_PARAMS, CUgraph, CUgraphDependencyType,
    CUgraphEdgeData, CUgraphExec, CUgraphNode,
};

use super::context::Context;
use super::driver::driver_version;
use super::module::Code;
use super::slot::pointers;
use crate::device::edges::{Edge, edges, programmatic};
use crate::device::graph::{foreign, new_handle};
use crate::device::ptx::Early;
use crate::device::{Dependency, DeviceError, Graph, GraphNode, Properties};
use crate::jit::Version;

/// The first driver that takes edges with data (`cuGraphAddDependencies_v2`). An older one has no such function, and
/// that is not found out before it is called.
const EDGES_FROM: Version = Version { major: 12, minor: 3 };

/// Every graph of a device that was not dropped, by its handle.
#[derive(Default)]
pub(super) struct Graphs {
    instances: Mutex<HashMap<u64, Instance>>,
}

/// A graph that can be launched.
#[derive(Clone)]
struct Instance {
    exec: CUgraphExec,
    /// What a fault says of it.
    name: Arc<str>,
}

// SAFETY: the handle belongs to the primary context, which every thread makes current before it uses it; the driver lets
// one thread at a time use a graph, and all uses are under the lock.
unsafe impl Send for Instance {}

/// A graph that is being put together, destroyed at the end.
struct Template(CUgraph);

impl Drop for Template {
    fn drop(&mut self) {
        // SAFETY: made by `cuGraphCreate` and destroyed once. Instances live on.
        let _ = unsafe { sys::cuGraphDestroy(self.0) };
    }
}

impl Graphs {
    /// Makes a graph. Everything is checked before the driver is asked.
    pub(super) fn make(
        self: &Arc<Self>,
        code: &Arc<Code>,
        context: &Arc<Context>,
        properties: &Properties,
        nodes: &[GraphNode<'_>],
    ) -> Result<Graph, DeviceError> {
        context.enter()?;
        let edges = {
            let modules = code.modules();
            for node in nodes {
                modules.checked(node.function, node.launch, &node.arguments, &properties.limits)?;
            }
            let early = |handle| modules.get(handle).map_or(Early::default(), |loaded| loaded.early);
            edges(nodes, properties.target, |function| early(function.handle))?
        };
        let version = driver_version()?;
        if version < EDGES_FROM {
            return Err(problem(format!(
                "the driver supports CUDA {version}, and its graphs are used from {EDGES_FROM} on; update the driver, \
                 or do without graphs"
            )));
        }
        let (template, count) = put_together(code, context, nodes, &edges)?;
        let mut exec = ptr::null_mut();
        // SAFETY: the pointer is valid for a write, and the graph is alive.
        let status = unsafe { sys::cuGraphInstantiateWithFlags(&raw mut exec, template.0, 0) };
        context.check("cuGraphInstantiateWithFlags", status)?;
        let name = match nodes {
            [first, .., last] => {
                let (first, last) = (&first.function.kernel, &last.function.kernel);
                format!("a graph of {count} kernels from {first} to {last}")
            }
            [only] => format!("a graph of one kernel, {}", only.function.kernel),
            [] => "a graph".to_owned(),
        };
        let handle = new_handle();
        self.instances().insert(handle, Instance { exec, name: name.into() });
        let (graphs, code, kept) = (Arc::clone(self), Arc::clone(code), Arc::clone(context));
        let release = move |handle| {
            graphs.destroy(&kept, handle);
            // The code of its kernels is needed until here.
            drop(code);
        };
        let graph = Graph::new(handle, count, programmatic(&edges), Box::new(release));
        // So that the first replay takes no longer than the others.
        // SAFETY: the instance and the stream are alive.
        let status = unsafe { sys::cuGraphUpload(exec, context.stream()) };
        context.check("cuGraphUpload", status)?;
        Ok(graph)
    }

    /// Launches a graph of this device.
    pub(super) fn replay(&self, context: &Context, graph: &Graph) -> Result<(), DeviceError> {
        context.enter()?;
        let instances = self.instances();
        let instance = instances.get(&graph.handle()).ok_or_else(|| foreign(graph))?;
        context.launching(&instance.name);
        // SAFETY: the instance and the stream are alive. What its kernels do with addresses is their own affair, as in a
        // launch: the device checks that they are mapped, and faults otherwise.
        let status = unsafe { sys::cuGraphLaunch(instance.exec, context.stream()) };
        context.check("cuGraphLaunch", status)
    }

    /// Destroys a graph, when nothing runs any more. After a fault it is gone already.
    fn destroy(&self, context: &Context, handle: u64) {
        let Some(instance) = self.instances().remove(&handle) else { return };
        if context.enter().is_ok() && context.wait().is_ok() {
            // SAFETY: made by this and destroyed once; the stream is empty.
            let status = unsafe { sys::cuGraphExecDestroy(instance.exec) };
            if let Err(error) = context.check("cuGraphExecDestroy", status) {
                tracing::warn!("{error}");
            }
        }
    }

    fn instances(&self) -> MutexGuard<'_, HashMap<u64, Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A graph of these nodes and edges, and how many nodes the driver counts. The context is current, and every node was
/// checked.
fn put_together(
    code: &Code,
    context: &Context,
    nodes: &[GraphNode<'_>],
    edges: &[Edge],
) -> Result<(Template, usize), DeviceError> {
    let mut graph = ptr::null_mut();
    // SAFETY: the pointer is valid for a write; the only flag defined is 0.
    context.check("cuGraphCreate", unsafe { sys::cuGraphCreate(&raw mut graph, 0) })?;
    let template = Template(graph);
    let mut handles: Vec<CUgraphNode> = Vec::with_capacity(nodes.len());
    for node in nodes {
        handles.push(add(code, context, &template, node)?);
    }
    connect(context, &template, &handles, edges)?;
    let mut count = 0;
    // SAFETY: without a place for them only their number is written, to a pointer that is valid for it.
    let status = unsafe { sys::cuGraphGetNodes(template.0, ptr::null_mut(), &raw mut count) };
    context.check("cuGraphGetNodes", status)?;
    if count < nodes.len() {
        return Err(problem(format!("the driver counts {count} nodes, and {} were added", nodes.len())));
    }
    Ok((template, count))
}

/// Adds a kernel node without edges.
fn add(
    code: &Code,
    context: &Context,
    template: &Template,
    node: &GraphNode<'_>,
) -> Result<CUgraphNode, DeviceError> {
    let refused = |problem: &str| DeviceError::Launch {
        kernel: node.function.kernel.clone(),
        problem: problem.to_owned(),
    };
    let modules = code.modules();
    let loaded =
        modules.get(node.function.handle).ok_or_else(|| refused("it is not loaded on this device"))?;
    let mut slots = loaded.slots(&node.arguments).map_err(|problem| refused(&problem))?;
    let mut pointers = pointers(&mut slots);
    let ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]) = (node.launch.grid, node.launch.block);
    let parameters = CUDA_KERNEL_NODE_PARAMS {
        func: loaded.function,
        gridDimX: grid_x,
        gridDimY: grid_y,
        gridDimZ: grid_z,
        blockDimX: block_x,
        blockDimY: block_y,
        blockDimZ: block_z,
        sharedMemBytes: node.launch.shared,
        kernelParams: pointers.as_mut_ptr(),
        extra: ptr::null_mut(),
        kern: ptr::null_mut(),
        ctx: ptr::null_mut(),
    };
    let mut handle = ptr::null_mut();
    // SAFETY: the graph is alive and the function loaded; one pointer a parameter, each to at least as many bytes as the
    // parameter has, which the driver has copied when the call returns.
    let status = unsafe {
        sys::cuGraphAddKernelNode_v2(&raw mut handle, template.0, ptr::null(), 0, &raw const parameters)
    };
    match context.check("cuGraphAddKernelNode", status) {
        Ok(()) => Ok(handle),
        Err(DeviceError::Driver { message, .. }) => Err(refused(&message)),
        Err(other) => Err(other),
    }
}

/// Adds every edge.
fn connect(
    context: &Context,
    template: &Template,
    handles: &[CUgraphNode],
    edges: &[Edge],
) -> Result<(), DeviceError> {
    let ends = |place: fn(&Edge) -> usize| -> Option<Vec<CUgraphNode>> {
        edges.iter().map(|edge| handles.get(place(edge)).copied()).collect()
    };
    let (Some(from), Some(to)) = (ends(|edge| edge.from), ends(|edge| edge.to)) else {
        return Err(problem("an edge leads to a node that is not there".to_owned()));
    };
    let data: Vec<CUgraphEdgeData> = edges.iter().map(|edge| data(edge.dependency)).collect();
    if data.is_empty() {
        return Ok(());
    }
    // SAFETY: three lists of as many members as are named, and nodes of this graph.
    let status = unsafe {
        sys::cuGraphAddDependencies_v2(template.0, from.as_ptr(), to.as_ptr(), data.as_ptr(), data.len())
    };
    context.check("cuGraphAddDependencies", status)
}

/// An edge as the driver has it: a programmatic one leaves the port that opens when every block has called
/// `griddepcontrol.launch_dependents` or ended.
const fn data(dependency: Dependency) -> CUgraphEdgeData {
    let (port, kind) = match dependency {
        Dependency::Full => (0, CUgraphDependencyType::CU_GRAPH_DEPENDENCY_TYPE_DEFAULT),
        Dependency::Programmatic => (
            CU_GRAPH_KERNEL_NODE_PORT_PROGRAMMATIC as u8,
            CUgraphDependencyType::CU_GRAPH_DEPENDENCY_TYPE_PROGRAMMATIC,
        ),
    };
    CUgraphEdgeData { from_port: port, to_port: 0, type_: kind as u8, reserved: [0; 5] }
}

fn problem(problem: String) -> DeviceError {
    DeviceError::Graph { problem }
}
