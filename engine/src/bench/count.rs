//! Bytes of a token and operations of a prefill, counted from the plan that is launched.

use std::collections::{BTreeMap, BTreeSet};

use kernels::launch::{Extent, find};
use serde::Serialize;

use crate::config::Config;
use crate::device::DeviceModel;
use crate::plan::{BufferId, Operand, Phase, Plan, Role, Step};

/// Bytes that a decode step cannot do without reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BytesPerToken {
    /// Weights, each byte once; of a table that is only looked up, one row.
    pub weights: u64,
    /// Keys and values, for the mean position of the tokens that are decoded.
    pub kv: u64,
}

impl BytesPerToken {
    /// Both.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.weights + self.kv
    }
}

/// For tokens decoded one by one after `depth` others.
pub(super) fn of_token(model: &DeviceModel, depth: usize, steps: usize) -> BytesPerToken {
    let (plan, config) = (model.plan(Phase::Decode), model.config());
    let lengths = depth + 1..=depth + steps;
    let sum: u64 = lengths.map(|length| kv_bytes(plan, config, length as u64)).sum();
    BytesPerToken { weights: weight_bytes(plan), kv: sum / steps.max(1) as u64 }
}

/// What a step does, by the op of its kernel.
fn op(step: &Step) -> &'static str {
    find(&step.spec.kernel).map_or("", |kernel| kernel.op)
}

/// Bytes of weights that one run of a plan over one token reads, each byte once, and of a table that is only looked up
/// one row; of the experts of a layer, those that one token is sent to. Reads of the negative control do not count.
#[must_use]
pub fn weight_bytes(plan: &Plan) -> u64 {
    let (mut whole, mut rows): (BTreeSet<BufferId>, BTreeSet<BufferId>) = Default::default();
    for step in plan.steps.iter().filter(|step| op(step) != "read_bandwidth") {
        let of_step = if op(step) == "embedding" { &mut rows } else { &mut whole };
        of_step.extend(step.reads().filter(|&id| plan.buffer(id).is_some_and(|b| b.role == Role::Weight)));
    }
    let one = Extent { tokens: 1, batch: 1, max_kv: 1 };
    let shares: BTreeMap<BufferId, f64> = plan.steps.iter().flat_map(active).collect();
    let bytes = |id: &BufferId| {
        let all = plan.buffer(*id).and_then(|buffer| buffer.bytes(one)).unwrap_or(0);
        shares.get(id).map_or(all, |share| (all as f64 * share).round() as u64)
    };
    let row =
        |id: &BufferId| plan.buffer(*id).map_or(0, |buffer| (buffer.width * buffer.element.size()) as u64);
    whole.iter().map(bytes).sum::<u64>() + rows.difference(&whole).map(row).sum::<u64>()
}

/// The matrices of experts that a step reads, each with the share of them that one token's chosen ones are.
fn active(step: &Step) -> Vec<(BufferId, f64)> {
    if !["moe_gate_up", "moe_down"].contains(&op(step)) {
        return Vec::new();
    }
    let (Some(experts), Some(chosen)) = (step.spec.int("EXPERTS"), step.spec.int("TOP_K")) else {
        return Vec::new();
    };
    let parameters = find(&step.spec.kernel).map_or(&[][..], |kernel| kernel.parameters);
    let matrices = step.arguments.iter().zip(parameters).filter_map(|(operand, parameter)| match operand {
        Operand::Buffer(id) if parameter.name.ends_with("_weight") => Some(*id),
        _ => None,
    });
    matrices.map(|id| (id, chosen as f64 / experts.max(1) as f64)).collect()
}

/// Bytes of keys and values that attention reads for a token which sees `length` of them, itself included.
pub(super) fn kv_bytes(plan: &Plan, config: &Config, length: u64) -> u64 {
    pages(plan)
        .into_iter()
        .filter_map(|id| {
            let buffer = plan.buffer(id)?;
            let (Role::Keys(layer) | Role::Values(layer) | Role::Latents(layer)) = buffer.role else {
                return None;
            };
            let row = (buffer.width * buffer.element.size()) as u64;
            Some(row * seen(config, layer, length))
        })
        .sum()
}

/// Pages that are only read: those that attention looks at.
fn pages(plan: &Plan) -> BTreeSet<BufferId> {
    let read = |step: &Step| {
        let written: BTreeSet<BufferId> = step.writes().collect();
        step.reads().filter(move |id| !written.contains(id)).collect::<Vec<_>>()
    };
    let of_pages = |id: &BufferId| {
        plan.buffer(*id)
            .is_some_and(|buffer| matches!(buffer.role, Role::Keys(_) | Role::Values(_) | Role::Latents(_)))
    };
    plan.steps.iter().flat_map(read).filter(of_pages).collect()
}

