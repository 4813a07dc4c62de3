//! A softmax scale that is taken from the width in which absorbed attention multiplies: published once as a fix.

use std::cell::Cell;

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "mla@scale-of-latent-width",
    defect: "scores are divided by the root of kv_lora_rank + qk_rope_head_dim instead of that of qk_head_dim",
    point: "stage",
    kinds: &["oracle_parity", "golden_output", "loss_bound"],
    seam,
};

/// Features of a latent, of what is rotated of a key, and of all queries of a token.
#[derive(Clone, Copy, Default)]
struct Widths {
    latent: usize,
    rotated: usize,
    queries: usize,
}

thread_local! {
    /// Those of the layer at hand: a forward pass announces its stages on one thread.
    static WIDTHS: Cell<Widths> = const { Cell::new(Widths { latent: 0, rotated: 0, queries: 0 }) };
}

fn seam() -> Seam {
    Seam::empty().with::<StagePoint>(|stage| {
        let width = stage.shape.last().copied().unwrap_or(0);
        let widths = WIDTHS.get();
        match stage.name.local() {
            "self_attn.q_proj" | "self_attn.q_b_proj" => WIDTHS.set(Widths { queries: width, ..widths }),
            "self_attn.kv_a_layernorm" => WIDTHS.set(Widths { latent: width, ..widths }),
            "self_attn.k_rope" => WIDTHS.set(Widths { rotated: width, ..widths }),
            "self_attn.scores" if widths.latent > 0 => {
                let heads = stage.shape.first().copied().unwrap_or(1);
                let right = widths.queries as f64 / heads as f64;
                let wrong = (widths.latent + widths.rotated) as f64;
                return stage.values.map(|_, x| x * (right / wrong).sqrt());
            }
            _ => {}
        }
        false
    })
}
