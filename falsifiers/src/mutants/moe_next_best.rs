//! A choice of experts that loses the best one, as a selection that starts from rank one does.

use std::cell::RefCell;

use engine::trace::StagePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe@next-best-expert",
    defect: "the best of those that were left out takes the place of the best expert, with its weight",
    point: "stage",
    kinds: &["oracle_parity", "golden_output", "loss_bound"],
    seam,
};

thread_local! {
    /// The router logits of the layer at hand: a forward pass announces its stages on one thread.
    static LOGITS: RefCell<Vec<f64>> = const { RefCell::new(Vec::new()) };
}

fn seam() -> Seam {
    Seam::empty().with::<StagePoint>(|stage| {
        let experts = stage.shape.last().copied().unwrap_or(0);
        match stage.name.local() {
            "mlp.gate" => LOGITS.with_borrow_mut(|logits| {
                logits.clear();
                stage.values.map(|_, x| {
                    logits.push(x);
                    x
                })
            }),
            "mlp.topk" => LOGITS.with_borrow(|logits| {
                let mut weights = Vec::with_capacity(logits.len());
                stage.values.map(|_, x| {
                    weights.push(x);
                    x
                });
                for (row, logits) in weights.chunks_mut(experts.max(1)).zip(logits.chunks(experts.max(1))) {
                    let best = |among: &[f64], wanted: fn(f64) -> bool| {
                        let indices = (0..among.len()).filter(|&at| wanted(row[at]));
                        indices.max_by(|&a, &b| logits[a].total_cmp(&logits[b]))
                    };
                    let (chosen, left) = (best(logits, |w| w != 0.0), best(logits, |w| w == 0.0));
                    if let (Some(chosen), Some(left)) = (chosen, left) {
                        row.swap(chosen, left);
                    }
                }
                stage.values.map(|index, x| weights.get(index).copied().unwrap_or(x))
            }),
            _ => false,
        }
    })
}
