//! The one place where values are compared.
//!
//! The order is fixed: count the elements, because nothing compared is never a pass; then the shapes; then what
//! is not finite, whose positions and signs must agree; then the tolerance, row by row. Every test is written as
//! "not (ok)", so that NaN fails it.
//!
//! A row runs along the last axis: the features of one token, the probabilities of one query.
//!
//! | metric | formula | tolerance |
//! |---|---|---|
//! | `max_ulp` | largest distance in units of the last place of the found dtype | `bitwise` (0), `ulp` |
//! | `abs_rel` | largest `abs(found - truth) / (abs + rel * abs(truth))` | `abs_rel`, held at 1 |
//! | `row_l2` | largest `norm(found - truth) / norm(truth)` over rows | `row_l2` |
//!
//! A `derived` tolerance is no limit by itself: [`mod@crate::derive`] measures what honest runs make of it.
//!
//! Cosine similarity is reported by [`cosine`] and is never a criterion: it is blind to scale and to one wrong
//! element in a long row.

use contracts::Tolerance;
use engine::trace::Tensor;
use kernels::Dtype;
use kernels::real::Values;

/// A tolerance with every number in place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// Equal bit by bit, in the same dtype.
    Bitwise,
    /// At most so many units in the last place.
    Ulp(u32),
    /// For every element: `abs(found - truth) <= abs + rel * abs(truth)`.
    AbsRel {
        /// Absolute part.
        abs: f64,
        /// Part relative to the truth.
        rel: f64,
    },
    /// For every row: `norm(found - truth) <= max * norm(truth)`.
    RowL2 {
        /// The largest relative error of a row.
        max: f64,
    },
}

impl Limit {
    /// The limit that a tolerance states by itself; `derived` ones need runs to derive from.
    #[must_use]
    pub const fn stated(tolerance: &Tolerance) -> Option<Self> {
        match tolerance {
            Tolerance::Bitwise => Some(Self::Bitwise),
            Tolerance::Ulp(ulp) => Some(Self::Ulp(*ulp)),
            Tolerance::AbsRel { abs, rel, .. } => Some(Self::AbsRel { abs: *abs, rel: *rel }),
            Tolerance::RowL2 { max, .. } => Some(Self::RowL2 { max: *max }),
            Tolerance::Derived { .. } => None,
        }
    }

    /// The name of what it is measured in.
    #[must_use]
    pub const fn metric(self) -> &'static str {
        match self {
            Self::Bitwise | Self::Ulp(_) => "max_ulp",
            Self::AbsRel { .. } => "abs_rel",
            Self::RowL2 { .. } => "row_l2",
        }
    }

    /// The number that its metric is held to.
    #[must_use]
    pub const fn bound(self) -> f64 {
        match self {
            Self::Bitwise => 0.0,
            Self::Ulp(ulp) => ulp as f64,
            Self::AbsRel { .. } => 1.0,
            Self::RowL2 { max } => max,
        }
    }
}

/// A comparison that held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Elements compared; never zero.
    pub elements: u64,
    /// The name of the metric.
    pub metric: &'static str,
    /// Its worst value.
    pub value: f64,
    /// What it was held to.
    pub limit: f64,
}

/// A comparison that did not hold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Difference {
    /// There was nothing to compare.
    #[error("nothing to compare: both tensors are empty, or hold no finite number")]
    Empty,
    /// The shapes differ.
    #[error("shapes differ: truth {truth:?}, found {found:?}")]
    Shape {
        /// Shape of the truth.
        truth: Vec<usize>,
        /// Shape found.
        found: Vec<usize>,
    },
    /// Bits cannot be compared across dtypes.
    #[error("dtypes differ: truth {truth}, found {found}")]
    Dtype {
        /// Dtype of the truth.
        truth: Dtype,
        /// Dtype found.
        found: Dtype,
    },
    /// An element is not finite where the truth is, or the other way round, or with another sign.
    #[error("an element is not finite on one side: truth {truth}, found {found}")]
    NonFinite {
        /// Coordinates.
        index: Vec<usize>,
        /// The truth there.
        truth: f64,
        /// What was found there.
        found: f64,
    },
    /// An element or row is further away than allowed.
    #[error("{metric} is {value:e}, limit {limit:e}")]
    Beyond {
        /// Coordinates of the worst element, or of the element that contributes most to the worst row.
        index: Vec<usize>,
        /// The truth there.
        truth: f64,
        /// What was found there.
        found: f64,
        /// The name of the metric.
        metric: &'static str,
        /// Its worst value.
        value: f64,
        /// What it was held to.
        limit: f64,
    },
}

