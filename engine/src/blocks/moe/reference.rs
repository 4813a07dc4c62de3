//! The reference of the mixture of experts.

use kernels::{Arithmetic, Real, linear, moe_combine, moe_route, residual_add};
use ndarray::{Array1, Array2, ArrayView2, Axis, Ix3, concatenate, s};

use crate::blocks::linear::reference::{Linear, LinearStages};
use crate::blocks::mlp::reference::Mlp;
use crate::config::MixtureOfExperts;
use crate::stage::StageName;
use crate::trace::Probe;
use crate::weights::{Reader, WeightsError};

const SHARED_GATE: LinearStages =
    LinearStages { module: "mlp.shared_experts.gate_proj", matmul: "mlp.shared_experts.gate_matmul" };
const SHARED_UP: LinearStages =
    LinearStages { module: "mlp.shared_experts.up_proj", matmul: "mlp.shared_experts.up_matmul" };
const SHARED_DOWN: LinearStages =
    LinearStages { module: "mlp.shared_experts.down_proj", matmul: "mlp.shared_experts.down_matmul" };

/// The mixture of experts of one layer.
#[derive(Debug)]
pub struct Moe<T> {
    layer: usize,
    routing: moe_route::Parameters,
    gate: Array2<T>,
    correction_bias: Option<Array1<T>>,
    experts: Vec<Mlp<T>>,
    shared_experts: Option<Mlp<T>>,
}

impl<T: Real> Moe<T> {
    /// Loads router, experts and, where the configuration has them, correction bias and shared experts.
    pub fn load(
        weights: &Reader<'_>,
        hidden: usize,
        mixture: &MixtureOfExperts,
        layer: usize,
    ) -> Result<Self, WeightsError> {
        let name = |name| StageName::layer(layer, name);
        let (routing, experts) = (mixture.routing, mixture.routing.num_experts);
        let gate = name("mlp.gate");
        Ok(Self {
            layer,
            routing,
            gate: weights.matrix(&format!("{gate}.weight"), [experts, hidden])?,
            correction_bias: match mixture.correction_bias {
                true => Some(weights.vector(&format!("{gate}.e_score_correction_bias"), experts)?),
                false => None,
            },
            experts: load_experts(weights, [mixture.moe_intermediate_size, hidden], layer, experts)?,
            shared_experts: match mixture.shared_intermediate_size {
                0 => None,
                inner => Some(Mlp {
                    gate_proj: Linear::load(weights, layer, SHARED_GATE, [inner, hidden], false)?,
                    up_proj: Linear::load(weights, layer, SHARED_UP, [inner, hidden], false)?,
                    act_fn: name("mlp.shared_experts.act_fn"),
                    act_and_mul: name("mlp.shared_experts.act_and_mul"),
                    down_proj: Linear::load(weights, layer, SHARED_DOWN, [hidden, inner], false)?,
                }),
            },
        })
    }

    /// `x [num_tokens, hidden_size] -> [num_tokens, hidden_size]`.
    pub fn forward(&self, x: ArrayView2<'_, T>, arithmetic: Arithmetic, probe: &mut Probe<'_>) -> Array2<T> {
        let name = |name| StageName::layer(self.layer, name);
        let weights = self.route(x, arithmetic, probe);
        // One expert after the other, each for the tokens that it counts for. A weight that is NaN is no zero.
        let mut routed: Vec<Vec<(usize, T)>> = vec![Vec::new(); x.nrows()];
        let (mut outputs, mut rows) = (Vec::new(), 0);
        for (expert, weights) in self.experts.iter().zip(weights.columns()) {
            let tokens: Vec<usize> = (0..x.nrows()).filter(|&token| weights[token] != T::zero()).collect();
            if tokens.is_empty() {
                continue;
            }
            outputs.push(expert.forward(x.select(Axis(0), &tokens).view(), arithmetic, probe));
            for &token in &tokens {
                routed[token].push((rows, weights[token]));
                rows += 1;
            }
        }
        let outputs: Vec<_> = outputs.iter().map(|out| out.view()).collect();
        // Fails for no parts at all, where no expert counts for any token, and no row of `y` is read.
        let y = concatenate(Axis(0), &outputs).unwrap_or_else(|_| Array2::zeros((0, x.ncols())));
        let experts = probe.stage(name("mlp.experts"), moe_combine::reference(y.view(), &routed, arithmetic));
        match &self.shared_experts {
            None => experts,
            Some(shared) => {
                let shared = shared.forward(x, arithmetic, probe);
                probe.stage(name("mlp"), residual_add::reference(experts.view(), shared.view(), arithmetic))
            }
        }
    }

