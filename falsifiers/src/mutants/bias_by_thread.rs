//! Biases that are read by the number of the thread: right only as long as a row is no longer than a block.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "bias@indexed-by-thread",
    defect: "the bias of feature i is that of thread i, past the end of a block too",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        source.kernel == "bias" && source.replace("::load(bias[i])", "::load(bias[threadIdx.x])")
    })
}
