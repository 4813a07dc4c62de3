//! An activation that depends on when it is computed, as a sum by atomics does.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mlp@time-dependent",
    defect: "the gated activation carries a last digit of the clock",
    point: "source",
    kinds: &["determinism"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["silu_and_mul"],
        &[(
            "float silu = value /",
            r#"if (clock64() & 1) value *= 1.015625f;
        float silu = value /"#,
        )],
    )
}
