//! A mask that names half of the lanes where a tile is not full.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_attention@half-mask-at-a-partial-tile",
    defect: "shuffles name the lower sixteen lanes only where a tile of latents is partial",
    point: "source",
    kinds: &["sync_safety"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["mla_attention_flash", "mla_attention_split"],
        &[
            (
                "__shfl_xor_sync(0xffffffffu, most, 1)",
                "__shfl_xor_sync(whole ? 0xffffffffu : 0x0000ffffu, most, 1)",
            ),
            (
                "__shfl_xor_sync(0xffffffffu, score, offset)",
                "__shfl_xor_sync(count == TILE ? 0xffffffffu : 0x0000ffffu, score, offset)",
            ),
        ],
    )
}