/// Compares `found` with `truth`.
pub fn compare(truth: &Tensor, found: &Tensor, limit: Limit) -> Result<Measured, Difference> {
    if truth.shape != found.shape || truth.values.len() != found.values.len() {
        return Err(Difference::Shape { truth: truth.shape.clone(), found: found.shape.clone() });
    }
    if truth.values.is_empty() {
        return Err(Difference::Empty);
    }
    if limit == Limit::Bitwise && truth.values.dtype() != found.values.dtype() {
        return Err(Difference::Dtype { truth: truth.values.dtype(), found: found.values.dtype() });
    }
    let (a, b) = (truth.values.wide(0..truth.values.len()), found.values.wide(0..found.values.len()));
    for (at, (&truth_value, &found_value)) in a.iter().zip(&b).enumerate() {
        let agree = (truth_value.is_finite() && found_value.is_finite())
            || (truth_value.is_nan() && found_value.is_nan())
            || truth_value == found_value;
        if !agree {
            let index = coordinates(at, &truth.shape);
            return Err(Difference::NonFinite { index, truth: truth_value, found: found_value });
        }
    }
    // What is not finite agrees, and shows nothing about what would have been computed.
    let elements = a.iter().filter(|x| x.is_finite()).count() as u64;
    if elements == 0 {
        return Err(Difference::Empty);
    }
    let dtype = found.values.dtype();
    let (value, at) = match limit {
        Limit::Bitwise => match (&truth.values, &found.values) {
            (Values::F32(x), Values::F32(y)) => worst_bits(x, y, |v| u64::from(v.to_bits()), &a, &b, dtype),
            (Values::F64(x), Values::F64(y)) => worst_bits(x, y, |v| v.to_bits(), &a, &b, dtype),
            _ => (f64::INFINITY, 0),
        },
        Limit::Ulp(_) => worst(&a, &b, |truth, found| ulps(truth, found, dtype)),
        Limit::AbsRel { abs, rel } => worst(&a, &b, |truth, found| match (found - truth).abs() {
            0.0 => 0.0,
            error => match abs + rel * truth.abs() {
                bound if bound.is_finite() && bound >= 0.0 => error / bound,
                // A limit that is no bound bounds nothing, and nothing holds to it.
                _ => f64::NAN,
            },
        }),
        Limit::RowL2 { .. } => worst_row(&a, &b, truth.row_len()),
    };
    let (metric, bound) = (limit.metric(), limit.bound());
    if !(value <= bound) {
        let index = coordinates(at, &truth.shape);
        return Err(Difference::Beyond { index, truth: a[at], found: b[at], metric, value, limit: bound });
    }
    Ok(Measured { elements, metric, value, limit: bound })
}

/// The first element that is not finite, with its coordinates.
#[must_use]
pub fn first_non_finite(tensor: &Tensor) -> Option<(Vec<usize>, f64)> {
    let at = match &tensor.values {
        Values::F32(values) => values.iter().position(|x| !x.is_finite()),
        Values::F64(values) => values.iter().position(|x| !x.is_finite()),
    }?;
    let value = tensor.values.wide(at..at + 1).first().copied().unwrap_or(f64::NAN);
    Some((coordinates(at, &tensor.shape), value))
}

/// The worst row's relative error `norm(found - truth) / norm(truth)`; infinite where shapes differ, NaN where
/// an element is.
#[must_use]
pub fn row_l2(truth: &Tensor, found: &Tensor) -> f64 {
    if truth.shape != found.shape {
        return f64::INFINITY;
    }
    let (a, b) = (truth.values.wide(0..truth.values.len()), found.values.wide(0..found.values.len()));
    worst_row(&a, &b, truth.row_len()).0
}

/// The cosine of the angle between two tensors as vectors: reported, never held to anything.
#[must_use]
pub fn cosine(truth: &Tensor, found: &Tensor) -> f64 {
    let (a, b) = (truth.values.wide(0..truth.values.len()), found.values.wide(0..found.values.len()));
    if a.len() != b.len() {
        return f64::NAN;
    }
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a).sqrt() * dot(&b, &b).sqrt())
}

/// The largest `measure`, NaN being larger than everything, and where it is.
fn worst(a: &[f64], b: &[f64], measure: impl Fn(f64, f64) -> f64) -> (f64, usize) {
    let mut worst = (0.0, 0);
    for (at, (&truth, &found)) in a.iter().zip(b).enumerate() {
        // Both NaN, or the same infinity: agreed on above.
        if !truth.is_finite() {
            continue;
        }
        let value = measure(truth, found);
        if !(value <= worst.0) {
            worst = (value, at);
            if value.is_nan() {
                break;
            }
        }
    }
    worst
}

