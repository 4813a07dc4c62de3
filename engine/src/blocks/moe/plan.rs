//! The steps of the mixture of experts.
//!
//! A prefill sorts the slots of all tokens by expert on the device, and multiplies them by the matrices of their experts in
//! grids of the worst case. A decode step has few slots: it reads the chosen experts alone, and nothing is sorted. Neither
//! knows on the host which experts are chosen, so that a graph of the steps can be replayed.

use kernels::Dtype;
use kernels::launch::{
    Expr, moe_align, moe_combine, moe_down_matvec, moe_gate, moe_gate_up_matvec, moe_grouped_matmul,
    moe_grouped_matmul_simt, moe_route, moe_route_bias, silu_and_mul,
};
use kernels::moe_route::Scoring;

use crate::blocks::decoder::plan::added;
use crate::blocks::mlp::plan::Gated;
use crate::config::MixtureOfExperts;
use crate::plan::builder::{Builder, Parameter, Part, Value};
use crate::plan::{BufferId, Element, Phase};
use crate::stage::StageName;
use crate::weights::WeightsError;

/// What is added to the sum of the weights of a token before they are divided by it.
const RENORMALISE_EPS: f64 = 1e-20;

/// The stages of one expert.
const GATE_PROJ: &str = "mlp.experts.{E}.gate_proj";
const UP_PROJ: &str = "mlp.experts.{E}.up_proj";
const ACT_FN: &str = "mlp.experts.{E}.act_fn";
const ACT_AND_MUL: &str = "mlp.experts.{E}.act_and_mul";
const DOWN_PROJ: &str = "mlp.experts.{E}.down_proj";

/// The stages, in the order in which they are computed, up to the sum of routed and shared experts.
#[must_use]
pub fn stages(mixture: &MixtureOfExperts, layer: usize) -> Vec<StageName> {
    let name = |name| StageName::layer(layer, name);
    let mut stages = vec![name("mlp.gate"), name("mlp.topk")];
    for expert in 0..mixture.routing.num_experts {
        let of = [GATE_PROJ, UP_PROJ, ACT_FN, ACT_AND_MUL, DOWN_PROJ];
        stages.extend(of.map(|name| StageName::expert(layer, expert, name)));
    }
    stages.push(name("mlp.experts"));
    if mixture.shared_intermediate_size > 0 {
        stages.extend(Gated::shared().stages(layer));
        stages.push(name("mlp"));
    }
    stages
}

/// What the router leaves: for each slot its expert, and what it counts.
struct Routed {
    experts: BufferId,
    weights: BufferId,
}

/// The matrices of all experts, `[experts * rows, columns]` each.
struct Matrices {
    gate: Parameter,
    up: Parameter,
    down: Parameter,
}

/// One layer's mixture while it is planned.
struct Planning<'m> {
    mixture: &'m MixtureOfExperts,
    layer: usize,
    hidden: usize,
}

/// `x [tokens, hidden_size]`, the norm of `residual`, to the residual stream after the layer.
pub fn plan(
    builder: &mut Builder<'_>,
    mixture: &MixtureOfExperts,
    layer: usize,
    x: Value,
    residual: Value,
) -> Result<Value, WeightsError> {
    let planning = Planning { mixture, layer, hidden: x.width };
    let routed = planning.route(builder, x)?;
    let matrices = planning.matrices(builder)?;
    let shared = match mixture.shared_intermediate_size {
        0 => None,
        features => Some(Gated::shared().plan(builder, layer, x, features)?),
    };
    let name = |name| StageName::layer(layer, name);
    let axes = planning.chosen(builder, &matrices);
    let unfit = axes.map(|axes| moe_gate_up_matvec::unfit(&axes)).into_iter().flatten().next();
    match (builder.phase(), unfit) {
        (Phase::Decode, None) => {
            let sum =
                planning.chosen_alone(builder, (x, &routed, &matrices, axes), shared.unwrap_or(residual));
            Ok(match shared {
                None => sum,
                Some(_) => added(builder, name(""), residual, sum),
            })
        }
        (phase, unfit) => {
            if let Some(why) = unfit.filter(|_| phase == Phase::Decode) {
                builder.note(format!(
                    "grouped products, which are slower, in the place of moe_gate_up_matvec: {why}"
                ));
            }
            let experts = planning.grouped(builder, x, &routed, &matrices);
            let sum = match shared {
                None => experts,
                Some(shared) => added(builder, name("mlp"), experts, shared),
            };
            Ok(added(builder, name(""), residual, sum))
        }
    }
}

