//! A decode step that turns queries and keys to the next position: the length after the append taken for the position.
//!
//! A prefill from the start is unharmed, and a shift of every position alike would cancel in the dot products, so
//! only a claim that mixes prefill and decode can see it.

use engine::models::PositionsPoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "decode@position-off-by-one",
    defect: "tokens after the first chunk are one position too far",
    point: "positions",
    kinds: &["prefill_equals_decode", "golden_output"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<PositionsPoint>(|chunk| {
        if chunk.past == 0 {
            return false;
        }
        for position in chunk.positions.iter_mut() {
            *position += 1;
        }
        true
    })
}
