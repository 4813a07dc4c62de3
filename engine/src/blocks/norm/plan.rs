//! The step of a norm.

use kernels::launch::{Expr, rmsnorm};

use crate::plan::builder::{Builder, Value};
use crate::stage::StageName;
use crate::weights::WeightsError;

/// `x [tokens, n * features] -> [tokens, n * features]`: each run of `features` elements is a row of its own.
pub fn plan(
    builder: &mut Builder<'_>,
    stage: StageName,
    x: Value,
    features: usize,
    eps: f64,
) -> Result<Value, WeightsError> {
    let weight = builder.vector(&format!("{stage}.weight"), features)?;
    let axes = rmsnorm::Axes { features, eps, weight: weight.dtype, activation: builder.activation() };
    let rows = Expr::Tokens * x.width.checked_div(features).unwrap_or(0);
    let out = builder.stage(stage, x.width);
    let buffers = [out.id, x.id, weight.id];
    builder.step(&[stage], rmsnorm::spec(&axes), rmsnorm::shape(rows.clone()), &buffers, rows);
    Ok(out)
}
