//! The router of a mixture of experts: which experts each token is sent to, and how much each of them counts.
//!
//! Fedus et al., "Switch Transformers" (arXiv 2101.03961), equation 1: the scores of a token are the softmax of its router
//! logits over all experts. DeepSeek-AI, "DeepSeek-V3" (arXiv 2412.19437), equations 12 to 16: the scores are sigmoids,
//! experts are chosen by score plus a bias that balances their load, and weighed by the score alone. Section 2.1.2 there
//! limits the choice to some groups of experts, ranked by the sum of the two best of each.
//!
//! Everything is computed in F32, whatever activations are stored in: a choice that flips is no small error.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "moe_route",
    summary: "which experts a token is sent to, and how much each counts",
    declares,
};

fn declares(_: Dtype) -> Declaration {
    Declaration { input: Dtype::F32, accumulator: Dtype::F32, intermediate: Dtype::F32, output: Dtype::F32 }
}

/// What stands beside the sum that weights are divided by, so that scores that are all zero give weights of zero. It is
/// lost in the rounding of every sum of softmax scores.
pub const SMALLEST_SUM: f64 = 1e-20;

/// How many choice scores of a group are added to rank it.
pub const BEST_OF_A_GROUP: usize = 2;

/// How router logits become scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoring {
    /// The softmax over all experts.
    Softmax,
    /// The sigmoid of each expert by itself.
    Sigmoid,
}

/// How tokens choose their experts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Experts of a layer.
    pub num_experts: usize,
    /// Experts that a token is sent to: at most as many as the groups that stay have together.
    pub num_experts_per_tok: usize,
    /// How logits become scores.
    pub scoring: Scoring,
    /// Groups of consecutive experts; divides the experts. With 1 the choice is not limited.
    pub n_group: usize,
    /// Groups that a token may choose from.
    pub topk_group: usize,
    /// Whether the weights of a token are divided by their sum.
    pub norm_topk_prob: bool,
    /// What the weights are multiplied by in the end.
    pub routed_scaling_factor: f64,
}

/// `logits [num_tokens, num_experts]` -> the score of each expert, in the same shape.
#[must_use]
pub fn scores<T: Real>(
    logits: ArrayView2<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let mut scores = logits.mapv(|x| rounding.input(x));
    match parameters.scoring {
        Scoring::Sigmoid => scores.mapv_inplace(|x| T::one() / (T::one() + (-x).exp())),
        Scoring::Softmax => {
            for mut row in scores.axis_iter_mut(Axis(0)) {
                let largest = row.fold(T::neg_infinity(), |m, &x| m.max(x));
                row.mapv_inplace(|x| (x - largest).exp());
                let total = rounding.sum(row.len(), |expert| row[expert]);
                row.mapv_inplace(|x| x / total);
            }
        }
    }
    scores
}

/// `scores [num_tokens, num_experts]` -> for each token its experts, the best first, the lower index first among equals.
///
/// `correction_bias [num_experts]` is added to the scores for this choice only. A score that is NaN is chosen last.
#[must_use]
pub fn choose<T: Real>(
    scores: ArrayView2<'_, T>,
    correction_bias: Option<ArrayView1<'_, T>>,
    parameters: &Parameters,
) -> Vec<Vec<usize>> {
    let Parameters { num_experts, num_experts_per_tok, n_group, topk_group, .. } = *parameters;
    let group_size = num_experts / n_group;
    let choose_one = |row: ArrayView1<'_, T>| {
        let choice: Vec<T> = match &correction_bias {
            None => row.to_vec(),
            Some(bias) => row.iter().zip(bias).map(|(&score, &bias)| score + bias).collect(),
        };
        let mut allowed: Vec<usize> = (0..num_experts).collect();
        if n_group > 1 {
            let of_groups: Vec<T> = choice
                .chunks(group_size)
                .map(|group| {
                    let ranked = ranked((0..group.len()).collect(), group);
                    ranked.iter().take(BEST_OF_A_GROUP).map(|&at| group[at]).sum()
                })
                .collect();
            let mut kept = ranked((0..n_group).collect(), &of_groups);
            kept.truncate(topk_group);
            allowed.retain(|expert| kept.contains(&(expert / group_size)));
        }
        let mut chosen = ranked(allowed, &choice);
        chosen.truncate(num_experts_per_tok);
        chosen
    };
    scores.rows().into_iter().map(choose_one).collect()
}

/// These indices by their values: the largest first, the lower index first among equals, NaN last.
fn ranked<T: Real>(mut indices: Vec<usize>, values: &[T]) -> Vec<usize> {
    let key = |index: usize| match values[index] {
        value if value.is_nan() => T::neg_infinity(),
        value => value,
    };
    indices
        .sort_by(|&a, &b| key(b).partial_cmp(&key(a)).unwrap_or(std::cmp::Ordering::Equal).then(a.cmp(&b)));
    indices
}

/// What each expert counts for each token: [num_tokens, num_experts], zero for experts that were not chosen.
#[must_use]
pub fn weights<T: Real>(
    scores: ArrayView2<'_, T>,
    chosen: &[Vec<usize>],
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let mut weights = Array2::zeros(scores.raw_dim());
    for ((row, chosen), mut weights) in scores.rows().into_iter().zip(chosen).zip(weights.rows_mut()) {
        let divisor = match parameters.norm_topk_prob {
            true => rounding.sum(chosen.len(), |slot| row[chosen[slot]]) + T::of(SMALLEST_SUM),
            false => T::one(),
        };
        for &expert in chosen {
            weights[expert] =
                rounding.output(row[expert] / divisor * T::of(parameters.routed_scaling_factor));
        }
    }
    weights
}

