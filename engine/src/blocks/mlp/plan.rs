//! The steps of the gated MLP.

use kernels::launch::{Expr, silu_and_mul};

use crate::blocks::linear::plan::Linear;
use crate::plan::builder::{Builder, Value};
use crate::stage::StageName;
use crate::weights::WeightsError;

/// A gated MLP, by the names of its stages.
#[derive(Debug, Clone, Copy)]
pub struct Gated {
    gate_proj: Linear,
    up_proj: Linear,
    /// The two stages of the gate, of which the second is stored.
    act: [&'static str; 2],
    down_proj: Linear,
}

impl Gated {
    /// The MLP of a layer, with biases on its three projections if `biased`.
    #[must_use]
    pub const fn dense(biased: bool) -> Self {
        Self {
            gate_proj: Linear { module: "mlp.gate_proj", matmul: "mlp.gate_matmul", biased },
            up_proj: Linear { module: "mlp.up_proj", matmul: "mlp.up_matmul", biased },
            act: ["mlp.act_fn", "mlp.act_and_mul"],
            down_proj: Linear { module: "mlp.down_proj", matmul: "mlp.down_matmul", biased },
        }
    }

    /// The shared experts of a layer: one MLP.
    #[must_use]
    pub const fn shared() -> Self {
        let [gate, up, down] =
            ["mlp.shared_experts.gate_proj", "mlp.shared_experts.up_proj", "mlp.shared_experts.down_proj"];
        Self {
            gate_proj: Linear { module: gate, matmul: "mlp.shared_experts.gate_matmul", biased: false },
            up_proj: Linear { module: up, matmul: "mlp.shared_experts.up_matmul", biased: false },
            act: ["mlp.shared_experts.act_fn", "mlp.shared_experts.act_and_mul"],
            down_proj: Linear { module: down, matmul: "mlp.shared_experts.down_matmul", biased: false },
        }
    }

    /// The stages, in the order in which they are computed.
    #[must_use]
    pub fn stages(&self, layer: usize) -> Vec<StageName> {
        let mut stages = self.gate_proj.stages(layer);
        stages.extend(self.up_proj.stages(layer));
        stages.extend(self.act.map(|name| StageName::layer(layer, name)));
        stages.extend(self.down_proj.stages(layer));
        stages
    }

    /// `x [tokens, hidden_size] -> [tokens, hidden_size]`, with `features` inside.
    pub fn plan(
        &self,
        builder: &mut Builder<'_>,
        layer: usize,
        x: Value,
        features: usize,
    ) -> Result<Value, WeightsError> {
        let gate = self.gate_proj.plan(builder, layer, x, features)?;
        let up = self.up_proj.plan(builder, layer, x, features)?;
        let covers = self.act.map(|name| StageName::layer(layer, name));
        let out = builder.stage(covers[1], features);
        let axes = silu_and_mul::Axes { features, activation: builder.activation() };
        let (spec, shape) = (silu_and_mul::spec(&axes), silu_and_mul::shape(Expr::Tokens));
        builder.step(&covers, spec, shape, &[out.id, gate.id, up.id], Expr::Tokens);
        self.down_proj.plan(builder, layer, out, x.width)
    }
}
