//! Rotary embeddings beside numbers worked out by hand.

use approx::assert_relative_eq;
use ndarray::{Array2, array};
use proptest::prelude::*;

use super::*;

fn plain(head_dim: usize, theta: f64) -> Parameters {
    Parameters { head_dim, theta, scaling: Scaling::Default }
}

#[test]
fn turns_pairs_that_lie_half_a_head_apart() {
    let x = array![[1.0, 0.0, 0.0, 0.0]];
    let y = reference(x.view(), &[1], &plain(4, 100.0), Arithmetic::F64);
    assert_relative_eq!(y[[0, 0]], 1f64.cos(), epsilon = 1e-15);
    assert_relative_eq!(y[[0, 2]], 1f64.sin(), epsilon = 1e-15);
    assert_eq!((y[[0, 1]], y[[0, 3]]), (0.0, 0.0));
}

#[test]
fn linear_scaling_is_the_same_as_a_smaller_position() {
    let x = array![[0.3, -0.7, 0.2, 0.9]];
    let scaled = Parameters { scaling: Scaling::Linear { factor: 4.0 }, ..plain(4, 1e4) };
    let a = reference(x.view(), &[12], &scaled, Arithmetic::F64);
    let b = reference(x.view(), &[3], &plain(4, 1e4), Arithmetic::F64);
    for (a, b) in a.iter().zip(&b) {
        assert_relative_eq!(*a, *b, epsilon = 1e-14);
    }
}

#[test]
fn llama3_keeps_short_wavelengths_and_divides_long_ones() {
    let scaling = Scaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 64.0,
    };
    let plain = frequencies(&plain(32, 1e4));
    let scaled = frequencies(&Parameters { head_dim: 32, theta: 1e4, scaling });
    let ratio: Vec<f64> = plain.iter().zip(&scaled).map(|(a, b)| a / b).collect();
    assert_eq!(ratio[0], 1.0);
    assert_relative_eq!(ratio[15], 8.0, epsilon = 1e-12);
    assert!(ratio.iter().any(|&r| r > 1.001 && r < 7.999), "no frequency lies on the ramp: {ratio:?}");
    assert!(ratio.windows(2).all(|pair| pair[0] <= pair[1] + 1e-12), "{ratio:?}");
}

fn yarn() -> Yarn {
    Yarn {
        factor: 16.0,
        original_max_position_embeddings: 256.0,
        beta_fast: 32.0,
        beta_slow: 1.0,
        truncate: true,
        attention_factor: None,
        mscale: None,
        mscale_all_dim: None,
    }
}

#[test]
fn yarn_ramps_over_the_pairs_between_its_two_numbers_of_turns() {
    // 256 tokens are 32 turns of pair 0.84 and 1 turn of pair 12.88, so that the ramp runs from pair 0 to pair 13.
    let kept = yarn().kept(64, 1e4);
    for (pair, kept) in kept.iter().enumerate() {
        assert_relative_eq!(*kept, (1.0 - pair as f64 / 13.0).max(0.0), epsilon = 1e-12);
    }
    let exact = Yarn { truncate: false, ..yarn() }.kept(64, 1e4);
    let pair = |turns: f64| 32.0 * (256.0 / (2.0 * PI * turns)).ln() / 1e4f64.ln();
    assert_relative_eq!(exact[5], 1.0 - (5.0 - pair(32.0)) / (pair(1.0) - pair(32.0)), epsilon = 1e-12);
    assert_eq!((exact[0], exact[31]), (1.0, 0.0));
}

#[test]
fn yarn_of_an_empty_ramp_is_a_step() {
    let step = Yarn { beta_fast: 1.0, beta_slow: 1.0, truncate: false, ..yarn() };
    let kept = step.kept(64, 1e4);
    assert!(kept.iter().all(|kept| *kept == 0.0 || *kept == 1.0), "{kept:?}");
    assert_eq!(kept.iter().filter(|kept| **kept == 1.0).count(), 13);
}

