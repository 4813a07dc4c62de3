//! How fast a model decodes and prefills, beside how fast the device can read, in the same run.
//!
//! | file | what |
//! |---|---|
//! | [`synthetic`] | real shapes with weights that are drawn on the device |
//! | [`options`](Options) | how much is measured, and in which ways |
//! | [`clock`](Clock) | what time it is, and what repeats say |
//! | [`anchors`] | how fast the device reads, copies, and goes from node to node |
//! | `asked` | bytes of a token, from the configuration and the names of tensors, without any plan |
//! | [`count`] | bytes of a token and operations of a prefill, from the plan |
//! | `decode`, `prefill`, `matrix` | what is timed |
//! | [`kernels`] | what each kernel takes of the time of a token |
//! | [`taps`] | what looking at stages costs |
//! | [`verdict`] | what the figures are allowed to say |
//! | [`report`] | everything together, as JSON has it |
//! | [`point`](BenchPoint) | where a mutant rewrites what is counted |
//!
//! A rate means little by itself. The figure that counts is the share of the read bandwidth, measured minutes before on
//! the same device, that the bytes of a token make of it; and a run in which a tenth of the work more does not show says
//! nothing.

pub mod anchors;
mod asked;
mod clock;
pub mod count;
mod decode;
pub mod kernels;
mod matrix;
mod options;
mod point;
mod prefill;
pub mod report;
mod sample;
pub mod synthetic;
pub mod taps;
pub mod verdict;

use std::sync::Arc;

use ::kernels::device::{Device, DeviceError};
use ::kernels::jit::Jit;
use ::kernels::launch::read_bandwidth;

use crate::device::{DeviceModel, DeviceOptions, GraphMode, Launching, SessionError};
use crate::error::EngineError;
use crate::loaded::Loaded;
use crate::plan::{ExtraReads, Phase, Step};
use anchors::Anchors;
use report::{ControlRow, DecodeRow, Maybe, Report, SCHEMA};
use verdict::{CONTROL_SHARE, Facts, judge};

pub use clock::{Clock, Wall};
pub use options::{Options, Way};
pub use point::{BenchPoint, BenchValue};
pub use sample::Sample;

/// What is measured, on what.
pub struct Bench<'a> {
    /// The model.
    pub loaded: &'a Loaded,
    /// The device.
    pub device: Arc<dyn Device>,
    /// What compiles for it.
    pub jit: &'a Jit,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// How much is measured.
    pub options: Options,
}

/// Whether a device is played by software: what it takes says nothing about any hardware.
#[must_use]
pub fn is_virtual(device: &dyn Device) -> bool {
    device.properties().name.contains("virtual device")
}

