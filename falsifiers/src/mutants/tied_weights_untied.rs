//! A tied language head that is left as it was initialised, because the loader looked for `lm_head.weight` and found none.

use engine::weights::{WeightsPoint, WeightsValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "lm_head@tied-weights-untied",
    defect: "the language head of a tied model holds other numbers than the embedding",
    point: "weights",
    kinds: &["loss_bound", "oracle_parity", "golden_output", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<WeightsPoint>(|value| match value {
        // Reversed rows: the right numbers, none of them where it belongs.
        WeightsValue::Tensor { name, values, .. } if *name == "lm_head.weight" => {
            let mut numbers = Vec::with_capacity(values.len());
            values.map(|_, x| {
                numbers.push(x);
                x
            });
            values.map(|_, x| numbers.pop().unwrap_or(x))
        }
        _ => false,
    })
}
