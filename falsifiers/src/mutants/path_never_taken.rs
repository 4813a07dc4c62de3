//! A branch for sizes that nothing here has: whatever is in it, no case can judge it.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kernel@path-never-taken",
    defect: "kernels have a branch of 600 instructions for grids that no launch has",
    point: "source",
    kinds: &["instruction_coverage"],
    seam,
};

/// Instructions in the branch: more than a twentieth of the longest kernel.
const INSTRUCTIONS: usize = 600;

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        let entry =
            source.text.find("__global__").and_then(|at| Some(at + source.text.get(at..)?.find(") {\n")?));
        let Some(entry) = entry else { return false };
        let branch = "trap; ".repeat(INSTRUCTIONS);
        // On the line of the brace, so that lines keep their numbers.
        source.text.insert_str(entry + 3, &format!(" if (gridDim.z == 65535u) asm volatile(\"{branch}\");"));
        true
    })
}
