//! A graph that lost a node on the way: the last one before the norm of the model.

use engine::plan::GraphPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "graph@node-dropped",
    defect: "one kernel of the decode plan has no node, and replays leave its result as it was",
    point: "graph",
    kinds: &["graph_equals_eager"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<GraphPoint>(|graph| {
        let Some(dropped) = graph.nodes.len().checked_sub(2) else { return false };
        graph.nodes.remove(dropped);
        // Edges name nodes by their places.
        for node in graph.nodes.iter_mut().skip(dropped) {
            node.after.iter_mut().for_each(|after| after.node = after.node.saturating_sub(1));
        }
        true
    })
}
