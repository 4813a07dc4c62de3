//! The reference of the gated MLP: `down(silu(gate(x)) * up(x))`.

use kernels::{Arithmetic, Real, silu_and_mul};
use ndarray::{Array2, ArrayView2};

use crate::blocks::linear::reference::{Linear, LinearStages};
use crate::config::Config;
use crate::stage::StageName;
use crate::trace::Probe;
use crate::weights::{Reader, WeightsError};

const GATE: LinearStages = LinearStages { module: "mlp.gate_proj", matmul: "mlp.gate_matmul" };
const UP: LinearStages = LinearStages { module: "mlp.up_proj", matmul: "mlp.up_matmul" };
const DOWN: LinearStages = LinearStages { module: "mlp.down_proj", matmul: "mlp.down_matmul" };

/// The MLP of one layer, or of one expert.
#[derive(Debug)]
pub struct Mlp<T> {
    /// The projection that is activated.
    pub gate_proj: Linear<T>,
    /// The projection that the activation is multiplied by.
    pub up_proj: Linear<T>,
    /// The stage of the activation.
    pub act_fn: StageName,
    /// The stage of the product.
    pub act_and_mul: StageName,
    /// The projection back.
    pub down_proj: Linear<T>,
}

impl<T: Real> Mlp<T> {
    /// Loads the three projections of a layer, with biases if `biased`.
    pub fn load(
        weights: &Reader<'_>,
        config: &Config,
        layer: usize,
        biased: bool,
    ) -> Result<Self, WeightsError> {
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        Ok(Self {
            gate_proj: Linear::load(weights, layer, GATE, [intermediate, hidden], biased)?,
            up_proj: Linear::load(weights, layer, UP, [intermediate, hidden], biased)?,
            act_fn: StageName::layer(layer, "mlp.act_fn"),
            act_and_mul: StageName::layer(layer, "mlp.act_and_mul"),
            down_proj: Linear::load(weights, layer, DOWN, [hidden, intermediate], biased)?,
        })
    }

    /// `x [num_tokens, hidden_size] -> [num_tokens, hidden_size]`.
    pub fn forward(&self, x: ArrayView2<'_, T>, arithmetic: Arithmetic, probe: &mut Probe<'_>) -> Array2<T> {
        let gate = self.gate_proj.forward(x, arithmetic, probe);
        let up = self.up_proj.forward(x, arithmetic, probe);
        let activation = silu_and_mul::activation(gate.view(), arithmetic);
        let activation = probe.stage_in_full(self.act_fn, activation);
        let product = silu_and_mul::product(activation.view(), up.view(), arithmetic);
        let product = probe.stage(self.act_and_mul, product);
        self.down_proj.forward(product.view(), arithmetic, probe)
    }
}
