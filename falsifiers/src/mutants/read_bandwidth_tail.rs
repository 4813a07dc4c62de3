//! A bandwidth that counts bytes which nobody read.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "read_bandwidth@tail-left-out",
    defect: "what is behind the last whole round of loads is not read",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["read_bandwidth"],
        &[("for (; at < whole; at += stride) {", "for (; at < whole && at > whole; at += stride) {")],
    )
}
