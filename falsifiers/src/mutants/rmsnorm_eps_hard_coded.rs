//! A norm that hard-codes the epsilon of another family.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "rmsnorm@eps-hard-coded",
    defect: "norms add 1e-5 under the root, whatever the configuration says",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["rmsnorm", "add_rmsnorm"], &[("(float)EPS", "1e-5f")])
}
