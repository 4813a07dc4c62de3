//! A shared key that is written over the first features of its latent.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla_write@shared-key-in-the-latent",
    defect: "the shared key goes where the latent begins",
    point: "source",
    kinds: &["op_parity", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(&["mla_write"], &[("to[KV_LORA_RANK + i] =", "to[i] =")])
}
