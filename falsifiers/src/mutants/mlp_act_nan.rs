//! An activation that is not a number in one place, as an overflow makes it.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mlp@act-nan",
    defect: "the activation of the first feature of the first token is NaN",
    point: "source",
    kinds: &["op_parity", "admission", "stage_parity", "logits_parity", "finiteness", "long_prefill"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["silu_and_mul"],
        &[("float silu = value /", "float silu = token + i == 0 ? __int_as_float(0x7fc00000) : value /")],
    )
}
