//! The activation of an expert that is stored in F16, where large ones become infinite.

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@expert-activation-overflow",
    defect: "one feature inside the experts of one token is beyond 65,504, and is infinite",
    point: "stage",
    kinds: &["finiteness", "oracle_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<StagePoint>(|stage| {
        if stage.name.local() != "mlp.experts.{E}.act_and_mul" {
            return false;
        }
        stage.values.map(|index, x| if index == 0 { f64::INFINITY } else { x })
    })
}
