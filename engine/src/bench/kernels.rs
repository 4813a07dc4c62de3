//! What each kernel takes of the time of a token, where it runs: in the graph, between the others, with cold caches; and
//! attention of a prefill by itself.
//!
//! A kernel by itself, again and again, finds its weights in the cache and nothing to overlap with. So the graph of the
//! decode plan is made once with all of its steps and once without those of one kernel, and the difference is theirs. The
//! differences add up to less than the whole where kernels overlap: what is left is what neither of two neighbours
//! saves alone.

use std::collections::BTreeMap;

use ::kernels::launch::{Extent, find};
use serde::Serialize;

use super::anchors::timed;
use super::{Bench, Options, Sample, count, decode};
use crate::device::{Chunk, DeviceModel, Unwatched};
use crate::error::EngineError;
use crate::models::Logits;
use crate::plan::{Phase, Plan, Step};

/// The decode plan, and each kernel of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Kernels {
    /// Seconds of all steps: of a token without choosing the next one.
    pub seconds: f64,
    /// Every kernel, in the order of their first steps.
    pub rows: Vec<KernelRow>,
}

/// One kernel with its axes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KernelRow {
    /// The kernel.
    pub kernel: String,
    /// The step that launches it first, without its layer.
    pub step: String,
    /// How many steps of a token launch it.
    pub steps: usize,
    /// Seconds that one of these steps adds to a token.
    pub seconds: f64,
    /// Bytes of weights, keys and values that one of them reads.
    pub bytes: u64,
    /// Those bytes a second.
    pub bytes_per_second: f64,
}

/// Attention of a prefill by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AttentionRow {
    /// Tokens of the prompt.
    pub tokens: usize,
    /// The kernel of the first layer.
    pub kernel: String,
    /// Seconds of one layer, in the mean of all.
    pub seconds: f64,
    /// Floating-point operations of both products a second; what a mask leaves out does not count.
    pub operations_per_second: f64,
}

/// The attention of every layer of a prefill, one after the other, without anything between; `None` where no step is one.
pub(super) fn attention(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
    tokens: usize,
) -> Result<Option<AttentionRow>, EngineError> {
    let mut session = model.session()?;
    let sequence = session.add();
    // Fills the inputs and the pages, which stay as they are.
    decode::prefill(&mut session, sequence, &decode::prompt(model.config().vocab_size, tokens))?;
    let plan = model.plan(Phase::Prefill);
    let ops = ["attention", "mla_attention"];
    let is_attention = |step: &Step| find(&step.spec.kernel).is_some_and(|kernel| ops.contains(&kernel.op));
    let steps: Vec<Step> = plan.steps.iter().filter(|step| is_attention(step)).cloned().collect();
    let Some(first) = steps.first() else { return Ok(None) };
    let (kernel, layers) = (first.spec.kernel.clone(), steps.len() as f64);
    let alone = Plan { steps, ..plan.clone() };
    let extent = Extent { tokens: tokens as u64, batch: 1, max_kv: tokens as u64 };
    let sample = timed(bench, options, |_| model.launch(&alone, extent))?;
    let seconds = sample.median / layers;
    let operations = count::attention_operations(&alone, model.config(), tokens as u64) / layers;
    Ok(Some(AttentionRow { tokens, kernel, seconds, operations_per_second: operations / seconds }))
}

/// Replays between two looks at the clock.
const REPLAYS: usize = 20;

/// Measures the decode plan with all of its kernels, and without each.
pub(super) fn measure(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
) -> Result<Kernels, EngineError> {
    let mut session = model.session()?;
    let sequence = session.add();
    let tokens = decode::prompt(model.config().vocab_size, options.depth);
    let next = decode::prefill(&mut session, sequence, &tokens)?;
    let token = [next];
    let chunk = Chunk { sequence, tokens: &token };
    // Fills the inputs, which stay as they are.
    session.run(Phase::Decode, &[chunk], Logits::Last, &mut Unwatched)?;
    let plan = model.plan(Phase::Decode);
    let whole = replayed(bench, model, options, |_| true)?;
    let mut kernels: BTreeMap<usize, (Vec<&Step>, u64)> = BTreeMap::new();
    for step in &plan.steps {
        let first = plan.steps.iter().position(|other| other.spec == step.spec).unwrap_or(0);
        let (steps, bytes) = kernels.entry(first).or_default();
        steps.push(step);
        *bytes += bytes_of(plan, model, step, options.depth);
    }
    let mut rows = Vec::new();
    for (steps, bytes) in kernels.into_values() {
        let [first, ..] = *steps else { continue };
        let without = replayed(bench, model, options, |step| step.spec != first.spec)?;
        let (count, bytes) = (steps.len(), bytes / steps.len() as u64);
        let seconds = (whole.median - without.median) / count as f64;
        let name = first.name();
        rows.push(KernelRow {
            kernel: first.spec.kernel.clone(),
            step: name.rsplit_once("layers.0.").map_or(name.as_str(), |(_, local)| local).to_owned(),
            steps: count,
            seconds,
            bytes,
            bytes_per_second: bytes as f64 / seconds,
        });
    }
    Ok(Kernels { seconds: whole.median, rows })
}

/// What a step reads and no step computes.
fn bytes_of(plan: &Plan, model: &DeviceModel, step: &Step, depth: usize) -> u64 {
    let alone = Plan { steps: vec![step.clone()], ..plan.clone() };
    count::weight_bytes(&alone) + count::kv_bytes(&alone, model.config(), depth as u64 + 1)
}

/// What a token takes with these steps only.
pub(super) fn replayed(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
    keep: impl Fn(&Step) -> bool,
) -> Result<Sample, EngineError> {
    let graph = model.graph_of(keep)?;
    let sample = timed(bench, options, |device| (0..REPLAYS).try_for_each(|_| device.replay(&graph)))?;
    Ok(Sample::of(sample.seconds.iter().map(|seconds| seconds / REPLAYS as f64).collect()))
}
