//! Caches in FP8 whose values are cut off instead of rounded.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kv_write@e4m3-truncated",
    defect: "keys and values are truncated to E4M3 instead of rounded to nearest",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel == "kv_write"
            && source.replace("magnitude + 0x7ffffu + ((magnitude >> 20) & 1u)", "magnitude")
    })
}
