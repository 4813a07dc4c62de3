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
    layer: usize,
    stages: LinearStages,
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
        let prefix = StageName::layer(layer, stages.module);
        let weight = weights.matrix(&format!("{prefix}.weight"), [out_features, in_features])?;
        let bias = match biased {
            true => Some(weights.vector(&format!("{prefix}.bias"), out_features)?),
            false => None,
        };
        Ok(Self { layer, stages, weight, bias })
    }

    /// `x [num_tokens, in_features] -> [num_tokens, out_features]`.
    pub fn forward(&self, x: ArrayView2<'_, T>, arithmetic: Arithmetic, probe: &mut Probe<'_>) -> Array2<T> {
        let product = linear::reference(x, self.weight.view(), arithmetic);
        let out = match &self.bias {
            None => product,
            Some(bias) => {
                let product = probe.stage(StageName::layer(self.layer, self.stages.matmul), product);
                bias::reference(product.view(), bias.view(), arithmetic)
            }
        };
        probe.stage(StageName::layer(self.layer, self.stages.module), out)
    }
}
