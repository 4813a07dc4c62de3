//! The steps of the gated MLP.

use kernels::launch::{Expr, silu_and_mul};

use crate::blocks::linear::plan::Linear;
use crate::config::Config;
use crate::plan::builder::{Builder, Value};
use crate::stage::StageName;
use crate::weights::WeightsError;

/// Gate, up and down, in this order.
const fn projections(biased: bool) -> [Linear; 3] {
    [
        Linear { module: "mlp.gate_proj", matmul: "mlp.gate_matmul", biased },
        Linear { module: "mlp.up_proj", matmul: "mlp.up_matmul", biased },
        Linear { module: "mlp.down_proj", matmul: "mlp.down_matmul", biased },
    ]
}

/// The two stages of the gate, of which the second is stored.
fn gated(layer: usize) -> [StageName; 2] {
    [StageName::layer(layer, "mlp.act_fn"), StageName::layer(layer, "mlp.act_and_mul")]
}

/// The stages, in the order in which they are computed.
#[must_use]
pub fn stages(layer: usize, biased: bool) -> Vec<StageName> {
    let [gate, up, down] = projections(biased);
    let mut stages = gate.stages(layer);
    stages.extend(up.stages(layer));
    stages.extend(gated(layer));
    stages.extend(down.stages(layer));
    stages
}

/// `x [tokens, hidden_size] -> [tokens, hidden_size]`.
pub fn plan(
    builder: &mut Builder<'_>,
    config: &Config,
    layer: usize,
    biased: bool,
    x: Value,
) -> Result<Value, WeightsError> {
    let [gate_proj, up_proj, down_proj] = projections(biased);
    let features = config.intermediate_size;
    let gate = gate_proj.plan(builder, layer, x, features)?;
    let up = up_proj.plan(builder, layer, x, features)?;
    let covers = gated(layer);
    let out = builder.stage(covers[1], features);
    let axes = silu_and_mul::Axes { features, activation: builder.activation() };
    let (spec, shape) = (silu_and_mul::spec(&axes), silu_and_mul::shape(Expr::Tokens));
    builder.step(&covers, spec, shape, &[out.id, gate.id, up.id], Expr::Tokens);
    down_proj.plan(builder, layer, out, config.hidden_size)
}
