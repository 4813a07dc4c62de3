//! Experts that a device chose and the truth does not: an honest flip where the two score almost the same, else a defect.
//!
//! What follows a choice differs by far more than rounding, so that the truth is always given the choice of the device, and
//! the choice is judged by itself: from the truth's own router logits, which are those after the device's earlier choices. An
//! expert may stand in another's place if their logits lie no further apart than the logits of the device may lie from the truth.
//! Scores rise with logits, and so the logits say which choice is right; where a bias or groups decide too, they do not: there
//! the choice has to be one that scores make which lie no further from the truth's.

use std::collections::BTreeMap;

use engine::config::Config;
use engine::stage::StageName;
use engine::trace::{Recorded, Tensor};
use kernels::moe_route;
use kernels::{Arithmetic, Dtype};
use ndarray::{Array2, ArrayView1};

use super::watched::CHOICE;
use super::{HonestStage, limit};
use crate::compare::Difference;

/// The first expert of a stage `mlp.topk` that stands where a clearly better one should.
#[must_use]
pub(crate) fn flip(
    config: &Config,
    stages: &[HonestStage],
    biases: &BTreeMap<usize, Vec<f64>>,
    found: &Recorded,
    factor: f64,
) -> Option<Difference> {
    let layer = found.name.layer_index().filter(|_| found.name.local() == CHOICE)?;
    let routing = &config.mixture_of(layer)?.routing;
    let by_logit = routing.n_group == 1 && !config.mixture_of(layer)?.correction_bias;
    let gate = stages.iter().find(|stage| stage.name == StageName::layer(layer, "mlp.gate"))?;
    if !by_logit {
        return other_choice(routing, gate, biases.get(&layer), (found, factor));
    }
    let relative = limit(gate, Dtype::F32, factor).bound();
    (0..found.tensor.rows()).find_map(|token| {
        let (logits, chosen) = (gate.truth.row(token), chosen(&found.tensor, token));
        let size = logits.iter().map(|x| x * x).sum::<f64>().sqrt();
        // Of two logits each may be that far away, the one above and the other below.
        let apart = 2.0 * relative * size;
        worst(&logits, &chosen, routing.num_experts_per_tok).filter(|(_, gap)| !(*gap <= apart)).map(
            |(expert, gap)| {
                let (truth, found) = (0.0, found.tensor.row(token).get(expert).copied().unwrap_or(f64::NAN));
                let metric = "gap_between_chosen_and_left_out";
                Difference::Beyond {
                    index: vec![token, expert],
                    truth,
                    found,
                    metric,
                    value: gap,
                    limit: apart,
                }
            },
        )
    })
}

/// The first expert that no scores near those of the truth choose, with their bias and within their groups.
///
/// A choice is honest where scores that lie as far from the truth's as those of the device may would make it: the scores of its
/// experts larger by that much, and those of the others smaller, or only those of other groups.
fn other_choice(
    routing: &moe_route::Parameters,
    gate: &HonestStage,
    bias: Option<&Vec<f64>>,
    (found, factor): (&Recorded, f64),
) -> Option<Difference> {
    let relative = limit(gate, Dtype::F32, factor).bound();
    let group = |expert: usize| expert * routing.n_group / routing.num_experts.max(1);
    (0..found.tensor.rows()).find_map(|token| {
        let (logits, chosen) = (gate.truth.row(token), chosen(&found.tensor, token));
        let size = logits.iter().map(|x| x * x).sum::<f64>().sqrt();
        // How much a score changes with its logit at most: a quarter of it, or half where all of them have a sum of 1.
        let slope = match routing.scoring {
            moe_route::Scoring::Sigmoid => 0.25,
            moe_route::Scoring::Softmax => 0.5,
        };
        let apart = slope * relative * size;
        let row = Array2::from_shape_vec((1, logits.len()), logits).ok()?;
        let scores = moe_route::scores(row.view(), routing, Arithmetic::F64);
        let made = |change: &dyn Fn(usize) -> f64| -> Vec<usize> {
            let moved = Array2::from_shape_fn(scores.raw_dim(), |(row, expert)| {
                scores[[row, expert]] + change(expert)
            });
            let choice = moe_route::choose(moved.view(), bias.map(ArrayView1::from), routing);
            let mut choice = choice.into_iter().next().unwrap_or_default();
            choice.sort_unstable();
            choice
        };
        let groups: Vec<usize> = chosen.iter().map(|&expert| group(expert)).collect();
        let alone = |expert: usize| if chosen.contains(&expert) { apart } else { -apart };
        let beside =
            |expert: usize| if groups.contains(&group(expert)) { alone(expert).max(0.0) } else { -apart };
        let own = made(&|_| 0.0);
        if [own.clone(), made(&alone), made(&beside)].contains(&chosen) {
            return None;
        }
        let expert = chosen.iter().copied().find(|expert| !own.contains(expert)).unwrap_or(0);
        let choice = |expert: usize| {
            let bias = bias.and_then(|bias| bias.get(expert)).copied().unwrap_or(0.0);
            scores.get((0, expert)).map_or(f64::NAN, |score| score + bias)
        };
        let missed = own.iter().filter(|expert| !chosen.contains(expert)).map(|&expert| choice(expert));
        // A choice of another number of experts is infinitely far off.
        let value = match chosen.len() == own.len() {
            true => (missed.fold(f64::NEG_INFINITY, f64::max) - choice(expert)).abs(),
            false => f64::INFINITY,
        };
        let found = found.tensor.row(token).get(expert).copied().unwrap_or(f64::NAN);
        let metric = "gap_between_chosen_and_left_out";
        Some(Difference::Beyond {
            index: vec![token, expert],
            truth: 0.0,
            found,
            metric,
            value,
            limit: apart,
        })
    })
}

/// The experts that count for a token.
fn chosen(weights: &Tensor, token: usize) -> Vec<usize> {
    let row = weights.row(token).into_iter().enumerate();
    row.filter(|(_, weight)| *weight != 0.0).map(|(expert, _)| expert).collect()
}

/// Of the chosen experts that are not among the best, the one with the smallest logit, and how far it lies below the best one
/// that was left out. A choice of another number of experts is infinitely far off.
fn worst(logits: &[f64], chosen: &[usize], top_k: usize) -> Option<(usize, f64)> {
    if chosen.len() != top_k {
        return Some((chosen.first().copied().unwrap_or(0), f64::INFINITY));
    }
    let logit = |expert: usize| logits.get(expert).copied().unwrap_or(f64::NAN);
    let left_out = (0..logits.len())
        .filter(|expert| !chosen.contains(expert))
        .map(logit)
        .fold(f64::NEG_INFINITY, f64::max);
    let below =
        chosen.iter().map(|&expert| (expert, left_out - logit(expert))).max_by(|a, b| a.1.total_cmp(&b.1))?;
    // Of equal logits the lower index is right, and nobody can be sure which of the two a device saw as larger.
    (below.1 > 0.0 || below.1.is_nan()).then_some(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gap_is_from_the_worst_chosen_to_the_best_left_out() {
        let logits = [0.1, 3.0, 2.0, 2.5, -1.0];
        assert_eq!(worst(&logits, &[1, 3], 2), None);
        assert_eq!(worst(&logits, &[1, 2], 2), Some((2, 0.5)));
        assert_eq!(worst(&logits, &[0, 4], 2), Some((4, 4.0)));
        assert_eq!(worst(&logits, &[1], 2), Some((1, f64::INFINITY)));
        assert_eq!(worst(&logits, &[], 2), Some((0, f64::INFINITY)));
        assert_eq!(worst(&[1.0, 1.0], &[1], 1), None);
    }
}
