//! Numbers that follow from a seed and their place.
//!
//! A model of a real shape can so be run without its weights: how fast it is does not depend on what they are.

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "random_fill", summary: "numbers that follow from a seed and their place", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `[count]`: element `i` is `center + spread * u`, where `u` is uniform from -1 up to, not including, 1, and follows
/// from `seed` and `i` through SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): the number `seed * 2^32 + i` of its
/// stream, of which the upper 24 bits are taken.
#[must_use]
pub fn reference<T: Real>(
    count: u32,
    seed: u32,
    (center, spread): (f64, f64),
    arithmetic: Arithmetic,
) -> Vec<T> {
    let rounding = arithmetic.rounding(declares);
    let (center, spread) = (T::of(center), T::of(spread));
    (0..count)
        .map(|place| {
            let state = (u64::from(seed) << 32 | u64::from(place)).wrapping_add(0x9e37_79b9_7f4a_7c15);
            let state = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let state = (state ^ state >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            let upper = (state ^ state >> 31) >> 40;
            let unit = T::of(upper as f64 / 8_388_608.0 - 1.0);
            rounding.output(unit.mul_add(spread, center))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_in_their_range_and_spread_over_it() {
        let values = reference::<f64>(100_000, 7, (1.0, 0.25), Arithmetic::F64);
        assert!(values.iter().all(|x| (0.75..1.25).contains(x)));
        let mean = values.iter().sum::<f64>() / 1e5;
        let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
        assert!((mean - 1.0).abs() < 2e-3, "{mean}");
        // A uniform number from -s to s has the variance s^2 / 3.
        assert!((variance / (0.0625 / 3.0) - 1.0).abs() < 0.02, "{variance}");
    }

    #[test]
    fn seeds_and_places_give_other_numbers() {
        let of = |seed| reference::<f32>(1000, seed, (0.0, 1.0), Arithmetic::F32);
        let equal = |a: &[f32], b: &[f32]| a.iter().zip(b).filter(|(a, b)| a == b).count();
        assert_eq!(of(1), of(1));
        assert!(equal(&of(1), &of(2)) < 3);
        assert!(equal(&of(1)[1..], &of(1)) < 3);
    }
}
