//! Values whose second 64 features are taken from where the first lie.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_wgmma@panels-not-apart",
    defect: "the offset from one panel of values to the next is 0",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_wgmma"],
        &[(
            "descriptor(v_tiles + stage * TILE_BYTES, KEYS * PANEL_ROW);",
            "descriptor(v_tiles + stage * TILE_BYTES, 0);",
        )],
    )
}
