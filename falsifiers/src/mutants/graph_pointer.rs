//! A graph that replays a stale pointer: the second layer attends over the pages of the first, of keys or of latents.

use engine::plan::GraphPoint;
use kernels::device::Argument;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "graph@stale-pointer",
    defect: "the attention node of layer 1 holds the address of the keys, or of the latents, of layer 0",
    point: "graph",
    kinds: &["graph_equals_eager"],
    seam,
};

/// What a layer attends over, by what its pages are called, and the kernels that read it.
const PAGES: [(&str, &str); 2] = [("keys", "attention"), ("latents", "mla_attention")];

fn seam() -> Seam {
    Seam::empty().with::<GraphPoint>(|graph| {
        let named = |argument: &Argument<'_>, name: &str| match argument {
            Argument::Buffer(buffer, _) => buffer.name() == name,
            Argument::U32(_) | Argument::F32(_) => false,
        };
        for (pages, kernel) in PAGES {
            let [zeroth, first] = [0, 1].map(|layer| format!("{pages} of layer {layer}"));
            let mut arguments = graph.nodes.iter().flat_map(|node| &node.arguments);
            let Some(stale) = arguments.find(|argument| named(argument, &zeroth)).copied() else { continue };
            let attention = graph.nodes.iter_mut().filter(|node| node.function.kernel.starts_with(kernel));
            let mut arguments = attention.flat_map(|node| &mut node.arguments);
            if let Some(argument) = arguments.find(|argument| named(argument, &first)) {
                *argument = stale;
                return true;
            }
        }
        false
    })
}
