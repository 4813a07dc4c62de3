//! Attention held to its equation.

use approx::assert_relative_eq;
use ndarray::Array2;
use proptest::prelude::*;

use super::*;

fn waves(rows: usize, columns: usize, seed: usize) -> Array2<f64> {
    Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17 + seed * 7) as f64).sin())
}

fn parameters(heads: usize, kv_heads: usize, head_dim: usize, window: Option<usize>) -> Parameters {
    Parameters {
        num_attention_heads: heads,
        num_key_value_heads: kv_heads,
        head_dim,
        scale: (head_dim as f64).powf(-0.5),
        window,
        k_scale: 1.0,
        v_scale: 1.0,
    }
}

/// The equation, one element at a time.
fn by_hand(q: &Array2<f64>, k: &Array2<f64>, v: &Array2<f64>, p: &Parameters, t: usize, c: usize) -> f64 {
    let (head, d) = (c / p.head_dim, c % p.head_dim);
    let kv_head = head * p.num_key_value_heads / p.num_attention_heads;
    let position = k.nrows() - q.nrows() + t;
    let keys = (0..k.nrows()).filter(|&j| j <= position && p.window.is_none_or(|w| j + w > position));
    let mut numerator = 0.0;
    let mut denominator = 0.0;
    for j in keys {
        let dot: f64 =
            (0..p.head_dim).map(|i| q[[t, head * p.head_dim + i]] * k[[j, kv_head * p.head_dim + i]]).sum();
        let weight = (dot * p.scale).exp();
        numerator += weight * v[[j, kv_head * p.head_dim + d]];
        denominator += weight;
    }
    numerator / denominator
}

proptest! {
    #[test]
    fn matches_the_equation_for_any_grouping_window_and_past(
        kv_heads in 1usize..4, group in 1usize..5, half in 1usize..6, tokens in 1usize..7, past in 0usize..9,
        window in proptest::option::of(1usize..8), seed in 0usize..50,
    ) {
        let p = parameters(kv_heads * group, kv_heads, half * 2, window);
        let q = waves(tokens, p.num_attention_heads * p.head_dim, seed);
        let k = waves(tokens + past, kv_heads * p.head_dim, seed + 1);
        let v = waves(tokens + past, kv_heads * p.head_dim, seed + 2);
        let out = reference(q.view(), k.view(), v.view(), &p, Arithmetic::F64);
        for t in 0..tokens {
            for c in 0..q.ncols() {
                prop_assert!((out.context[[t, c]] - by_hand(&q, &k, &v, &p, t, c)).abs() < 1e-12);
            }
        }
    }
}

#[test]
fn codes_with_their_scales_are_keys_and_values() {
    let plain = parameters(4, 2, 4, Some(3));
    let scaled = Parameters { k_scale: 7.0, v_scale: 0.3, ..plain };
    let (q, k, v) = (waves(3, 16, 0), waves(5, 8, 1), waves(5, 8, 2));
    let expected = reference(q.view(), (&k * 7.0).view(), (&v * 0.3).view(), &plain, Arithmetic::F64);
    let found = reference(q.view(), k.view(), v.view(), &scaled, Arithmetic::F64);
    assert_relative_eq!(
        found.scores.as_slice().unwrap(),
        expected.scores.as_slice().unwrap(),
        max_relative = 1e-13
    );
    assert_relative_eq!(
        found.context.as_slice().unwrap(),
        expected.context.as_slice().unwrap(),
        epsilon = 1e-14
    );
    let narrow = |a: &Array2<f64>| a.mapv(|x| x as f32);
    let declared = Arithmetic::Declared { activation: Dtype::F32, order: 3 };
    let (q, k, v) = (narrow(&q), narrow(&k), narrow(&v));
    let found = reference(q.view(), k.view(), v.view(), &scaled, declared).context;
    for (a, b) in found.iter().zip(&expected.context) {
        assert_relative_eq!(f64::from(*a), *b, epsilon = 1e-5);
    }
}

#[test]
fn heads_of_values_may_be_wider_than_heads_of_keys() {
    let p = parameters(4, 2, 4, None);
    let (q, k, wide) = (waves(3, 16, 0), waves(5, 8, 1), waves(5, 12, 2));
    let out = reference(q.view(), k.view(), wide.view(), &p, Arithmetic::F64);
    assert_eq!(out.context.dim(), (3, 24));
    for (head, feature) in [(0, 0), (1, 5), (2, 0), (3, 4)] {
        let column = head / 2 * 6 + feature;
        let expected: f64 = (0..5).map(|j| out.probs[[head, 2, j]] * wide[[j, column]]).sum();
        assert_relative_eq!(out.context[[2, head * 6 + feature]], expected, epsilon = 1e-14);
    }
}

#[test]
fn probabilities_sum_to_one_and_never_see_the_future() {
    let p = parameters(2, 1, 4, None);
    let out =
        reference(waves(3, 8, 0).view(), waves(3, 4, 1).view(), waves(3, 4, 2).view(), &p, Arithmetic::F64);
    for head in 0..2 {
        for t in 0..3 {
            assert_relative_eq!(out.probs.slice(s![head, t, ..]).sum(), 1.0, epsilon = 1e-14);
            assert!(out.probs.slice(s![head, t, t + 1..]).iter().all(|&p| p == 0.0));
        }
    }
}

#[test]
fn a_value_that_is_not_finite_reaches_no_token_before_it() {
    let p = parameters(2, 1, 4, None);
    let (q, k, mut v) = (waves(4, 8, 0), waves(4, 4, 1), waves(4, 4, 2));
    let clean = reference(q.view(), k.view(), v.view(), &p, Arithmetic::F64);
    v[[2, 1]] = f64::NAN;
    let out = reference(q.view(), k.view(), v.view(), &p, Arithmetic::F64);
    assert_eq!(out.context.slice(s![..2, ..]), clean.context.slice(s![..2, ..]));
    assert!(out.context[[2, 1]].is_nan() && out.context[[3, 5]].is_nan());
}

#[test]
fn declared_arithmetic_stays_near_the_truth_and_is_not_equal_to_it() {
    let p = parameters(2, 1, 16, None);
    let (q, k, v) = (waves(5, 32, 0), waves(5, 16, 1), waves(5, 16, 2));
    let truth = reference(q.view(), k.view(), v.view(), &p, Arithmetic::F64);
    let narrow = |a: &Array2<f64>| a.mapv(|x| x as f32);
    let (q, k, v) = (narrow(&q), narrow(&k), narrow(&v));
    let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 5 };
    let out = reference(q.view(), k.view(), v.view(), &p, declared);
    let worst =
        truth.context.iter().zip(&out.context).map(|(a, &b)| (a - f64::from(b)).abs()).fold(0.0, f64::max);
    assert!(worst > 1e-5 && worst < 2e-2, "{worst}");
}
