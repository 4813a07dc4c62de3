//! What looking costs: statistics of every stage at the end of each decode step, and a prefill whose stages are copied out.
//!
//! Both are measured beside the same work unlooked at. Decoding is, in the judged way and in the graph of the unfused plan,
//! which stores every stage that there is.

use serde::Serialize;

use ::kernels::Dtype;

use super::report::Maybe;
use super::verdict::MOST_SPREAD;
use super::{Bench, Options, Sample, Way, decode, is_virtual};
use crate::device::{Chunk, DeviceModel, DeviceOptions, Launching, RowStatistics, Unwatched, Watch};
use crate::error::EngineError;
use crate::models::Logits;
use crate::plan::{Phase, Role, Step};
use crate::stage::StageName;
use crate::trace::Tensor;

/// By which share statistics of every stage may lengthen a decode step.
pub const MOST_OF_TOKEN: f64 = 0.10;
/// By which share copying stages out may lengthen a prefill.
pub const MOST_OF_PREFILL: f64 = 0.50;
/// Tokens that are decoded each time at most: taps cost each the same.
const STEPS: usize = 32;
/// Tokens of the prompt of which every stage is copied out. Bytes and tokens grow together, and the time of so short a
/// prefill is that of reading the weights: of a longer one, fewer stages cross in the same share of its time.
const FEW: usize = 16;

/// What looking costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TapsRow {
    /// Statistics in decode steps: the judged way, and the graph of the unfused plan.
    pub decode: Vec<TappedRow>,
    /// Prefills whose stages are copied out: all of a few tokens, and the residual stream of the whole prompt.
    pub prefill: Vec<Maybe<TracedRow>>,
}

/// Statistics of every stage that a decode plan stores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TappedRow {
    /// The way to decode.
    pub way: Way,
    /// How many stages have statistics: all that the plan stores.
    pub stages: usize,
    /// Nodes of the graph without taps, and with them; `null` where there is none.
    pub nodes: [Option<usize>; 2],
    /// Whether the same tokens were decoded with taps: a run in which they were not has failed.
    pub same_tokens: bool,
    /// Statistics made in every step and left on the device.
    pub made: Cost,
    /// Statistics made in every step and read by the host after each; without taps the host takes as many turns.
    pub read: Cost,
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
    /// By which share it may.
    pub limit: f64,
    /// What may be said of that.
    #[serde(flatten)]
    pub held: Held,
}

/// Whether a limit is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Held {
    /// It is.
    Ok,
    /// It is not.
    Missed,
    /// Nobody knows.
    None {
        /// Why not.
        why: String,
    },
}

impl Cost {
    fn of([without, with]: [Sample; 2], limit: f64, virtual_device: bool) -> Self {
        let share = with.median / without.median - 1.0;
        let spread = without.spread.max(with.spread);
        let held = match share <= limit {
            _ if virtual_device => {
                Held::None { why: "virtual device: what it takes says nothing about hardware".to_owned() }
            }
            _ if !share.is_finite() => Held::None { why: "the clock did not move".to_owned() },
            // A spread that is large is one too many only if it could turn the answer round.
            _ if spread > MOST_SPREAD && spread > (share - limit).abs() => {
                Held::None { why: format!("the repeats spread over {:.1} %", 100.0 * spread) }
            }
            true => Held::Ok,
            false => Held::Missed,
        };
        Self { without, with, share, limit, held }
    }
}

/// A prefill whose stages are copied to the host.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TracedRow {
    /// What is copied out.
    pub what: &'static str,
    /// Tokens of the prompt.
    pub tokens: usize,
    /// Stages that were copied out.
    pub stages: usize,
    /// Their bytes, as the device stores them.
    pub bytes: u64,
    /// Bytes of every stage that the plan stores: what a whole payload of this prompt would be.
    pub bytes_of_all: u64,
    /// Until the last of it lies on the host, widened to f32: the payload as `apr trace` has it before it sums it up and
    /// writes it.
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
        let options = &Options { steps: options.steps.min(STEPS), ..options.clone() };
        let (judged, prefill) = self.tapped(way, options, notes, true)?;
        let mut decode = vec![judged];
        if way != Way::GraphUnfused && way.graph() {
            decode.push(self.tapped(Way::GraphUnfused, options, notes, false)?.0);
        }
        Ok(TapsRow { decode, prefill })
    }

    fn tapped(
        &self,
        way: Way,
        options: &Options,
        notes: &mut Vec<String>,
        prefill: bool,
    ) -> Result<(TappedRow, Vec<Maybe<TracedRow>>), EngineError> {
        let (plain, prompt) = self.load(way, options, None, notes)?;
        let untapped = decode::measure(self, &plain, options)?;
        let alone = turns(self, &plain, options)?;
        let without = nodes(&plain)?;
        let mut prefills = Vec::new();
        if prefill {
            for what in [ALL_OF_FEW, RESIDUAL_STREAM] {
                prefills.push(traced(self, &plain, options, what, prompt)?);
            }
        }
        drop(plain);
        let (tapped, _) = self.load_as(options, notes, |options| DeviceOptions {
            taps: true,
            ..self.sizes(way, options, None)
        })?;
        let found = decode::measure(self, &tapped, options)?;
        let read = turns(self, &tapped, options)?;
        let same_tokens = found.agree && found.tokens == untapped.tokens;
        if !same_tokens {
            notes.push(format!("{} decodes other tokens with taps", way.name()));
        }
        let cost = |samples| Cost::of(samples, MOST_OF_TOKEN, is_virtual(&*self.device));
        let row = TappedRow {
            way,
            stages: tapped.plan(Phase::Decode).measured().count(),
            nodes: [without, nodes(&tapped)?],
            same_tokens,
            made: cost([untapped.sample, found.sample]),
            read: cost([alone, read]),
        };
        Ok((row, prefills))
    }
}

