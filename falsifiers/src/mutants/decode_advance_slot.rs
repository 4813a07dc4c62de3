//! A next token that is written where this one is.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "decode_advance@slot-of-this-token",
    defect: "the keys of a token that was chosen on the device overwrite those of the token before it",
    point: "source",
    kinds: &["op_parity", "graph_equals_eager"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["argmax_advance", "decode_advance"],
        &[
            ("const u32 page = length / PAGE_SIZE;", "const u32 page = (length - 1) / PAGE_SIZE;"),
            ("(i32)(length % PAGE_SIZE)", "(i32)((length - 1) % PAGE_SIZE)"),
        ],
    )
}
