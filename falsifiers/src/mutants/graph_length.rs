//! A graph that baked in how long the sequence was when it was made.

use engine::plan::{GraphPoint, Input};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "graph@length-baked-in",
    defect: "every replay attends over as many keys as the first one did",
    point: "graph",
    kinds: &["graph_equals_eager"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<GraphPoint>(|graph| graph.stale.insert(Input::KvLen))
}
