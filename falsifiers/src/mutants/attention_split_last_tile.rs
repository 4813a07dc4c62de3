//! A decoded token that does not see the last keys unless they fill a tile.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_split@last-tile-dropped",
    defect: "a tile that is not whole is left out",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["attention_split"],
        &[("const u32 end_tile = (end + TILE - 1) / TILE;", "const u32 end_tile = end / TILE;")],
    )
}
