//! Attention that takes the codes of E4M3 pages for keys and values.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "pages@codes-read-unscaled",
    defect: "attention does not multiply what it reads from pages of E4M3 by its scale",
    point: "source",
    kinds: &["kv_dtype", "op_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &[
            "attention_decode",
            "attention_plain",
            "attention_prefill",
            "attention_split",
            "mla_attention_plain",
            "mla_attention_split",
            "mla_unabsorbed",
        ],
        &[("return x * scale;", "return x;")],
    )
}