/// How many of `length` keys a query at the end sees.
fn seen(config: &Config, layer: usize, length: u64) -> u64 {
    let window = config.windows.get(layer).copied().flatten();
    window.map_or(length, |window| length.min(window as u64))
}

/// Floating-point operations of a prefill of so many tokens: two for each weight and token of a matrix product, and four
/// for each feature of a head, query and key that it sees. Everything else is less than a thousandth.
#[must_use]
pub fn operations(plan: &Plan, config: &Config, tokens: usize) -> f64 {
    let tokens = tokens as u64;
    let extent = Extent { tokens, batch: 1, max_kv: tokens };
    let products = plan.steps.iter().filter(|step| !["embedding", "read_bandwidth"].contains(&op(step)));
    let products: f64 = products
        .map(|step| {
            let numbers = step.arguments.iter().filter_map(|operand| match operand {
                Operand::Number(expr) => expr.at(extent),
                Operand::Buffer(_) | Operand::Scale(_) => None,
            });
            let rows = numbers.min().unwrap_or(tokens) as f64;
            // A slot is multiplied by the matrix of one expert.
            let experts = match op(step) {
                "moe_grouped_linear" => step.spec.int("EXPERTS").unwrap_or(1).max(1) as f64,
                _ => 1.0,
            };
            let matrices = step.reads().filter_map(|id| {
                let buffer = plan.buffer(id).filter(|buffer| buffer.role == Role::Weight)?;
                // Vectors have one row: norms and biases.
                buffer.rows.at(extent).filter(|&rows| rows > 1).map(|rows| rows as f64 * buffer.width as f64)
            });
            2.0 * rows * matrices.sum::<f64>() / experts
        })
        .sum();
    products + attention_operations(plan, config, tokens)
}

/// What of them is attention: the products of queries and keys, and of weights and values, that a mask leaves in.
pub(super) fn attention_operations(plan: &Plan, config: &Config, tokens: u64) -> f64 {
    let heads = config.num_attention_heads as f64;
    let pairs = |layer: usize| (1..=tokens).map(|length| seen(config, layer, length)).sum::<u64>() as f64;
    // A latent is a key, with what was turned behind it, and a value without.
    let latent = |width: usize| {
        width + config.latent.map_or(0, |latent| width.saturating_sub(latent.qk_rope_head_dim))
    };
    let layers = pages(plan).into_iter().filter_map(|id| {
        let buffer = plan.buffer(id)?;
        match buffer.role {
            Role::Keys(layer) => Some((layer, 2 * config.head_dim)),
            Role::Latents(layer) => Some((layer, latent(buffer.width))),
            _ => None,
        }
    });
    layers.map(|(layer, features)| 2.0 * heads * features as f64 * pairs(layer)).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use kernels::device::Target;
    use kernels::seam::Seam;

    use super::*;
    use crate::bench::synthetic;
    use crate::device::DeviceOptions;
    use crate::plan::build;

    #[test]
    fn a_token_of_a_mixture_reads_its_chosen_experts_and_no_others() {
        let loaded = synthetic::find("qwen3-30b-a3b").unwrap().open(1, Arc::new(Seam::empty())).unwrap();
        let options = DeviceOptions::new(loaded.config(), loaded.activation_dtype());
        // Elements: attention, its norms and those of the layer, the router, and eight of 128 experts.
        let (hidden, inner) = (2048, 768);
        let attention = 2 * hidden * 4096 + 2 * hidden * 512 + 2 * 128;
        let layer = attention + 2 * hidden + 128 * hidden + 8 * 3 * hidden * inner;
        let rest = 151_936 * hidden + hidden + hidden;
        for fusion in [false, true] {
            let options = DeviceOptions { fusion, ..options.clone() };
            let [prefill, decode] = build(&loaded, &options, &Target::OLDEST.limits()).unwrap();
            assert_eq!(weight_bytes(&decode), 2 * (48 * layer + rest));
            // What a token is multiplied with, without norms and attention: 2 FLOP an element.
            let products = 48 * (layer - 2 * 128 - 2 * hidden) + 151_936 * hidden;
            let attended = attention_operations(&prefill, loaded.config(), 16);
            let found = operations(&prefill, loaded.config(), 16) - attended;
            assert!((found - 2.0 * 16.0 * products as f64).abs() < 1e-3 * found, "{found:e}");
        }
    }
}
