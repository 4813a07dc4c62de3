//! Which experts tokens are sent to, written down: so that a reference can be given the choice of another run.
//!
//! Where two experts score almost the same, an honest implementation may choose the other one, and everything after that
//! differs by far more than rounding. Such a run is compared with a reference that is given its choice.

use std::collections::BTreeMap;

use crate::trace::Recorded;

/// The experts of each token, layer by layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// For each layer with a mixture of experts, and for each token of the sequence, its experts.
    pub layers: BTreeMap<usize, Vec<Vec<usize>>>,
}

impl Routing {
    /// The choice that the stages `mlp.topk` of a run show: every expert that counts for a token.
    #[must_use]
    pub fn of(stages: &[Recorded]) -> Self {
        let mut routing = Self::default();
        for stage in stages.iter().filter(|stage| stage.name.local() == "mlp.topk") {
            let Some(layer) = stage.name.layer_index() else { continue };
            let rows = (0..stage.tensor.rows()).map(|row| {
                let weights = stage.tensor.row(row).into_iter().enumerate();
                weights.filter(|(_, weight)| *weight != 0.0).map(|(expert, _)| expert).collect()
            });
            routing.layers.entry(layer).or_default().extend(rows);
        }
        routing
    }

    /// The experts of a token, counted from the start of its sequence; `None` where nothing is said of it.
    #[must_use]
    pub fn experts(&self, layer: usize, token: usize) -> Option<&[usize]> {
        Some(self.layers.get(&layer)?.get(token)?)
    }
}
