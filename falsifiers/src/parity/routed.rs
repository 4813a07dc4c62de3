//! How far the weights of experts may lie from the truth's: as far as the router logits that they follow from take them.
//!
//! The weights of a token are few numbers, and one fewer where their sum is 1. Honest runs round at the same places, so that
//! all of them may lie near the truth there by chance, and an honest device four times as far. Its logits are more
//! numbers; what their limit allows them to move, the weights may move too, and they cannot move by more than that times
//! how steep scores are.

use engine::config::Config;
use engine::stage::StageName;
use kernels::Dtype;
use kernels::moe_route::{Parameters, Scoring};

use super::watched::CHOICE;
use super::{HonestStage, limit};

/// How much the weights of a token change with its logits at most, as vectors of L2. With `p` the weights that have a sum
/// of 1, those change by `diag(p) - p p^T`, whose norm is half or less; a sigmoid rises by a quarter or less.
fn slope(routing: &Parameters) -> f64 {
    let steepest = match routing.scoring {
        Scoring::Sigmoid if !routing.norm_topk_prob => 0.25,
        Scoring::Sigmoid | Scoring::Softmax => 0.5,
    };
    steepest * routing.routed_scaling_factor.abs()
}

/// The error of a row of `mlp.topk`, relative, that the limit of the router logits before it allows; 0 for other stages.
pub(super) fn allowed(config: &Config, stages: &[HonestStage], stage: &HonestStage, factor: f64) -> f64 {
    let layer = stage.name.layer_index().filter(|_| stage.name.local() == CHOICE);
    let Some((layer, mixture)) = layer.and_then(|layer| Some((layer, config.mixture_of(layer)?))) else {
        return 0.0;
    };
    let Some(gate) = stages.iter().find(|stage| stage.name == StageName::layer(layer, "mlp.gate")) else {
        return 0.0;
    };
    let norm = |row: Vec<f64>| row.iter().map(|x| x * x).sum::<f64>().sqrt();
    let rows = stage.truth.rows().min(gate.truth.rows());
    let ratios = (0..rows).map(|row| norm(gate.truth.row(row)) / norm(stage.truth.row(row)));
    // A row without weights has no relative error.
    let largest = ratios.filter(|ratio| ratio.is_finite()).fold(0.0, f64::max);
    slope(&mixture.routing) * limit(gate, Dtype::F32, factor).bound() * largest
}

#[cfg(test)]
mod tests {
    use kernels::{Arithmetic, moe_route};
    use ndarray::Array2;
    use proptest::prelude::*;

    use super::*;

    fn routing() -> impl Strategy<Value = Parameters> {
        (prop::bool::ANY, prop::bool::ANY, 0.5f64..3.0).prop_map(|(sigmoid, norm_topk_prob, scaling)| {
            Parameters {
                num_experts: 6,
                num_experts_per_tok: 3,
                scoring: if sigmoid { Scoring::Sigmoid } else { Scoring::Softmax },
                n_group: 1,
                topk_group: 1,
                norm_topk_prob,
                routed_scaling_factor: scaling,
            }
        })
    }

    proptest! {
        #[test]
        fn weights_of_one_choice_move_no_further_than_their_logits_times_the_slope(
            routing in routing(),
            logits in prop::collection::vec(-4.0f64..4.0, 6),
            moved in prop::collection::vec(-0.5f64..0.5, 6),
        ) {
            let row = |logits: &[f64]| Array2::from_shape_vec((1, logits.len()), logits.to_vec()).unwrap();
            let scores = |logits: &[f64]| moe_route::scores(row(logits).view(), &routing, Arithmetic::F64);
            let chosen = moe_route::choose(scores(&logits).view(), None, &routing);
            let weights = |logits: &[f64]| moe_route::weights(scores(logits).view(), &chosen, &routing, Arithmetic::F64);
            let other: Vec<f64> = logits.iter().zip(&moved).map(|(x, d)| x + d).collect();
            let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
            let (before, after) = (weights(&logits), weights(&other));
            let found = norm(&mut after.iter().zip(&before).map(|(a, b)| a - b));
            prop_assert!(found <= slope(&routing) * norm(&mut moved.iter().copied()) * (1.0 + 1e-9));
        }
    }
}