fn nodes(model: &DeviceModel) -> Result<Option<usize>, EngineError> {
    Ok(match model.launching(1)? {
        Launching::Graph { nodes, .. } => Some(nodes),
        Launching::Eager | Launching::FellBack { .. } => None,
    })
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

/// What a prefill is traced for.
#[derive(Clone, Copy)]
struct Traced {
    what: &'static str,
    /// At most so many tokens.
    tokens: usize,
    wants: fn(StageName) -> bool,
}

/// What `apr trace` copies out unless told otherwise.
const ALL_OF_FEW: Traced = Traced { what: "every stage", tokens: FEW, wants: |_| true };
/// What a first look at a long prompt needs.
const RESIDUAL_STREAM: Traced =
    Traced { what: "the residual stream after each layer", tokens: usize::MAX, wants: is_layer };

/// Whether a stage is the residual stream after a layer.
fn is_layer(stage: StageName) -> bool {
    stage.layer_index().is_some_and(|layer| stage == StageName::layer(layer, ""))
}

/// Keeps some stages.
struct Kept {
    wants: fn(StageName) -> bool,
    stages: Vec<Tensor>,
    bytes: u64,
}

impl Watch for Kept {
    fn wants(&self, stage: StageName) -> bool {
        (self.wants)(stage)
    }

    fn record(&mut self, _: StageName, stored: Dtype, tensor: Tensor) {
        self.bytes += (tensor.values.len() * stored.size()) as u64;
        self.stages.push(tensor);
    }

    fn imposes(&self) -> bool {
        false
    }
}

/// The same prefill again and again, unlooked at and with stages copied out.
fn traced(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
    traced: Traced,
    prompt: usize,
) -> Result<Maybe<TracedRow>, EngineError> {
    let tokens = prompt.min(traced.tokens);
    let plan = model.plan(Phase::Prefill);
    let stored = plan.steps.iter().flat_map(Step::writes).filter_map(|id| plan.buffer(id));
    let of_stages = stored.filter(|buffer| matches!(buffer.role, Role::Stage(_)));
    let bytes_of_all = of_stages.map(|buffer| (tokens * buffer.width * buffer.element.size()) as u64).sum();
    let prompt = decode::prompt(model.config().vocab_size, tokens);
    let (mut without, mut with, mut copied) = (Vec::new(), Vec::new(), (0, 0));
    for repeat in 0..=options.repeats {
        for (looked_at, seconds) in [(false, &mut without), (true, &mut with)] {
            let mut session = model.session()?;
            let chunk = Chunk { sequence: session.add(), tokens: &prompt };
            let mut kept = Kept { wants: traced.wants, stages: Vec::new(), bytes: 0 };
            let watch: &mut dyn Watch = if looked_at { &mut kept } else { &mut Unwatched };
            bench.device.synchronize()?;
            let from = bench.clock.now();
            session.run(Phase::Prefill, &[chunk], Logits::Last, watch)?;
            bench.device.synchronize()?;
            let until = bench.clock.now();
            if repeat > 0 {
                seconds.push(until.saturating_sub(from).as_secs_f64());
            }
            if looked_at {
                copied = (kept.stages.len(), kept.bytes);
            }
        }
    }
    let (stages, bytes) = copied;
    if stages == 0 {
        return Ok(Maybe::not(&format!("the plan does not store {}", traced.what)));
    }
    let samples = [Sample::of(without), Sample::of(with)];
    let cost = Cost::of(samples, MOST_OF_PREFILL, is_virtual(&*bench.device));
    Ok(Maybe::Measured(TracedRow { what: traced.what, tokens, stages, bytes, bytes_of_all, cost }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(without: [f64; 3], with: [f64; 3], virtual_device: bool) -> Held {
        let samples = [without, with].map(|seconds| Sample::of(seconds.to_vec()));
        Cost::of(samples, 0.1, virtual_device).held
    }

    #[test]
    fn a_limit_is_held_missed_or_unknown() {
        assert_eq!(held([1.0, 1.0, 1.0], [1.09, 1.09, 1.1], false), Held::Ok);
        assert_eq!(held([1.0, 1.0, 1.0], [1.11, 1.12, 1.12], false), Held::Missed);
        // So far from the limit that the spread does not matter, and not so far.
        assert_eq!(held([1.0, 1.0, 1.0], [1.3, 1.35, 1.4], false), Held::Missed);
        assert!(
            matches!(held([1.0, 1.0, 1.0], [1.05, 1.08, 1.15], false), Held::None { why } if why.contains("spread"))
        );
        assert!(
            matches!(held([1.0, 1.0, 1.0], [1.0, 1.0, 1.0], true), Held::None { why } if why.contains("virtual"))
        );
        assert!(matches!(held([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], false), Held::None { .. }));
    }
}