impl Planning<'_> {
    fn name(&self, name: &'static str) -> StageName {
        StageName::layer(self.layer, name)
    }

    /// A stage of every expert.
    fn of_experts(&self, names: &[&'static str]) -> Vec<StageName> {
        let experts = 0..self.mixture.routing.num_experts;
        experts
            .flat_map(|expert| names.iter().map(move |name| StageName::expert(self.layer, expert, name)))
            .collect()
    }

    const fn top_k(&self) -> usize {
        self.mixture.routing.num_experts_per_tok
    }

    /// Slots of all tokens.
    fn slots(&self) -> Expr {
        Expr::Tokens * self.top_k()
    }

    /// Something of this layer between two steps that is no stage.
    fn scratch(
        &self,
        builder: &mut Builder<'_>,
        what: &str,
        element: Element,
        rows: Expr,
        width: usize,
    ) -> BufferId {
        builder.scratch_of(format!("{}.{what}", self.name("mlp.experts")), element, rows, width)
    }

    /// Router logits, and the experts of each token.
    fn route(&self, builder: &mut Builder<'_>, x: Value) -> Result<Routed, WeightsError> {
        let routing = &self.mixture.routing;
        let (experts, top_k) = (routing.num_experts, self.top_k());
        let (gate, topk) = (self.name("mlp.gate"), self.name("mlp.topk"));
        let weight = builder.matrix(&format!("{gate}.weight"), [experts, x.width])?;
        let axes = moe_gate::Axes {
            experts,
            in_features: x.width,
            weight: weight.dtype,
            activation: builder.activation(),
        };
        let logits = builder.stage_in(gate, experts, Dtype::F32);
        let (spec, shape) = (moe_gate::spec(&axes), moe_gate::shape(&axes, Expr::Tokens));
        builder.step(&[gate], spec, shape, &[logits.id, weight.id, x.id], Expr::Tokens);

        let axes = moe_route::Axes {
            experts,
            top_k,
            sigmoid: routing.scoring == Scoring::Sigmoid,
            groups: routing.n_group,
            groups_kept: routing.topk_group,
            renormalise: routing.norm_topk_prob,
            eps: RENORMALISE_EPS,
            scaling: routing.routed_scaling_factor,
        };
        let weights = builder.stage_in(topk, experts, Dtype::F32);
        let chosen = self.scratch(builder, "chosen", Element::I32, Expr::Tokens, top_k);
        let counts = self.scratch(builder, "weights", Element::Float(Dtype::F32), Expr::Tokens, top_k);
        let mut buffers = vec![weights.id, chosen, counts, logits.id];
        let spec = match self.mixture.correction_bias {
            false => moe_route::spec(&axes),
            true => {
                let bias = builder.vector(&format!("{gate}.e_score_correction_bias"), experts)?;
                buffers.push(bias.id);
                moe_route_bias::spec(&axes, bias.dtype)
            }
        };
        builder.step(&[topk], spec, moe_route::shape(Expr::Tokens), &buffers, Expr::Tokens);
        Ok(Routed { experts: chosen, weights: counts })
    }

    /// The matrices of all experts, one after the other: from three tensors an expert, or from two of all experts, with the
    /// gates above the ups.
    fn matrices(&self, builder: &mut Builder<'_>) -> Result<Matrices, WeightsError> {
        let (experts, inner, hidden) =
            (self.mixture.routing.num_experts, self.mixture.moe_intermediate_size, self.hidden);
        let all = self.name("mlp.experts");
        let fused = format!("{all}.gate_up_proj");
        let is_fused = builder.has(&fused);
        let mut matrix = |name: &'static str,
                          rows: usize,
                          columns: usize,
                          (tensor, height, first): (String, usize, usize)| {
            let part = |expert: usize| match is_fused {
                true => {
                    let begin = expert * height + first;
                    Part {
                        name: tensor.clone(),
                        shape: vec![experts, height, columns],
                        rows: begin..begin + rows,
                    }
                }
                false => {
                    let name = format!("{}.weight", StageName::expert(self.layer, expert, name));
                    Part { name, shape: vec![rows, columns], rows: 0..rows }
                }
            };
            let local = name.rsplit('.').next().unwrap_or(name);
            builder.assembled(
                &format!("{all}[..].{local}"),
                (0..experts).map(part).collect(),
                [experts * rows, columns],
            )
        };
        Ok(Matrices {
            gate: matrix(GATE_PROJ, inner, hidden, (fused.clone(), 2 * inner, 0))?,
            up: matrix(UP_PROJ, inner, hidden, (fused, 2 * inner, inner))?,
            down: matrix(DOWN_PROJ, hidden, inner, (format!("{all}.down_proj"), hidden, 0))?,
        })
    }

    /// What the two products of chosen experts are specialised for.
    fn chosen(&self, builder: &Builder<'_>, matrices: &Matrices) -> [moe_gate_up_matvec::Axes; 2] {
        let of = |out_features, in_features, weight| moe_gate_up_matvec::Axes {
            experts: self.mixture.routing.num_experts,
            top_k: self.top_k(),
            out_features,
            in_features,
            weight,
            activation: builder.activation(),
        };
        let inner = self.mixture.moe_intermediate_size;
        [of(inner, self.hidden, matrices.gate.dtype), of(self.hidden, inner, matrices.down.dtype)]
    }

    /// The chosen experts of few tokens, added to `addend`: the residual stream, or what the shared experts give.
    fn chosen_alone(
        &self,
        builder: &mut Builder<'_>,
        (x, routed, matrices, [up, down]): (Value, &Routed, &Matrices, [moe_gate_up_matvec::Axes; 2]),
        addend: Value,
    ) -> Value {
        let activation = Element::Float(builder.activation());
        let gated = self.scratch(builder, "act_and_mul", activation, self.slots(), up.out_features);
        let geometry = moe_gate_up_matvec::geometry(&up);
        let buffers = [gated, x.id, routed.experts, matrices.gate.id, matrices.up.id];
        let covers = self.of_experts(&[GATE_PROJ, UP_PROJ, ACT_FN, ACT_AND_MUL]);
        let shape = moe_gate_up_matvec::shape(geometry, self.slots());
        builder.step(&covers, moe_gate_up_matvec::spec(&up), shape, &buffers, self.slots());

        let mut covers = self.of_experts(&[DOWN_PROJ]);
        covers.push(self.name("mlp.experts"));
        covers.push(self.name(if self.mixture.shared_intermediate_size > 0 { "mlp" } else { "" }));
        let last = covers.last().copied().unwrap_or(self.name(""));
        let out = builder.stage(last, down.out_features);
        let buffers = [out.id, gated, routed.experts, routed.weights, matrices.down.id, addend.id];
        let shape = moe_down_matvec::shape(moe_down_matvec::geometry(&down), Expr::Tokens);
        builder.step(&covers, moe_down_matvec::spec(&down), shape, &buffers, Expr::Tokens);
        out
    }

    /// The experts of any number of tokens.
    fn grouped(&self, builder: &mut Builder<'_>, x: Value, routed: &Routed, matrices: &Matrices) -> Value {
        let experts = self.mixture.routing.num_experts;
        let (inner, top_k, activation) =
            (self.mixture.moe_intermediate_size, self.top_k(), builder.activation());
        let offsets = self.scratch(builder, "offsets", Element::I32, Expr::from(experts) + 1.into(), 1);
        let slots = self.scratch(builder, "slots", Element::I32, Expr::Tokens, top_k);
        let (spec, shape) = (moe_align::spec(experts), moe_align::shape(experts));
        builder.step(&[], spec, shape, &[offsets, slots, routed.experts], self.slots());

        let sorted = [offsets, slots];
        let wide = [inner, self.hidden, top_k];
        let gate = self.product(builder, ("gate_proj", GATE_PROJ), (matrices.gate, x.id), sorted, wide);
        let up = self.product(builder, ("up_proj", UP_PROJ), (matrices.up, x.id), sorted, wide);
        let gated = self.scratch(builder, "act_and_mul", Element::Float(activation), self.slots(), inner);
        let axes = silu_and_mul::Axes { features: inner, activation };
        let (spec, shape) = (silu_and_mul::spec(&axes), silu_and_mul::shape(self.slots()));
        builder.step(&self.of_experts(&[ACT_FN, ACT_AND_MUL]), spec, shape, &[gated, gate, up], self.slots());
        let narrow = [self.hidden, inner, 1];
        let given = self.product(builder, ("down_proj", DOWN_PROJ), (matrices.down, gated), sorted, narrow);

        let sum = self.name("mlp.experts");
        let out = builder.stage(sum, self.hidden);
        let axes = moe_combine::Axes { features: self.hidden, top_k, activation };
        let (spec, shape) = (moe_combine::spec(&axes), moe_combine::shape(Expr::Tokens));
        builder.step(&[sum], spec, shape, &[out.id, given, routed.weights], Expr::Tokens);
        out
    }

    /// The product of every slot with the matrix of its expert.
    fn product(
        &self,
        builder: &mut Builder<'_>,
        (what, stage): (&str, &'static str),
        (weight, x): (Parameter, BufferId),
        [offsets, slots]: [BufferId; 2],
        [out_features, in_features, slots_per_row]: [usize; 3],
    ) -> BufferId {
        let axes = moe_grouped_matmul::Axes {
            experts: self.mixture.routing.num_experts,
            out_features,
            in_features,
            slots_per_row,
            weight: weight.dtype,
            activation: builder.activation(),
        };
        let out = self.scratch(builder, what, Element::Float(axes.activation), self.slots(), out_features);
        let (spec, shape) = match moe_grouped_matmul::unfit(&axes) {
            None => (moe_grouped_matmul::spec(&axes), moe_grouped_matmul::shape(&axes, self.slots())),
            Some(why) => {
                builder.note(format!(
                    "moe_grouped_matmul_simt, which is slower, in the place of moe_grouped_matmul: {why}"
                ));
                (moe_grouped_matmul_simt::spec(&axes), moe_grouped_matmul_simt::shape(&axes, self.slots()))
            }
        };
        let buffers = [out, weight.id, x, offsets, slots];
        builder.step(&self.of_experts(&[stage]), spec, shape, &buffers, self.slots());
        out
    }
}
