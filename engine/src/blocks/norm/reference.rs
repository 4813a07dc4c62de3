//! The reference of a norm, over the features of a token or of each of its heads.

use kernels::{Arithmetic, Real, rmsnorm};
use ndarray::{Array1, Array2, ArrayView2};

use crate::stage::StageName;
use crate::trace::Probe;
use crate::weights::{Reader, WeightsError};

/// A root mean square norm.
#[derive(Debug)]
pub struct RmsNorm<T> {
    stage: StageName,
    weight: Array1<T>,
    eps: f64,
}

impl<T: Real> RmsNorm<T> {
    /// Loads `{stage}.weight [features]`.
    pub fn load(
        weights: &Reader<'_>,
        stage: StageName,
        features: usize,
        eps: f64,
    ) -> Result<Self, WeightsError> {
        let weight = weights.vector(&format!("{stage}.weight"), features)?;
        Ok(Self { stage, weight, eps })
    }

    /// Normalises each run of `features` values: `x [num_tokens, n * features]`, `n` being 1 or the heads.
    pub fn forward(&self, x: ArrayView2<'_, T>, arithmetic: Arithmetic, probe: &mut Probe<'_>) -> Array2<T> {
        let features = self.weight.len();
        if x.ncols() == features {
            let out = rmsnorm::reference(x, self.weight.view(), self.eps, arithmetic);
            return probe.stage(self.stage, out);
        }
        let heads = x.ncols() / features;
        let rows = Array2::from_shape_fn((x.nrows() * heads, features), |(row, feature)| {
            x[[row / heads, (row % heads) * features + feature]]
        });
        let normed = rmsnorm::reference(rows.view(), self.weight.view(), self.eps, arithmetic);
        let out = Array2::from_shape_fn(x.raw_dim(), |(token, column)| {
            normed[[token * heads + column / features, column % features]]
        });
        probe.stage(self.stage, out)
    }
}
