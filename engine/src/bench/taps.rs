//! What looking costs: statistics of every stage at the end of each decode step, and a prefill whose stages are copied out.
//!
//! Both are measured beside the same work unlooked at, on models that are loaded one after the other.

use serde::Serialize;

use ::kernels::Dtype;

use super::report::Maybe;
use super::{Bench, Options, Sample, Way, decode};
use crate::device::{Chunk, DeviceModel, DeviceOptions, RowStatistics, Unwatched, Watch};
use crate::error::EngineError;
use crate::models::Logits;
use crate::plan::{Phase, Role, Step};
use crate::stage::StageName;
use crate::trace::Tensor;

/// What looking costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TapsRow {
    /// The way to decode.
    pub way: Way,
    /// How many stages have statistics: all that the plan stores.
    pub stages: usize,
    /// Statistics made in every step and left on the device.
    pub made: Cost,
    /// Statistics made in every step and read by the host after each; without taps the host takes as many turns.
    pub read: Cost,
    /// A prefill whose residual stream is copied out after each layer.
    pub prefill: Maybe<TracedRow>,
}

/// A time beside the same without looking.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// Seconds, without.
    pub without: Sample,
    /// Seconds, with.
    pub with: Sample,
    /// By which share it takes longer.
    pub share: f64,
}

impl Cost {
    fn of(without: Sample, with: Sample) -> Self {
        let share = with.median / without.median - 1.0;
        Self { without, with, share }
    }
}

/// A prefill whose stages are copied to the host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TracedRow {
    /// Tokens of the prompt.
    pub tokens: usize,
    /// Stages that were copied out.
    pub stages: usize,
    /// Their bytes, as the device stores them.
    pub bytes: u64,
    /// Bytes of every stage that the plan stores: what a whole payload would be.
    pub bytes_of_all: u64,
    /// Until the last of it lies on the host, widened to f32.
    pub cost: Cost,
}

impl Bench<'_> {
    /// Decodes and prefills, looked at and not.
    pub(super) fn taps(
        &self,
        way: Way,
        options: &Options,
        notes: &mut Vec<String>,
    ) -> Result<TapsRow, EngineError> {
        let (plain, prompt) = self.load(way, options, 0, notes)?;
        let untapped = decode::measure(self, &plain, options)?;
        let alone = turns(self, &plain, options)?;
        let prefill = traced(self, &plain, options, prompt)?;
        drop(plain);
        let (tapped, _) = self
            .load_as(options, notes, |options| DeviceOptions { taps: true, ..self.sizes(way, options, 0) })?;
        let found = decode::measure(self, &tapped, options)?;
        let read = turns(self, &tapped, options)?;
        if found.tokens != untapped.tokens || !found.agree {
            notes.push(format!("{} decodes other tokens with taps", way.name()));
        }
        Ok(TapsRow {
            way,
            stages: tapped.plan(Phase::Decode).measured().count(),
            made: Cost::of(untapped.sample, found.sample),
            read: Cost::of(alone, read),
            prefill,
        })
    }
}

/// Takes statistics where there are any, and nothing else.
#[derive(Default)]
struct Listener {
    /// Finite elements of all stages: so that what was read was looked at.
    finite: u64,
}

impl Watch for Listener {
    fn wants(&self, _: StageName) -> bool {
        false
    }

    fn record(&mut self, _: StageName, _: Dtype, _: Tensor) {}

    fn wants_statistics(&self) -> bool {
        true
    }

    fn statistics(&mut self, _: StageName, rows: &[RowStatistics]) {
        self.finite += rows.iter().map(|row| row.finite).sum::<u64>();
    }

    fn imposes(&self) -> bool {
        false
    }
}

/// The same tokens again and again, where the host takes a turn after each step: seconds for a token. The next token is
/// not chosen from the logits, so that choosing is no part of it.
fn turns(bench: &Bench<'_>, model: &DeviceModel, options: &Options) -> Result<Sample, EngineError> {
    let mut session = model.session()?;
    let base = session.add();
    let vocab_size = model.config().vocab_size;
    decode::prefill(&mut session, base, &decode::prompt(vocab_size, options.depth))?;
    let tokens = decode::prompt(vocab_size, options.steps);
    let mut seconds = Vec::new();
    for repeat in 0..=options.repeats {
        let sequence = session.adopt(base, options.depth)?;
        let mut listener = Listener::default();
        bench.device.synchronize()?;
        let from = bench.clock.now();
        for token in tokens.chunks(1) {
            let chunk = Chunk { sequence, tokens: token };
            session.run(Phase::Decode, &[chunk], Logits::Last, &mut listener)?;
        }
        bench.device.synchronize()?;
        let until = bench.clock.now();
        session.remove(sequence);
        if repeat > 0 {
            seconds.push(until.saturating_sub(from).as_secs_f64() / options.steps as f64);
        }
    }
    Ok(Sample::of(seconds))
}

/// Keeps the residual stream after each layer.
#[derive(Default)]
struct Layers {
    stages: Vec<Tensor>,
    bytes: u64,
}

/// Whether a stage is the residual stream after a layer.
fn is_layer(stage: StageName) -> bool {
    stage.layer_index().is_some_and(|layer| stage == StageName::layer(layer, ""))
}

impl Watch for Layers {
    fn wants(&self, stage: StageName) -> bool {
        is_layer(stage)
    }

    fn record(&mut self, _: StageName, stored: Dtype, tensor: Tensor) {
        self.bytes += (tensor.values.len() * stored.size()) as u64;
        self.stages.push(tensor);
    }

    fn imposes(&self) -> bool {
        false
    }
}

/// The same prefill again and again, unlooked at and with the residual stream copied out.
fn traced(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
    tokens: usize,
) -> Result<Maybe<TracedRow>, EngineError> {
    let plan = model.plan(Phase::Prefill);
    let stored = plan.steps.iter().flat_map(Step::writes).filter_map(|id| plan.buffer(id));
    let of_stages = stored.filter(|buffer| matches!(buffer.role, Role::Stage(_)));
    let bytes_of_all = of_stages.map(|buffer| (tokens * buffer.width * buffer.element.size()) as u64).sum();
    let prompt = decode::prompt(model.config().vocab_size, tokens);
    let (mut without, mut with, mut seen) = (Vec::new(), Vec::new(), Layers::default());
    for repeat in 0..=options.repeats {
        for (looked_at, seconds) in [(false, &mut without), (true, &mut with)] {
            let mut session = model.session()?;
            let chunk = Chunk { sequence: session.add(), tokens: &prompt };
            let mut layers = Layers::default();
            let watch: &mut dyn Watch = if looked_at { &mut layers } else { &mut Unwatched };
            bench.device.synchronize()?;
            let from = bench.clock.now();
            session.run(Phase::Prefill, &[chunk], Logits::Last, watch)?;
            bench.device.synchronize()?;
            let until = bench.clock.now();
            if repeat > 0 {
                seconds.push(until.saturating_sub(from).as_secs_f64());
            }
            if looked_at {
                seen = layers;
            }
        }
    }
    if seen.stages.is_empty() {
        return Ok(Maybe::not("the plan stores no residual stream after a layer"));
    }
    let cost = Cost::of(Sample::of(without), Sample::of(with));
    Ok(Maybe::Measured(TracedRow {
        tokens,
        stages: seen.stages.len(),
        bytes: seen.bytes,
        bytes_of_all,
        cost,
    }))
}