    /// What each expert counts for each token: [num_tokens, num_experts].
    fn route(&self, x: ArrayView2<'_, T>, arithmetic: Arithmetic, probe: &mut Probe<'_>) -> Array2<T> {
        let name = |name| StageName::layer(self.layer, name);
        let logits = linear::in_full(x, self.gate.view(), arithmetic);
        let logits = probe.stage_in_full(name("mlp.gate"), logits);
        let scores = moe_route::scores(logits.view(), &self.routing, arithmetic);
        let bias = self.correction_bias.as_ref().map(|bias| bias.view());
        let mut chosen = moe_route::choose(scores.view(), bias, &self.routing);
        for (row, chosen) in chosen.iter_mut().enumerate() {
            if let Some(imposed) = probe.imposed(self.layer, row) {
                imposed.clone_into(chosen);
            }
        }
        let weights = moe_route::weights(scores.view(), &chosen, &self.routing, arithmetic);
        probe.stage_in_full(name("mlp.topk"), weights)
    }
}

/// Loads the experts of a layer, `[intermediate, hidden]` each: from three tensors an expert, or from two of all experts, as
/// transformers 5 stores those of some architectures, with the gates above the ups.
fn load_experts<T: Real>(
    weights: &Reader<'_>,
    [intermediate, hidden]: [usize; 2],
    layer: usize,
    experts: usize,
) -> Result<Vec<Mlp<T>>, WeightsError> {
    let stage = |expert, name| StageName::expert(layer, expert, name);
    let expert = |expert, [gate, up, down]: [Array2<T>; 3]| Mlp {
        gate_proj: Linear::of(stage(expert, "mlp.experts.{E}.gate_proj"), gate),
        up_proj: Linear::of(stage(expert, "mlp.experts.{E}.up_proj"), up),
        act_fn: stage(expert, "mlp.experts.{E}.act_fn"),
        act_and_mul: stage(expert, "mlp.experts.{E}.act_and_mul"),
        down_proj: Linear::of(stage(expert, "mlp.experts.{E}.down_proj"), down),
    };
    let all = StageName::layer(layer, "mlp.experts");
    let [gate_up, down] = [format!("{all}.gate_up_proj"), format!("{all}.down_proj")];
    if weights.contains(&gate_up) {
        let gate_up = weights.take::<T, Ix3>(&gate_up, ndarray::Dim([experts, 2 * intermediate, hidden]))?;
        let down = weights.take::<T, Ix3>(&down, ndarray::Dim([experts, hidden, intermediate]))?;
        let parts = |at| {
            let gate = gate_up.slice(s![at, ..intermediate, ..]).to_owned();
            [
                gate,
                gate_up.slice(s![at, intermediate.., ..]).to_owned(),
                down.slice(s![at, .., ..]).to_owned(),
            ]
        };
        return Ok((0..experts).map(|at| expert(at, parts(at))).collect());
    }
    (0..experts)
        .map(|at| {
            let matrix = |name, shape| weights.matrix(&format!("{}.weight", stage(at, name)), shape);
            let gate = matrix("mlp.experts.{E}.gate_proj", [intermediate, hidden])?;
            let up = matrix("mlp.experts.{E}.up_proj", [intermediate, hidden])?;
            let down = matrix("mlp.experts.{E}.down_proj", [hidden, intermediate])?;
            Ok(expert(at, [gate, up, down]))
        })
        .collect()
}
