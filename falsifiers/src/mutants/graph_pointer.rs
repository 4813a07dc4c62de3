//! A graph that replays a stale pointer: the second layer attends over the pages of the first.

use engine::plan::GraphPoint;
use kernels::device::Argument;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "graph@stale-pointer",
    defect: "the attention node of layer 1 holds the address of the keys of layer 0",
    point: "graph",
    kinds: &["graph_equals_eager"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<GraphPoint>(|graph| {
        let keys = |argument: &Argument<'_>, layer: &str| match argument {
            Argument::Buffer(buffer, _) => buffer.name() == layer,
            Argument::U32(_) | Argument::F32(_) => false,
        };
        let first = graph.nodes.iter().flat_map(|node| &node.arguments);
        let Some(first) = first.copied().find(|argument| keys(argument, "keys of layer 0")) else {
            return false;
        };
        let attention = graph.nodes.iter_mut().filter(|node| node.function.kernel.starts_with("attention"));
        let mut arguments = attention.flat_map(|node| &mut node.arguments);
        match arguments.find(|argument| keys(argument, "keys of layer 1")) {
            Some(second) => {
                *second = first;
                true
            }
            None => false,
        }
    })
}