#[test]
fn yarn_multiplies_sines_and_cosines_as_the_configuration_says() {
    let x = array![[0.3, -0.7, 0.2, 0.9]];
    let length = |yarn: Yarn| -> f64 {
        let parameters = Parameters { scaling: Scaling::Yarn(yarn), ..plain(4, 1e4) };
        let y = reference(x.view(), &[300], &parameters, Arithmetic::F64);
        y.iter().map(|y| y * y).sum::<f64>().sqrt() / x.iter().map(|x| x * x).sum::<f64>().sqrt()
    };
    let log = 16f64.ln();
    assert_relative_eq!(length(yarn()), 1.0 + 0.1 * log, epsilon = 1e-12);
    let equal = Yarn { mscale: Some(0.7), mscale_all_dim: Some(0.7), ..yarn() };
    assert_relative_eq!(length(equal), 1.0, epsilon = 1e-12);
    let ratio = (1.0 + 0.1 * log) / (1.0 + 0.05 * log);
    let unequal = Yarn { mscale: Some(1.0), mscale_all_dim: Some(0.5), ..yarn() };
    assert_relative_eq!(length(unequal), ratio, epsilon = 1e-12);
    assert_relative_eq!(length(Yarn { attention_factor: Some(1.5), ..unequal }), 1.5, epsilon = 1e-12);
    let alone = Yarn { mscale_all_dim: Some(0.5), ..yarn() };
    assert_relative_eq!(length(alone), 1.0 + 0.1 * log, epsilon = 1e-12);
    assert_relative_eq!(length(Yarn { factor: 1.0, ..yarn() }), 1.0, epsilon = 1e-12);
}

#[test]
fn interleaved_pairs_are_the_halves_in_another_order() {
    let halves = array![[0.3, -0.7, 0.2, 0.9, 1.1, 0.4]];
    let neighbours = array![[0.3, 0.9, -0.7, 1.1, 0.2, 0.4]];
    let a = reference(halves.view(), &[7], &plain(6, 1e4), Arithmetic::F64);
    let b = interleaved(neighbours.view(), &[7], &plain(6, 1e4), Arithmetic::F64);
    for pair in 0..3 {
        assert_eq!((a[[0, pair]], a[[0, pair + 3]]), (b[[0, 2 * pair]], b[[0, 2 * pair + 1]]));
    }
    assert_ne!(b, reference(neighbours.view(), &[7], &plain(6, 1e4), Arithmetic::F64));
}

#[test]
fn queries_grow_in_steps_of_the_original_context() {
    let scaling = QueryScaling { beta: 0.1, original_max_position_embeddings: 4.0 };
    let q = Array2::from_elem((4, 2), 2.0);
    let y = scale_queries(q.view(), &[0, 3, 4, 11], &scaling, Arithmetic::F64);
    for (row, contexts) in [(0, 0.0), (1, 0.0), (2, 1.0), (3, 2.0)] {
        let scale = 1.0 + 0.1 * f64::ln(1.0 + contexts);
        assert_relative_eq!(y[[row, 1]], 2.0 * scale, epsilon = 1e-14);
    }
}

proptest! {
    #[test]
    fn keeps_the_length_of_every_pair(values in proptest::collection::vec(-3.0f64..3.0, 16), position in 0usize..100_000) {
        let x = Array2::from_shape_vec((1, 16), values).unwrap();
        let y = reference(x.view(), &[position], &plain(8, 1e6), Arithmetic::F64);
        for head in 0..2 {
            for pair in 0..4 {
                let (i, j) = (head * 8 + pair, head * 8 + pair + 4);
                let (before, after) = (x[[0, i]].hypot(x[[0, j]]), y[[0, i]].hypot(y[[0, j]]));
                prop_assert!((before - after).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn dot_products_depend_on_the_distance_alone(shift in 0usize..1000, distance in 0usize..50) {
        let q = array![[0.4, -1.2, 0.8, 0.1]];
        let k = array![[1.0, 0.3, -0.5, 0.7]];
        let dot = |p: usize, at: usize| -> f64 {
            let q = reference(q.view(), &[p], &plain(4, 1e4), Arithmetic::F64);
            let k = reference(k.view(), &[at], &plain(4, 1e4), Arithmetic::F64);
            (&q * &k).sum()
        };
        prop_assert!((dot(distance + shift, shift) - dot(distance, 0)).abs() < 1e-9);
    }
}
