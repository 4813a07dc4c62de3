//! Kernels that are launched together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::simt::graph::{Dependency as Edge, Graph as Template, GraphError, Instance, Kernel, NodeId, Work};

use super::SimtDevice;
use super::modules::Bound;
use crate::device::edges::{edges, programmatic};
use crate::device::graph::{foreign, new_handle};
use crate::device::{Dependency, DeviceError, Graph, GraphNode};

/// Every graph of a device that was not dropped, by its handle.
#[derive(Default)]
pub(super) struct Graphs {
    instances: Mutex<HashMap<u64, Arc<Instance>>>,
}

impl Graphs {
    fn instances(&self) -> MutexGuard<'_, HashMap<u64, Arc<Instance>>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a graph.
pub(super) fn make(device: &SimtDevice, nodes: &[GraphNode<'_>]) -> Result<Graph, DeviceError> {
    device.enter()?;
    let mut bound = Vec::with_capacity(nodes.len());
    let edges = {
        let modules = device.modules();
        for node in nodes {
            bound.push(modules.bind(
                node.function,
                node.launch,
                &node.arguments,
                &device.properties.limits,
            )?);
        }
        edges(nodes, device.properties.target, |function| modules.early(function.handle))?
    };
    let refused = |error: GraphError| DeviceError::Graph { problem: error.to_string() };
    let mut template = Template::new();
    let mut ids: Vec<NodeId> = Vec::with_capacity(nodes.len());
    for Bound { function, launch, parameters } in bound {
        let work = Work::Kernel(Kernel { function, launch, parameters });
        ids.push(template.add(work, &[]).map_err(refused)?);
    }
    for edge in &edges {
        let dependency = match edge.dependency {
            Dependency::Full => Edge::Full,
            Dependency::Programmatic => Edge::Programmatic,
        };
        if let (Some(&from), Some(&to)) = (ids.get(edge.from), ids.get(edge.to)) {
            template.depend_by(from, to, dependency).map_err(refused)?;
        }
    }
    let instance = template.instantiate().map_err(refused)?;
    let (handle, count) = (new_handle(), instance.graph().len());
    device.graphs.instances().insert(handle, Arc::new(instance));
    let graphs = Arc::clone(&device.graphs);
    let release = move |handle| {
        graphs.instances().remove(&handle);
    };
    Ok(Graph::new(handle, count, programmatic(&edges), Box::new(release)))
}

/// Runs every node of a graph. As on a real device, a fault ends everything; nodes before it have run.
pub(super) fn replay(device: &SimtDevice, graph: &Graph) -> Result<(), DeviceError> {
    device.enter()?;
    let instance = device.graphs.instances().get(&graph.handle()).cloned();
    let instance = instance.ok_or_else(|| foreign(graph))?;
    let _alone = device.running.lock().unwrap_or_else(PoisonError::into_inner);
    match instance.launch(&device.device) {
        Ok(ran) => {
            let mut state = device.state();
            ran.kernels.iter().for_each(|(_, report)| state.add(report));
            Ok(())
        }
        Err(stopped) => {
            let kernel = match instance.graph().work(stopped.node) {
                Some(Work::Kernel(kernel)) => kernel.function.name().to_owned(),
                _ => "graph".to_owned(),
            };
            Err(device.watch(&kernel, stopped.error))
        }
    }
}
