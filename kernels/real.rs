//! The two element types that references compute in.

use std::fmt::Debug;
use std::iter::Sum;

use ndarray::{ArrayView2, LinalgScalar, ScalarOperand};
use num_traits::Float;

use crate::Dtype;

/// `f32` or `f64`.
pub trait Real: Float + LinalgScalar + ScalarOperand + Sum + Debug + Send + Sync + 'static {
    /// The format of this type.
    const DTYPE: Dtype;

    /// Rounds a `f64` to this type, once.
    fn of(value: f64) -> Self;

    /// Widens or keeps, exactly.
    fn of_f32(value: f32) -> Self;

    /// Widens, exactly.
    fn wide(self) -> f64;

    /// Rounds to `dtype` and back; the identity where this type has no more digits than `dtype`.
    fn rounded_to(self, dtype: Dtype) -> Self;

    /// Views an array of this type as the tagged union that crosses untyped interfaces.
    fn view(values: &mut [Self]) -> ValuesMut<'_>;

    /// Owns an array of this type as the tagged union that crosses untyped interfaces.
    fn own(values: Vec<Self>) -> Values;

    /// `rows [n, k]` times the transpose of `weight [m, k]`, in this type throughout.
    fn product(rows: ArrayView2<'_, Self>, weight: ArrayView2<'_, Self>) -> ndarray::Array2<Self> {
        rows.dot(&weight.t())
    }
}

/// Values of either element type, for the places that cannot be generic.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Computed in `f32`.
    F32(Vec<f32>),
    /// Computed in `f64`.
    F64(Vec<f64>),
}

impl Values {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The format of the values.
    #[must_use]
    pub const fn dtype(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::F64(_) => Dtype::F64,
        }
    }

    /// Every value of `range`, widened exactly; empty where the range lies outside.
    #[must_use]
    pub fn wide(&self, range: std::ops::Range<usize>) -> Vec<f64> {
        match self {
            Self::F32(values) => values.get(range).unwrap_or_default().iter().map(|x| x.wide()).collect(),
            Self::F64(values) => values.get(range).unwrap_or_default().to_vec(),
        }
    }
}

/// Mutable values of either element type, for the places that cannot be generic.
#[derive(Debug)]
pub enum ValuesMut<'a> {
    /// Computed in `f32`.
    F32(&'a mut [f32]),
    /// Computed in `f64`.
    F64(&'a mut [f64]),
}

impl ValuesMut<'_> {
    /// Number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Replaces every value by `f(index, value)`, and says whether any changed.
    pub fn map(&mut self, mut f: impl FnMut(usize, f64) -> f64) -> bool {
        fn each<T: Real>(values: &mut [T], f: &mut impl FnMut(usize, f64) -> f64) -> bool {
            let mut changed = false;
            for (index, value) in values.iter_mut().enumerate() {
                let next = T::of(f(index, value.wide()));
                // Written so that a NaN put in place of a number counts as a change.
                if !(next == *value) {
                    *value = next;
                    changed = true;
                }
            }
            changed
        }
        match self {
            Self::F32(values) => each(values, &mut f),
            Self::F64(values) => each(values, &mut f),
        }
    }
}

impl Real for f64 {
    const DTYPE: Dtype = Dtype::F64;

    fn of(value: f64) -> Self {
        value
    }

    fn of_f32(value: f32) -> Self {
        f64::from(value)
    }

    fn wide(self) -> f64 {
        self
    }

    fn rounded_to(self, dtype: Dtype) -> Self {
        dtype.round(self)
    }

    fn view(values: &mut [Self]) -> ValuesMut<'_> {
        ValuesMut::F64(values)
    }

    fn own(values: Vec<Self>) -> Values {
        Values::F64(values)
    }
}

impl Real for f32 {
    const DTYPE: Dtype = Dtype::F32;

    fn of(value: f64) -> Self {
        value as f32
    }

    fn of_f32(value: f32) -> Self {
        value
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn rounded_to(self, dtype: Dtype) -> Self {
        match dtype {
            Dtype::F64 | Dtype::F32 => self,
            Dtype::F16 => half::f16::from_f32(self).to_f32(),
            Dtype::BF16 => half::bf16::from_f32(self).to_f32(),
            Dtype::E4M3 => dtype.round(f64::from(self)) as f32,
        }
    }

    fn view(values: &mut [Self]) -> ValuesMut<'_> {
        ValuesMut::F32(values)
    }

    fn own(values: Vec<Self>) -> Values {
        Values::F32(values)
    }
}