/// `logits [num_tokens, num_experts]` -> what each expert counts for each token: [num_tokens, num_experts], zero for
/// experts that were not chosen.
#[must_use]
pub fn reference<T: Real>(
    logits: ArrayView2<'_, T>,
    correction_bias: Option<ArrayView1<'_, T>>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let scores = scores(logits, parameters, arithmetic);
    let chosen = choose(scores.view(), correction_bias, parameters);
    weights(scores.view(), &chosen, parameters, arithmetic)
}

#[cfg(test)]
mod tests {
    use ndarray::array;
    use proptest::prelude::*;

    use super::*;

    fn softmax(num_experts: usize, num_experts_per_tok: usize) -> Parameters {
        Parameters {
            num_experts,
            num_experts_per_tok,
            scoring: Scoring::Softmax,
            n_group: 1,
            topk_group: 1,
            norm_topk_prob: true,
            routed_scaling_factor: 1.0,
        }
    }

    fn near(found: &Array2<f64>, expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-14, "{found} for {expected}");
        }
    }

    #[test]
    fn the_best_are_chosen_and_weighed_by_their_share() {
        let logits = array![[0.0, 2.0f64.ln(), 3.0f64.ln(), -50.0]];
        let shared = reference(logits.view(), None, &softmax(4, 2), Arithmetic::F64);
        near(&shared, &[0.0, 0.4, 0.6, 0.0]);
        let plain = Parameters { norm_topk_prob: false, ..softmax(4, 2) };
        let plain = reference(logits.view(), None, &plain, Arithmetic::F64);
        near(&plain, &[0.0, 1.0 / 3.0, 0.5, 0.0]);
    }

    #[test]
    fn the_lower_index_is_first_among_equals_and_nan_is_last() {
        let scores = array![[0.5, 0.7, 0.7, 0.5], [f64::NAN, 0.1, f64::NAN, 0.2]];
        assert_eq!(choose(scores.view(), None, &softmax(4, 3)), [[1, 2, 0], [3, 1, 0]]);
    }

    #[test]
    fn a_bias_chooses_and_does_not_weigh() {
        let p = Parameters { scoring: Scoring::Sigmoid, routed_scaling_factor: 2.5, ..softmax(3, 2) };
        let (logits, bias) = (array![[0.0, 0.0, 1.0]], array![0.0, 1.0, -5.0]);
        let out = reference(logits.view(), Some(bias.view()), &p, Arithmetic::F64);
        near(&out, &[1.25, 1.25, 0.0]);
    }

    #[test]
    fn groups_are_ranked_by_their_two_best() {
        // The best expert of all is in the group that is left out.
        let p = Parameters { n_group: 2, topk_group: 1, ..softmax(6, 2) };
        let scores = array![[0.9, 0.0, 0.0, 0.5, 0.1, 0.6]];
        assert_eq!(choose(scores.view(), None, &p), [[5, 3]]);
        let open = Parameters { topk_group: 2, ..p };
        assert_eq!(choose(scores.view(), None, &open), [[0, 5]]);
    }

    #[test]
    fn scores_that_are_all_zero_give_no_nan() {
        let p = Parameters { scoring: Scoring::Sigmoid, ..softmax(2, 2) };
        let out = reference(array![[-1000.0f32, -1000.0]].view(), None, &p, Arithmetic::F32);
        assert_eq!(out, array![[0.0, 0.0]]);
    }

    proptest! {
        #[test]
        fn a_token_has_its_number_of_experts_and_none_left_out_is_better(
            groups in 1usize..5, size in 2usize..6, k in 1usize..8, seed in 0usize..100,
        ) {
            let num_experts = groups * size;
            let p = Parameters {
                n_group: groups,
                topk_group: groups.div_ceil(2),
                num_experts_per_tok: k.min(groups.div_ceil(2) * size),
                ..softmax(num_experts, 1)
            };
            let logits = Array2::from_shape_fn((3, num_experts), |(t, e)| ((t * 31 + e * 17 + seed * 7) as f64).sin());
            let scores = scores(logits.view(), &p, Arithmetic::F64);
            let chosen = choose(scores.view(), None, &p);
            let weights = weights(scores.view(), &chosen, &p, Arithmetic::F64);
            for (t, chosen) in chosen.iter().enumerate() {
                let kept: std::collections::BTreeSet<usize> = chosen.iter().map(|e| e / size).collect();
                prop_assert_eq!(chosen.len(), p.num_experts_per_tok);
                prop_assert!(kept.len() <= p.topk_group);
                prop_assert!((weights.row(t).sum() - 1.0).abs() < 1e-12);
                let worst = chosen.iter().map(|&e| scores[[t, e]]).fold(f64::INFINITY, f64::min);
                for other in (0..num_experts).filter(|e| !chosen.contains(e) && kept.contains(&(e / size))) {
                    prop_assert!(scores[[t, other]] <= worst);
                }
            }
        }
    }
}
