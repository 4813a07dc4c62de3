//! Values that are not finite, left in tiles that not everyone sees.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention_wgmma@unseen-nan-leaks",
    defect: "a weight of 0 times a NaN that a query does not see is NaN",
    point: "source",
    kinds: &["op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["attention_wgmma"], &[("            if (here != 0) values[i] = eight;\n", "")])
}
