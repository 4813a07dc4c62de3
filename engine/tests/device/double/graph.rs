//! Graphs of the double: launches that are kept with their addresses, and made one after the other.

use kernels::device::{Argument, Buffer, Device, DeviceError, Function, Graph, GraphNode, Launch};

use super::Double;

/// The nodes of a graph, in order.
pub(crate) type Nodes = Vec<Node>;

/// A launch that is kept.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    function: Function,
    launch: Launch,
    arguments: Vec<Kept>,
}

#[derive(Debug, Clone)]
enum Kept {
    Buffer { name: String, address: u64, bytes: u64 },
    U32(u32),
    F32(f32),
}

impl Double {
    pub(super) fn made(&self, nodes: &[GraphNode<'_>]) -> Result<Graph, DeviceError> {
        if let Some(problem) = self.no_graphs.lock().unwrap().clone() {
            return Err(DeviceError::Graph { problem });
        }
        let keep = |argument: &Argument<'_>| match argument {
            Argument::Buffer(buffer, offset) => {
                assert_eq!(*offset, 0);
                let (name, address, bytes) = (buffer.name().to_owned(), buffer.address(), buffer.bytes());
                Kept::Buffer { name, address, bytes }
            }
            Argument::U32(value) => Kept::U32(*value),
            Argument::F32(value) => Kept::F32(*value),
        };
        let node = |node: &GraphNode<'_>| Node {
            function: node.function.clone(),
            launch: node.launch,
            arguments: node.arguments.iter().map(keep).collect(),
        };
        let mut graphs = self.graphs.lock().unwrap();
        graphs.push(nodes.iter().map(node).collect());
        Ok(Graph::new(graphs.len() as u64 - 1, nodes.len(), 0, Box::new(|_| {})))
    }

    pub(super) fn replayed(&self, graph: &Graph) -> Result<(), DeviceError> {
        let at = usize::try_from(graph.handle()).unwrap();
        let nodes = self.graphs.lock().unwrap()[at].clone();
        for node in nodes {
            let buffers: Vec<Buffer> = node
                .arguments
                .iter()
                .filter_map(|kept| match kept {
                    Kept::Buffer { name, address, bytes } => {
                        Some(Buffer::new(name, *address, *bytes, Box::new(|_| {})))
                    }
                    Kept::U32(_) | Kept::F32(_) => None,
                })
                .collect();
            let mut buffers = buffers.iter();
            let arguments: Vec<Argument<'_>> = node
                .arguments
                .iter()
                .map(|kept| match kept {
                    Kept::Buffer { .. } => Argument::Buffer(buffers.next().unwrap(), 0),
                    Kept::U32(value) => Argument::U32(*value),
                    Kept::F32(value) => Argument::F32(*value),
                })
                .collect();
            self.launch(&node.function, node.launch, &arguments)?;
        }
        Ok(())
    }
}