impl Bench<'_> {
    /// Measures, telling what comes next.
    ///
    /// # Errors
    /// What keeps a model from being loaded or run. What only one way lacks is a row that says why it was not measured.
    pub fn run(&self, progress: &mut dyn FnMut(&str)) -> Result<Report, EngineError> {
        let options = self.options.resolved(self.loaded.config())?;
        progress("anchors");
        let anchors = anchors::measure(self, &options)?;
        let mut seen = Seen::default();
        for &way in &options.ways {
            progress(way.name());
            let row = match anchors.graph_node.reason().filter(|_| way.graph()) {
                Some(why) => DecodeRow::not(way, why),
                None => match self.one_way(way, &options, &anchors, &mut seen) {
                    // It did not decode what it was asked for; the other ways may say more.
                    Err(EngineError::Session(error @ SessionError::NoToken { .. })) => {
                        seen.notes.push(format!("{} decodes no token: {error}", way.name()));
                        seen.disagree = true;
                        DecodeRow::not(way, &error.to_string())
                    }
                    found => found?,
                },
            };
            seen.rows.push(row);
        }
        let mut report = Report {
            schema: SCHEMA,
            model: self.loaded.dir().display().to_string(),
            device: report::DeviceRow::of(&*self.device),
            options: options.clone(),
            anchors,
            bytes: seen.bytes,
            judged: None,
            decode: seen.rows,
            prefill: seen.prefill.unwrap_or_else(|| Maybe::not("it was not asked for")),
            control: Maybe::not("no way to decode was measured"),
            kernels: None,
            attention: None,
            taps: None,
            fraction: None,
            verdict: verdict::Verdict::None { why: "no way to decode was measured".to_owned() },
            notes: seen.notes,
        };
        if let Some((way, decoded)) = seen.best {
            if options.kernels {
                progress("kernels");
                let (model, prompt) = self.load(way, &options, None, &mut report.notes)?;
                report.kernels = Some(kernels::measure(self, &model, &options)?);
                report.attention = kernels::attention(self, &model, &options, prompt)?;
            }
            if options.taps {
                progress("taps");
                report.taps = Some(self.taps(way, &options, &mut report.notes)?);
            }
            let taps_agree = report.taps.iter().flat_map(|taps| &taps.decode).all(|row| row.same_tokens);
            let decoded = decode::Decoded { agree: !seen.disagree && taps_agree, ..decoded };
            self.judged(&mut report, way, &decoded, progress)?;
        }
        Ok(report)
    }

    /// Everything about one way to decode.
    fn one_way(
        &self,
        way: Way,
        options: &Options,
        anchors: &Anchors,
        seen: &mut Seen,
    ) -> Result<DecodeRow, EngineError> {
        let (model, prompt) = self.load(way, options, None, &mut seen.notes)?;
        let nodes = match model.launching(1)? {
            Launching::Graph { nodes, .. } => Some(nodes),
            Launching::FellBack { because } => return Ok(DecodeRow::not(way, &because)),
            Launching::Eager if way.graph() => return Ok(DecodeRow::not(way, "graphs are off")),
            Launching::Eager => None,
        };
        let mut bytes = count::of_token(&model, options.depth, options.steps);
        let value = &mut bytes.weights;
        self.loaded.seam().apply::<BenchPoint>(&mut BenchValue::WeightBytes(value));
        seen.bytes = bytes;
        let decoded = decode::measure(self, &model, options)?;
        // Neither repeats nor ways differ in any bit, and so in no token.
        let as_before = seen.best.as_ref().is_none_or(|(_, before)| before.tokens == decoded.tokens);
        if !decoded.agree || !as_before {
            let than = if decoded.agree { "the way before it" } else { "it did in the repeat before" };
            seen.notes.push(format!("{} decodes other tokens than {than}", way.name()));
            seen.disagree = true;
        }
        if options.prefill && way.fused() && seen.prefill.is_none() {
            seen.prefill = Some(Maybe::Measured(prefill::measure(self, &model, options, anchors, prompt)?));
        }
        let row = DecodeRow::of(way, &decoded, model.plan(Phase::Decode).steps.len(), nodes);
        if seen.best.as_ref().is_none_or(|(best, _)| way.rank() >= best.rank()) {
            seen.best = Some((way, decoded));
        }
        Ok(row)
    }

    /// The negative control, and the verdict.
    fn judged(
        &self,
        report: &mut Report,
        way: Way,
        decoded: &decode::Decoded,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(), EngineError> {
        let per_token = decoded.sample.median;
        let read = report.anchors.nearest_read(report.bytes.total());
        let fraction = report.bytes.total() as f64 / per_token / read;
        progress("negative control");
        let extra = report.anchors.reads_that_take(CONTROL_SHARE * per_token);
        let (model, _) = self.load(way, &report.options, Some(extra), &mut report.notes)?;
        let found = decode::measure(self, &model, &report.options)?;
        let is_extra = |step: &Step| step.spec.kernel == read_bandwidth::KERNEL.name;
        let alone = match kernels::replayed(self, &model, &report.options, is_extra) {
            Ok(sample) => Maybe::Measured(sample),
            Err(error) => Maybe::not(&error.to_string()),
        };
        let takes = alone.measured().map_or(CONTROL_SHARE * per_token, |sample| sample.median);
        drop(model);
        let control = ControlRow {
            extra_bytes: extra.bytes,
            tokens_per_second: found.sample.rate(1.0),
            drop: 1.0 - per_token / found.sample.median,
            expected_drop: takes / (per_token + takes),
            alone,
            sample: found.sample,
        };
        report.verdict = judge(&Facts {
            virtual_device: is_virtual(&*self.device),
            tokens: (report.options.steps, decoded.tokens.len()),
            // Reads that only cost time change no token.
            ways_agree: decoded.agree && found.agree && found.tokens == decoded.tokens,
            weight_bytes: report.bytes.weights,
            stored_bytes: self.loaded.weights().total_bytes(),
            read_bytes: asked::weight_bytes(self.loaded.config(), self.loaded.weights()),
            spread: decoded.sample.spread.max(control.sample.spread),
            fraction,
            control_drop: control.drop,
            control_expected: control.expected_drop,
        });
        report.fraction = Some(fraction);
        report.judged = Some(way);
        report.control = Maybe::Measured(control);
        Ok(())
    }

    /// A model on the device; with a shorter prompt where it does not fit, which is noted.
    fn load(
        &self,
        way: Way,
        options: &Options,
        extra_reads: Option<ExtraReads>,
        notes: &mut Vec<String>,
    ) -> Result<(DeviceModel, usize), EngineError> {
        self.load_as(options, notes, |options| self.sizes(way, options, extra_reads))
    }

    fn load_as(
        &self,
        options: &Options,
        notes: &mut Vec<String>,
        sizes: impl Fn(Options) -> DeviceOptions,
    ) -> Result<(DeviceModel, usize), EngineError> {
        let mut prompt = options.prompt;
        loop {
            let sizes = sizes(Options { prompt, ..options.clone() });
            match DeviceModel::load(self.loaded, Arc::clone(&self.device), self.jit, sizes) {
                Err(EngineError::Device(DeviceError::Memory { .. })) if prompt > 1 => prompt /= 2,
                Err(error) => return Err(error),
                Ok(model) => {
                    let note = format!("the prompt is {prompt} tokens: more do not fit the device");
                    if prompt < options.prompt && !notes.contains(&note) {
                        notes.push(note);
                    }
                    return Ok((model, prompt));
                }
            }
        }
    }

    fn sizes(&self, way: Way, options: Options, extra_reads: Option<ExtraReads>) -> DeviceOptions {
        let sizes = DeviceOptions::new(self.loaded.config(), self.loaded.activation_dtype());
        DeviceOptions {
            max_tokens: options.prompt.max(1),
            max_batch: 1,
            max_kv: options.longest(),
            fusion: way.fused(),
            graph: if way.graph() { GraphMode::On } else { GraphMode::Off },
            programmatic: way.programmatic(),
            extra_reads,
            ..sizes
        }
    }
}

/// What was found so far.
#[derive(Default)]
struct Seen {
    rows: Vec<DecodeRow>,
    prefill: Option<Maybe<report::PrefillRow>>,
    best: Option<(Way, decode::Decoded)>,
    bytes: count::BytesPerToken,
    notes: Vec<String>,
    disagree: bool,
}
