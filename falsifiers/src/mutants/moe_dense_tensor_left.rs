//! A checkpoint that has a dense MLP beside the experts of a layer, which nobody computes.

use std::collections::BTreeSet;

use engine::weights::{WeightsPoint, WeightsValue};
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "checkpoint@dense-beside-experts",
    defect: "a layer with experts has the tensor of a dense MLP too, and it is never read",
    point: "weights",
    kinds: &["weights_consumed"],
    seam,
};

fn seam() -> Seam {
    Seam::empty().with::<WeightsPoint>(|value| match value {
        WeightsValue::Inventory(names) => {
            let gate = |name: &String| name.strip_suffix("mlp.gate.weight").map(str::to_owned);
            let layers: BTreeSet<String> = names.iter().filter_map(gate).collect();
            let dense = layers.into_iter().next().map(|layer| format!("{layer}mlp.gate_proj.weight"));
            dense.is_some_and(|name| names.insert(name))
        }
        WeightsValue::Tensor { .. } => false,
    })
}
