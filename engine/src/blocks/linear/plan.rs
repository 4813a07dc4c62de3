//! The steps of a linear layer.

use kernels::launch::{Expr, bias, matmul, matmul_simt, matvec};

use crate::plan::Phase;
use crate::plan::builder::{Builder, Parameter, Value};
use crate::stage::StageName;
use crate::weights::WeightsError;

/// A linear layer of a decoder layer, by the names of its stages.
#[derive(Debug, Clone, Copy)]
pub struct Linear {
    /// The module, such as `mlp.up_proj`: where its weights are, and its result.
    pub module: &'static str,
    /// The product where a bias follows, such as `mlp.up_matmul`.
    pub matmul: &'static str,
    /// Whether a bias follows.
    pub biased: bool,
}

impl Linear {
    /// The stages, in the order in which they are computed.
    #[must_use]
    pub fn stages(&self, layer: usize) -> Vec<StageName> {
        let names = if self.biased { vec![self.matmul, self.module] } else { vec![self.module] };
        names.into_iter().map(|name| StageName::layer(layer, name)).collect()
    }

    /// `x [tokens, in_features] -> [tokens, out_features]`: one step, or two with a bias.
    pub fn plan(
        &self,
        builder: &mut Builder<'_>,
        layer: usize,
        x: Value,
        out_features: usize,
    ) -> Result<Value, WeightsError> {
        let module = StageName::layer(layer, self.module);
        let weight = builder.matrix(&format!("{module}.weight"), [out_features, x.width])?;
        if !self.biased {
            return Ok(product(builder, module, weight, x, out_features));
        }
        let product = product(builder, StageName::layer(layer, self.matmul), weight, x, out_features);
        let vector = builder.vector(&format!("{module}.bias"), out_features)?;
        let out = builder.stage(module, out_features);
        let axes =
            bias::Axes { features: out_features, bias: vector.dtype, activation: builder.activation() };
        let buffers = [out.id, product.id, vector.id];
        builder.step(&[module], bias::spec(&axes), bias::shape(Expr::Tokens), &buffers, Expr::Tokens);
        Ok(out)
    }
}

/// `x [tokens, in_features]` times the transpose of `weight [out_features, in_features]`: a decode run has few rows, and
/// streams the weight; a prefill multiplies tiles.
pub fn product(
    builder: &mut Builder<'_>,
    stage: StageName,
    weight: Parameter,
    x: Value,
    out_features: usize,
) -> Value {
    let axes = matmul::Axes {
        out_features,
        in_features: x.width,
        weight: weight.dtype,
        activation: builder.activation(),
    };
    let out = builder.stage(stage, out_features);
    let (spec, shape) = match (builder.phase(), matmul::unfit(&axes)) {
        (Phase::Decode, _) => (matvec::spec(&axes), matvec::shape(Expr::Tokens, out_features)),
        (Phase::Prefill, None) => (matmul::spec(&axes), matmul::shape(Expr::Tokens, out_features)),
        (Phase::Prefill, Some(why)) => {
            builder.note(format!("matmul_simt, which is slower, in the place of matmul: {why}"));
            (matmul_simt::spec(&axes), matmul_simt::shape(Expr::Tokens, out_features))
        }
    };
    builder.step(&[stage], spec, shape, &[out.id, weight.id, x.id], Expr::Tokens);
    out
}
