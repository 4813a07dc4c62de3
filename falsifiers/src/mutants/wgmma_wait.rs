//! Keys that are multiplied before they have come.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry. Every barrier is still waited for, so that nothing hangs.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_wgmma@keys-awaited-too-late",
    defect: "products of keys begin before it is waited for the copy of the keys",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_wgmma"],
        &[(
            "        wait_for_phase(k_full(ring.stage), ring.parity);\n        multiply_keys(ring.stage);\n",
            "        multiply_keys(ring.stage);\n        wait_for_phase(k_full(ring.stage), ring.parity);\n",
        )],
    )
}