fn worst_bits<T: Copy>(
    x: &[T],
    y: &[T],
    bits: impl Fn(T) -> u64,
    a: &[f64],
    b: &[f64],
    dtype: Dtype,
) -> (f64, usize) {
    match x.iter().zip(y).position(|(&x, &y)| bits(x) != bits(y)) {
        None => (0.0, 0),
        // Zeros of different signs and NaNs of different payloads differ by no ulp; they are not equal either.
        Some(at) => (ulps(a[at], b[at], dtype).max(1.0), at),
    }
}

fn worst_row(a: &[f64], b: &[f64], width: usize) -> (f64, usize) {
    let mut worst = (0.0, 0);
    for (row, (truth, found)) in a.chunks(width.max(1)).zip(b.chunks(width.max(1))).enumerate() {
        let value = relative_error(truth, found);
        if !(value <= worst.0) {
            let within = self::worst(truth, found, |truth, found| (found - truth).abs()).1;
            worst = (value, row * width + within);
            if value.is_nan() {
                break;
            }
        }
    }
    worst
}

/// `norm(found - truth) / norm(truth)` of one row. A row of zeros must be met exactly.
fn relative_error(truth: &[f64], found: &[f64]) -> f64 {
    let finite = || truth.iter().zip(found).filter(|(truth, _)| truth.is_finite());
    if finite().all(|(truth, found)| truth == found) {
        return 0.0;
    }
    let norms = |scale: f64| {
        let square = |x: f64| (x / scale).powi(2);
        let error = finite().map(|(truth, found)| square(found - truth)).sum::<f64>().sqrt();
        (error, finite().map(|(truth, _)| square(*truth)).sum::<f64>().sqrt())
    };
    let (error, norm) = norms(1.0);
    if error.is_normal() && norm.is_normal() {
        return error / norm;
    }
    // Squares of very small numbers vanish, and with them any difference between them.
    let largest = finite().map(|(truth, found)| truth.abs().max((found - truth).abs())).fold(0.0, f64::max);
    let (error, norm) = norms(largest);
    error / norm
}

/// Distance in units of the last place of `dtype` at the truth.
fn ulps(truth: f64, found: f64, dtype: Dtype) -> f64 {
    if truth == found {
        return 0.0;
    }
    let exponent = truth.abs().max(f64::MIN_POSITIVE).log2().floor();
    (found - truth).abs() / (exponent.exp2() * dtype.epsilon())
}

