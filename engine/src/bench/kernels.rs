//! What each kernel takes of the time of a token, where it runs: in the graph, between the others, with cold caches.
//!
//! A kernel by itself, again and again, finds its weights in the cache and nothing to overlap with. So the graph of the
//! decode plan is made once with all of its steps and once without those of one kernel, and the difference is theirs. The
//! differences add up to less than the whole where kernels overlap: what is left is what neither of two neighbours
//! saves alone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Bench, Options, Sample, count, decode};
use crate::device::{Chunk, DeviceModel, Unwatched};
use crate::error::EngineError;
use crate::models::Logits;
use crate::plan::{Phase, Plan, Step};

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

/// Replays between two looks at the clock.
const REPLAYS: usize = 20;

/// Every kernel of the decode plan, in the order of their first steps.
pub(super) fn measure(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
) -> Result<Vec<KernelRow>, EngineError> {
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
    Ok(rows)
}

/// What a step reads and no step computes.
fn bytes_of(plan: &Plan, model: &DeviceModel, step: &Step, depth: usize) -> u64 {
    let alone = Plan { steps: vec![step.clone()], ..plan.clone() };
    count::weight_bytes(&alone) + count::kv_bytes(&alone, model.config(), depth as u64 + 1)
}

/// What a token takes with these steps only.
fn replayed(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
    keep: impl Fn(&Step) -> bool,
) -> Result<Sample, EngineError> {
    let graph = model.graph_of(keep)?;
    let mut seconds = Vec::new();
    for repeat in 0..=options.repeats {
        bench.device.synchronize()?;
        let from = bench.clock.now();
        (0..REPLAYS).try_for_each(|_| bench.device.replay(&graph))?;
        bench.device.synchronize()?;
        let until = bench.clock.now();
        if repeat > 0 {
            seconds.push(until.saturating_sub(from).as_secs_f64() / REPLAYS as f64);
        }
    }
    Ok(Sample::of(seconds))
}
