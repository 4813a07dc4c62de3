//! Weights handed out by name and counted: a tensor that nobody takes is an error unless it was ignored with a
//! reason, because a bias that is silently left out is the oldest mistake of all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use globset::GlobBuilder;
use kernels::Real;
use kernels::real::ValuesMut;
use kernels::seam::{Point, Seam};
use ndarray::{Array, Array1, Array2, Dimension, ShapeError};

use super::{Weights, WeightsError};

/// Who used what: the answer of [`Reader::finish`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConsumedReport {
    /// Canonical names of the tensors that were taken, sorted.
    pub consumed: Vec<String>,
    /// Canonical names and reasons of the tensors that were not taken, sorted by name.
    pub ignored: Vec<(String, String)>,
}

/// Where a mutant can rewrite the weights.
#[derive(Debug)]
pub struct WeightsPoint;

/// The value at [`WeightsPoint`].
#[derive(Debug)]
pub enum WeightsValue<'a> {
    /// Canonical names of all tensors, before it is checked that each was consumed.
    Inventory(&'a mut BTreeSet<String>),
    /// A tensor between the file and the model.
    Tensor {
        /// The name it is taken under; a tied head is `lm_head.weight` whatever the file calls it.
        name: &'a str,
        /// Its shape.
        shape: &'a [usize],
        /// Its decoded values.
        values: ValuesMut<'a>,
    },
}

impl Point for WeightsPoint {
    const NAME: &'static str = "weights";
    type Value<'a> = WeightsValue<'a>;
}

/// Hands out the tensors of a checkpoint, from any number of threads, and keeps account.
pub struct Reader<'w> {
    weights: &'w Weights,
    seam: &'w Seam,
    consumed: Mutex<BTreeSet<String>>,
    ignored: Mutex<BTreeMap<String, String>>,
}

impl<'w> Reader<'w> {
    pub(super) fn new(weights: &'w Weights, seam: &'w Seam) -> Self {
        Self { weights, seam, consumed: Mutex::default(), ignored: Mutex::default() }
    }

    /// True if there is a tensor of this canonical name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.weights.contains(name)
    }

    /// The tensor `name` of exactly this shape, decoded, and marked as consumed.
    pub fn take<T: Real, D: Dimension>(&self, name: &str, shape: D) -> Result<Array<T, D>, WeightsError> {
        self.take_as(name, name, shape)
    }

    /// A vector of `length` elements.
    pub fn vector<T: Real>(&self, name: &str, length: usize) -> Result<Array1<T>, WeightsError> {
        self.take(name, ndarray::Dim([length]))
    }

    /// A matrix of `[rows, columns]`.
    pub fn matrix<T: Real>(&self, name: &str, shape: [usize; 2]) -> Result<Array2<T>, WeightsError> {
        self.take(name, ndarray::Dim(shape))
    }

    /// The matrix stored as `source`, to be used as `name`: how tied embeddings become a language head.
    pub fn tied_matrix<T: Real>(
        &self,
        name: &str,
        source: &str,
        shape: [usize; 2],
    ) -> Result<Array2<T>, WeightsError> {
        self.take_as(name, source, ndarray::Dim(shape))
    }

    /// The values of the tensor `name` of exactly this shape, row-major, stored as `source` where that is another: what
    /// is uploaded to a device.
    pub fn values(
        &self,
        name: &str,
        source: Option<&str>,
        shape: &[usize],
    ) -> Result<Vec<f32>, WeightsError> {
        let array = self.take_as::<f32, _>(name, source.unwrap_or(name), ndarray::IxDyn(shape))?;
        // Made from a vector in row-major order, so that nothing was cut off in front.
        Ok(array.into_raw_vec_and_offset().0)
    }

    fn take_as<T: Real, D: Dimension>(
        &self,
        name: &str,
        source: &str,
        shape: D,
    ) -> Result<Array<T, D>, WeightsError> {
        if let Some(drawn) = self.weights.drawn(source) {
            self.weights.fits(source, &drawn.shape, shape.slice())?;
            let values = drawn.values().into_iter().map(T::of_f32).collect();
            return self.taken(name, source, shape.clone(), values).map_err(|_| WeightsError::Shape {
                file: self.weights.dir().to_owned(),
                tensor: source.to_owned(),
                expected: shape.slice().to_owned(),
                found: drawn.shape.clone(),
            });
        }
        let Some((file, tensor)) = self.weights.stored(source) else {
            return Err(WeightsError::Missing {
                file: self.weights.source(),
                tensor: source.to_owned(),
                remedy: self.weights.remedy(source),
            });
        };
        let mismatch = || WeightsError::Shape {
            file: file.to_owned(),
            tensor: source.to_owned(),
            expected: shape.slice().to_owned(),
            found: tensor.shape.to_owned(),
        };
        if tensor.shape != shape.slice() {
            return Err(mismatch());
        }
        let values: Vec<T> = tensor.floats().map_err(|error| WeightsError::Dtype {
            file: file.to_owned(),
            tensor: source.to_owned(),
            dtype: error.dtype,
        })?;
        self.taken(name, source, shape.clone(), values).map_err(|_| mismatch())
    }

    /// The values of a tensor through the rewrites, marked as consumed.
    fn taken<T: Real, D: Dimension>(
        &self,
        name: &str,
        source: &str,
        shape: D,
        mut values: Vec<T>,
    ) -> Result<Array<T, D>, ShapeError> {
        if self.seam.is_active::<WeightsPoint>() {
            let (shape, values) = (shape.slice(), T::view(&mut values));
            self.seam.apply::<WeightsPoint>(&mut WeightsValue::Tensor { name, shape, values });
        }
        let array = Array::from_shape_vec(shape, values)?;
        self.consume(source);
        Ok(array)
    }

    /// Marks a tensor as consumed: one that is drawn where it is used.
    pub(crate) fn consume(&self, source: &str) {
        self.consumed.lock().unwrap_or_else(PoisonError::into_inner).insert(source.to_owned());
    }

    /// Says that the tensors whose canonical names match a glob (`*.rotary_emb.inv_freq`) are left out on
    /// purpose, and why. Returns how many there are; a tensor that is taken all the same counts as consumed.
    pub fn ignore(&self, pattern: &str, reason: &str) -> Result<usize, WeightsError> {
        let glob = GlobBuilder::new(pattern).build().map_err(|error| WeightsError::Pattern {
            pattern: pattern.to_owned(),
            message: error.kind().to_string(),
        })?;
        let matcher = glob.compile_matcher();
        let mut ignored = self.ignored.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count = 0;
        for name in self.weights.names().filter(|name| matcher.is_match(name)) {
            ignored.entry(name.to_owned()).or_insert_with(|| reason.to_owned());
            count += 1;
        }
        Ok(count)
    }

    /// Every tensor has to have been taken or ignored by now.
    pub fn finish(self) -> Result<ConsumedReport, WeightsError> {
        let mut inventory: BTreeSet<String> = self.weights.names().map(str::to_owned).collect();
        self.seam.apply::<WeightsPoint>(&mut WeightsValue::Inventory(&mut inventory));
        let consumed = self.consumed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let reasons = self.ignored.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (mut ignored, mut names) = (Vec::new(), Vec::new());
        for name in inventory.difference(&consumed) {
            match reasons.get(name) {
                Some(reason) => ignored.push((name.clone(), reason.clone())),
                None => names.push(name.clone()),
            }
        }
        if names.is_empty() {
            Ok(ConsumedReport { consumed: consumed.into_iter().collect(), ignored })
        } else {
            Err(WeightsError::Unconsumed { file: self.weights.source(), names })
        }
    }
}