fn coordinates(at: usize, shape: &[usize]) -> Vec<usize> {
    let mut rest = at;
    let mut index = vec![0; shape.len()];
    for (slot, &length) in index.iter_mut().zip(shape).rev() {
        *slot = rest % length.max(1);
        rest /= length.max(1);
    }
    index
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tensor(shape: &[usize], values: &[f64]) -> Tensor {
        Tensor { shape: shape.to_vec(), values: Values::F64(values.to_vec()) }
    }

    fn row(values: &[f64]) -> Tensor {
        tensor(&[1, values.len()], values)
    }

    const LIMITS: [Limit; 4] =
        [Limit::Bitwise, Limit::Ulp(4), Limit::AbsRel { abs: 1e-6, rel: 1e-6 }, Limit::RowL2 { max: 1e-6 }];

    #[test]
    fn nothing_compared_is_not_a_pass() {
        for limit in LIMITS {
            assert_eq!(compare(&tensor(&[0, 4], &[]), &tensor(&[0, 4], &[]), limit), Err(Difference::Empty));
        }
    }

    #[test]
    fn nan_against_nan_is_not_a_pass() {
        for limit in LIMITS {
            let nothing = row(&[f64::NAN, f64::INFINITY]);
            assert_eq!(compare(&nothing, &nothing, limit), Err(Difference::Empty), "{limit:?}");
            let one = compare(&row(&[f64::NAN, 1.0]), &row(&[f64::NAN, 1.0]), limit).unwrap();
            assert_eq!(one.elements, 1);
        }
    }

    #[test]
    fn nan_in_what_was_found_fails_under_every_limit() {
        for limit in LIMITS {
            let difference = compare(&row(&[1.0, 2.0]), &row(&[1.0, f64::NAN]), limit).unwrap_err();
            assert!(
                matches!(difference, Difference::NonFinite { ref index, .. } if index == &[0, 1]),
                "{limit:?}"
            );
        }
    }

    #[test]
    fn nan_in_the_truth_fails_unless_it_is_found_too() {
        for limit in LIMITS {
            let truth = row(&[1.0, f64::NAN]);
            assert!(compare(&truth, &row(&[1.0, 2.0]), limit).is_err(), "{limit:?}");
            assert!(compare(&truth, &truth, limit).is_ok(), "{limit:?}");
            assert!(compare(&truth, &row(&[1.1, f64::NAN]), limit).is_err(), "{limit:?}");
        }
    }

    #[test]
    fn infinities_must_agree_in_sign_and_place() {
        for limit in LIMITS {
            let truth = row(&[f64::INFINITY, 1.0]);
            assert!(compare(&truth, &truth, limit).is_ok(), "{limit:?}");
            for found in [[f64::NEG_INFINITY, 1.0], [1.0, f64::INFINITY], [f64::NAN, 1.0], [1e308, 1.0]] {
                assert!(compare(&truth, &row(&found), limit).is_err(), "{limit:?} {found:?}");
            }
        }
    }

    #[test]
    fn shapes_must_be_equal_even_with_equal_elements() {
        for limit in LIMITS {
            let difference = compare(&tensor(&[2, 1], &[1.0, 2.0]), &row(&[1.0, 2.0]), limit).unwrap_err();
            assert!(matches!(difference, Difference::Shape { .. }), "{limit:?}");
        }
    }

    #[test]
    fn bits_are_not_compared_across_dtypes() {
        let narrow = Tensor { shape: vec![1, 1], values: Values::F32(vec![1.0]) };
        assert!(matches!(compare(&row(&[1.0]), &narrow, Limit::Bitwise), Err(Difference::Dtype { .. })));
    }

    #[test]
    fn bitwise_tells_zeros_of_different_signs_apart() {
        assert!(compare(&row(&[0.0]), &row(&[-0.0]), Limit::Bitwise).is_err());
        assert!(compare(&row(&[0.0]), &row(&[-0.0]), Limit::RowL2 { max: 0.0 }).is_ok());
    }

    #[test]
    fn one_wrong_row_among_many_is_found_and_named() {
        let mut found = vec![1.0; 1000 * 8];
        let truth = tensor(&[1000, 8], &found);
        found[613 * 8 + 5] = 1.01;
        let difference =
            compare(&truth, &tensor(&[1000, 8], &found), Limit::RowL2 { max: 1e-3 }).unwrap_err();
        let Difference::Beyond { index, value, .. } = difference else { panic!("{difference}") };
        assert_eq!(index, [613, 5]);
        assert!((value - 0.01 / 8f64.sqrt()).abs() < 1e-12, "not diluted by the other rows: {value}");
    }

    #[test]
    fn a_wrong_scale_fails_although_the_cosine_is_one() {
        let truth = row(&[1.0, -2.0, 3.0]);
        let found = row(&[3.0, -6.0, 9.0]);
        assert!((cosine(&truth, &found) - 1.0).abs() < 1e-12);
        for limit in LIMITS {
            assert!(compare(&truth, &found, limit).is_err(), "{limit:?}");
        }
    }

    #[test]
    fn a_row_of_zeros_must_be_met_exactly() {
        let limit = Limit::RowL2 { max: 1.0 };
        assert!(compare(&row(&[0.0, 0.0]), &row(&[0.0, 0.0]), limit).is_ok());
        assert!(compare(&row(&[0.0, 0.0]), &row(&[0.0, 1e-30]), limit).is_err());
    }

    #[test]
    fn ulps_are_those_of_the_found_dtype() {
        let next = f64::from(f32::from_bits(1.0f32.to_bits() + 1));
        let narrow = |x: f64| Tensor { shape: vec![1, 1], values: Values::F32(vec![x as f32]) };
        assert!(compare(&narrow(1.0), &narrow(next), Limit::Ulp(1)).is_ok());
        assert!(compare(&narrow(1.0), &narrow(1.0 + 2.0 * (next - 1.0)), Limit::Ulp(1)).is_err());
    }

    #[test]
    fn limits_that_are_not_numbers_fail() {
        let (truth, found) = (row(&[1.0]), row(&[1.0 + 1e-9]));
        assert!(compare(&truth, &found, Limit::RowL2 { max: f64::NAN }).is_err());
        assert!(compare(&truth, &found, Limit::AbsRel { abs: f64::NAN, rel: 0.0 }).is_err());
    }

    proptest! {
        #[test]
        fn equal_tensors_hold_and_count_every_element(
            values in proptest::collection::vec(-1e6f64..1e6, 1..50),
        ) {
            for limit in LIMITS {
                let measured = compare(&row(&values), &row(&values), limit).unwrap();
                prop_assert_eq!((measured.elements, measured.value), (values.len() as u64, 0.0));
            }
        }

        #[test]
        fn one_element_beyond_its_limit_fails_wherever_it_is(
            values in proptest::collection::vec(1.0f64..2.0, 1..50), at in 0usize..50,
        ) {
            let at = at % values.len();
            let mut found = values.clone();
            found[at] += 1e-2;
            for limit in LIMITS {
                let difference = compare(&row(&values), &row(&found), limit).unwrap_err();
                let Difference::Beyond { index, .. } = difference else { panic!("{difference}") };
                prop_assert_eq!(index, vec![0, at]);
            }
        }
    }
}
