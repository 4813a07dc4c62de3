//! The reference of a linear layer.

use kernels::{Arithmetic, Real, bias, linear};
use ndarray::{Array1, Array2, ArrayView2};

use crate::stage::StageName;
use crate::trace::Probe;
use crate::weights::{Reader, WeightsError};

/// The stages that a linear layer announces.
#[derive(Debug, Clone, Copy)]
pub struct LinearStages {
    /// The module's own path below its layer, such as `self_attn.q_proj`: also where its weights are.
    pub module: &'static str,
    /// The product before the bias, such as `self_attn.q_matmul`.
    pub matmul: &'static str,
}

/// `x * weight^T + bias`.
#[derive(Debug)]
pub struct Linear<T> {
    module: StageName,
    matmul: StageName,
    weight: Array2<T>,
    bias: Option<Array1<T>>,
}

impl<T: Real> Linear<T> {
    /// Loads `model.layers.{layer}.{module}.weight [out_features, in_features]` and, if `biased`, `.bias`.
    pub fn load(
        weights: &Reader<'_>,
        layer: usize,
        stages: LinearStages,
        [out_features, in_features]: [usize; 2],
        biased: bool,
    ) -> Result<Self, WeightsError> {
        let (module, matmul) =
            (StageName::layer(layer, stages.module), StageName::layer(layer, stages.matmul));
        let weight = weights.matrix(&format!("{module}.weight"), [out_features, in_features])?;
        let bias = match biased {
            true => Some(weights.vector(&format!("{module}.bias"), out_features)?),
            false => None,
        };
        Ok(Self { module, matmul, weight, bias })
    }

    /// A layer without a bias whose weight `[out_features, in_features]` is there already, announced as `module`.
    pub fn of(module: StageName, weight: Array2<T>) -> Self {
        Self { module, matmul: module, weight, bias: None }
    }

    /// `x [num_tokens, in_features] -> [num_tokens, out_features]`.
    pub fn forward(&self, x: ArrayView2<'_, T>, arithmetic: Arithmetic, probe: &mut Probe<'_>) -> Array2<T> {
        let product = linear::reference(x, self.weight.view(), arithmetic);
        let out = match &self.bias {
            None => product,
            Some(bias) => {
                let product = probe.stage(self.matmul, product);
                bias::reference(product.view(), bias.view(), arithmetic)
            }
        };
        probe.stage(self.module, out)
    }
}
