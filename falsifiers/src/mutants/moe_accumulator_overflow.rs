//! The product of an expert that is summed up in F16, where two partial sums of opposite signs become infinite.

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@expert-accumulator-overflow",
    defect: "one feature that an expert gives for its last token is NaN",
    point: "stage",
    kinds: &["finiteness", "oracle_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<StagePoint>(|stage| {
        if stage.name.local() != "mlp.experts.{E}.down_proj" {
            return false;
        }
        let last = stage.values.len().saturating_sub(1);
        stage.values.map(|index, x| if index == last { f64::NAN } else { x })
    })
}
