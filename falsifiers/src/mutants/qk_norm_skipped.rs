//! A forward pass that was written for an architecture without norms of heads.

use std::cell::RefCell;

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "attention@qk-norm-skipped",
    defect: "queries and keys are rotated as they were projected, without the norm of their heads",
    point: "stage",
    kinds: &["oracle_parity", "golden_output", "loss_bound"],
    seam,
};

thread_local! {
    /// Queries and keys as the layer at hand projects them: a forward pass announces its stages on one thread.
    static PROJECTED: RefCell<[Vec<f64>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

fn seam() -> Seam {
    Seam::empty().with::<StagePoint>(|stage| {
        let (at, normed) = match stage.name.local() {
            "self_attn.q_proj" => (0, false),
            "self_attn.k_proj" => (1, false),
            "self_attn.q_norm" => (0, true),
            "self_attn.k_norm" => (1, true),
            _ => return false,
        };
        PROJECTED.with_borrow_mut(|projected| {
            let projected = &mut projected[at];
            if normed {
                return stage.values.map(|index, x| projected.get(index).copied().unwrap_or(x));
            }
            projected.clear();
            stage.values.map(|_, x| {
                projected.push(x);
                x
            })
        })
    })
}
