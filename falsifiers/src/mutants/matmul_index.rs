//! A matrix product whose place in the result is counted in 32 bits: logits of 32,769 tokens and 131,072 words are more.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "matmul@index-in-32-bits",
    defect: "results of matrix products beyond 2^32 elements are written over the first ones",
    point: "source",
    kinds: &["long_prefill"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["matmul", "matmul_simt"],
        &[("out[(u64)token * OUT_FEATURES + feature]", "out[token * (u32)OUT_FEATURES + feature]")],
    )
}
