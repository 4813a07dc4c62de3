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
    let mut read: BTreeMap<BufferId, BTreeSet<Part>> = BTreeMap::new();
    for step in plan.steps.iter().filter(|step| op(step) != "read_bandwidth") {
        let weights = step.reads().filter(|&id| plan.buffer(id).is_some_and(|b| b.role == Role::Weight));
        for id in weights {
            read.entry(id).or_default().insert(part(step, id));
        }
    }
    let one = Extent { tokens: 1, batch: 1, max_kv: 1 };
    let bytes = |(id, parts): (BufferId, BTreeSet<Part>)| {
        let Some(buffer) = plan.buffer(id) else { return 0 };
        let all = buffer.bytes(one).unwrap_or(0);
        let row = (buffer.width * buffer.element.size()) as u64;
        let of_part = |part: &Part| part.of(all, row);
        match parts.contains(&Part::All) {
            true => all,
            false => parts.iter().map(of_part).sum::<u64>().min(all),
        }
    };
    read.into_iter().map(bytes).sum()
}

/// What a step reads of a matrix. Steps that read the same part read the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Every row.
    All,
    /// The row of one token.
    Row,
    /// Of so many experts, those that one token is sent to.
    Experts { chosen: u64, of: u64 },
    /// The rows of `kv_b_proj` that make keys: so many features of each head, of so many.
    Keys { features: u64, of: u64 },
    /// Those that make values.
    Values { features: u64, of: u64 },
}

impl Part {
    /// Its bytes, of those of the matrix and of one row.
    fn of(self, all: u64, row: u64) -> u64 {
        match self {
            Self::All => all,
            Self::Row => row.min(all),
            Self::Experts { chosen: part, of }
            | Self::Keys { features: part, of }
            | Self::Values { features: part, of } => all / of.max(1) * part,
        }
    }

    /// Which share of the matrix it is, where it is one of rows that every token is multiplied by.
    fn share(self) -> f64 {
        match self {
            Self::All | Self::Row | Self::Experts { .. } => 1.0,
            Self::Keys { features, of } | Self::Values { features, of } => features as f64 / of.max(1) as f64,
        }
    }
}

/// What a step reads of one of its weights.
fn part(step: &Step, id: BufferId) -> Part {
    let axis = |name| step.spec.int(name);
    let heads = || Some((axis("QK_NOPE_HEAD_DIM")?, axis("V_HEAD_DIM")?));
    let found = match op(step) {
        "embedding" => Some(Part::Row),
        "moe_gate_up" | "moe_down" if is_matrix(step, id) => {
            axis("TOP_K").zip(axis("EXPERTS")).map(|(chosen, of)| Part::Experts { chosen, of })
        }
        "mla_absorb" => heads().map(|(keys, values)| Part::Keys { features: keys, of: keys + values }),
        "mla_value_up" => heads().map(|(keys, values)| Part::Values { features: values, of: keys + values }),
        _ => None,
    };
    found.unwrap_or(Part::All)
}

/// Whether a step reads this as a matrix of experts.
fn is_matrix(step: &Step, id: BufferId) -> bool {
    let parameters = find(&step.spec.kernel).map_or(&[][..], |kernel| kernel.parameters);
    let mut named = step.arguments.iter().zip(parameters);
    named.any(|(operand, parameter)| {
        matches!(operand, Operand::Buffer(found) if *found == id) && parameter.name.ends_with("_weight")
    })
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
                let rows = buffer.rows.at(extent).filter(|&rows| rows > 1)?;
                Some(rows as f64 * buffer.width as f64 * part(step, id).share())
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

    #[test]
    fn a_token_of_latent_attention_reads_each_matrix_once() {
        let shape = synthetic::find("mistral-small-4").unwrap();
        let loaded = shape.open_layers(1, 2, Arc::new(Seam::empty())).unwrap();
        let options = DeviceOptions::new(loaded.config(), loaded.activation_dtype());
        // Elements: five projections, the norms of latents and of the layer, the router, four of 128 experts and the shared
        // one.
        let hidden = 4096;
        let projections = 1024 * hidden + 4096 * 1024 + 320 * hidden + 32 * 192 * 256 + hidden * 4096;
        let norms = 2 * hidden + 1024 + 256;
        let layer = projections + norms + 128 * hidden + 5 * 3 * hidden * 2048;
        for fusion in [false, true] {
            let options = DeviceOptions { fusion, ..options.clone() };
            let [prefill, decode] = build(&loaded, &options, &Target::OLDEST.limits()).unwrap();
            assert_eq!(weight_bytes(&decode), 2 * (2 * layer + 131_072 * hidden + hidden + hidden));
            // Keys are absorbed into queries and values into results: each half of kv_b_proj in its own product.
            let products = 2 * (layer - norms) + 131_072 * hidden;
            // A query and a latent of 256 features and 64 turned ones, and the 256 again, for each of 32 heads.
            let attended = 2.0 * 2.0 * 32.0 * (2.0 * 256.0 + 64.0) * (16.0 * 17.0 / 2.0);
            assert_eq!(attention_operations(&prefill, loaded.config(), 16), attended);
            let found = operations(&prefill, loaded.config(), 16) - attended;
            assert!((found - 2.0 * 16.0 * products as f64).abs() < 1e-9 * found, "{found:e}");
            // By themselves, the two steps of a layer read the matrix together, and no byte of it twice.
            let of = |wanted: &str| {
                let steps = decode.steps.iter().filter(|step| op(step) == wanted).cloned().collect();
                weight_bytes(&Plan { steps, ..decode.clone() })
            };
            assert_eq!((of("mla_absorb"), of("mla_value_up")), (4 * 32 * 64 * 256, 4 * 32 * 128 * 256));
        }
    }
}
