//! `long_prefill`: a prefill of many tokens through real layers is launched, and finite at every stage.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::kinds::LongPrefill;
use engine::bench::synthetic;
use engine::device::{Chunk, DeviceModel, DeviceOptions, RowStatistics, SequenceId, Session, Watch};
use engine::models::Logits;
use engine::plan::{Phase, Role};
use engine::stage::StageName;
use engine::trace::Tensor;
use kernels::Dtype;

use super::{Case, Passed, none_found};
use crate::on_device::failed;
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

/// The seed of weights and tokens.
const SEED: u32 = 0;

pub(super) fn cases(parameters: &LongPrefill) -> Vec<Case<'_>> {
    let shapes = parameters.synthetic.iter();
    let points = shapes.flat_map(|shape| parameters.tokens.iter().map(|&tokens| (shape.as_str(), tokens)));
    let chunk = parameters.chunk.map(|chunk| format!(",chunk={chunk}")).unwrap_or_default();
    points
        .map(|(shape, tokens)| Case {
            id: format!(
                "long_prefill(synthetic={shape},layers={},tokens={tokens}{chunk})",
                parameters.layers
            ),
            attempt: Box::new(move |subject| attempt(subject, parameters, shape, tokens as usize)),
        })
        .collect()
}

fn attempt(subject: &Subject, parameters: &LongPrefill, name: &str, tokens: usize) -> Result<Passed, Stop> {
    let shape = synthetic::find(name)
        .ok_or_else(|| Stop::Errored(format!("the engine has no shape called `{name}`")))?;
    let machine = subject.machine()?;
    let seam = Arc::clone(subject.shared_seam());
    let loaded = shape
        .open_layers(SEED, parameters.layers as usize, seam)
        .map_err(|error| Stop::Errored(error.to_string()))?;
    let prompts = prompts(tokens, loaded.config().max_position_embeddings, loaded.config().vocab_size);
    let longest = prompts.iter().map(Vec::len).max().unwrap_or(0);
    let chunk = parameters.chunk.map_or(tokens, |chunk| chunk as usize);
    // In one run all sequences are together; in pieces there is one after the other, and one is there at a time.
    let together = chunk >= tokens;
    // Without a library: what is claimed of a kernel is to be computed by it.
    let options = DeviceOptions {
        max_tokens: chunk.min(tokens),
        max_batch: if together { prompts.len() } else { 1 },
        max_kv: longest,
        library: false,
        prefill_taps: true,
        ..DeviceOptions::new(loaded.config(), loaded.activation_dtype())
    };
    let device = Arc::clone(&machine.device);
    let model = DeviceModel::load(&loaded, device, &machine.jit, options).map_err(failed(subject))?;
    let mut count = Count::of(&model);
    let mut session = model.session().map_err(failed(subject))?;
    if together {
        let parts = prompts.iter().map(|prompt| Part { sequence: session.add(), past: 0, tokens: prompt });
        let parts: Vec<Part<'_>> = parts.collect();
        count.run(subject, &mut session, &parts)?;
    } else {
        for prompt in &prompts {
            let sequence = session.add();
            for (number, tokens) in prompt.chunks(chunk).enumerate() {
                count.run(subject, &mut session, &[Part { sequence, past: number * chunk, tokens }])?;
            }
            session.remove(sequence);
        }
    }
    count.judged(name)
}

/// So many random tokens, in as few sequences as hold them, as equal in length as can be.
fn prompts(tokens: usize, context: usize, vocab_size: usize) -> Vec<Vec<u32>> {
    let sequences = tokens.div_ceil(context.max(1)).max(1);
    let most = u32::try_from(vocab_size).unwrap_or(u32::MAX).max(1);
    let mut state = SEED;
    // A linear congruential generator (Knuth, TAOCP volume 2, section 3.3.4), whose upper bits are taken.
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % most
    };
    let lengths = (0..sequences).map(|at| tokens / sequences + usize::from(at < tokens % sequences));
    lengths.map(|length| std::iter::repeat_with(&mut next).take(length).collect()).collect()
}

/// New tokens of a sequence in a run.
struct Part<'t> {
    sequence: SequenceId,
    /// Tokens that the sequence has.
    past: usize,
    tokens: &'t [u32],
}

/// An element that is not finite.
struct Found {
    stage: StageName,
    /// The row of the run.
    row: usize,
    column: usize,
    value: f64,
}

/// Counts the elements of every stage, and keeps the first that is not finite.
struct Count {
    /// The stages that the plan stores, with the elements of a row.
    widths: BTreeMap<StageName, usize>,
    /// Rows of the run under way.
    rows: usize,
    /// Stages that were told in the run under way.
    told: Vec<StageName>,
    elements: u64,
    first: Option<Found>,
    /// The first row of a stage that is to be copied.
    bad: Option<(StageName, usize)>,
    /// What the device said that cannot be.
    problem: Option<String>,
}

impl Count {
    fn of(model: &DeviceModel) -> Self {
        let plan = model.plan(Phase::Prefill);
        let measured: Vec<StageName> = plan.measured().collect();
        let width = |stage: StageName| {
            let buffer = plan.buffers.iter().find(|buffer| buffer.role == Role::Stage(stage));
            (stage, buffer.map_or(0, |buffer| buffer.width))
        };
        let widths = measured.into_iter().map(width).collect();
        Self { widths, rows: 0, told: Vec::new(), elements: 0, first: None, bad: None, problem: None }
    }

    /// One run, after which every stage was counted.
    fn run(&mut self, subject: &Subject, session: &mut Session<'_>, parts: &[Part<'_>]) -> Result<(), Stop> {
        let chunk = |part: &Part<'_>| (part.sequence, part.past, part.tokens.len());
        let places: Vec<_> = parts.iter().map(chunk).collect();
        let chunks: Vec<Chunk<'_>> =
            parts.iter().map(|part| Chunk { sequence: part.sequence, tokens: part.tokens }).collect();
        self.rows = places.iter().map(|(.., tokens)| tokens).sum();
        self.told.clear();
        session.run(Phase::Prefill, &chunks, Logits::Last, self).map_err(failed(subject))?;
        if let Some(problem) = self.problem.take() {
            return Err(Stop::Errored(problem));
        }
        let missing = self.widths.keys().find(|stage| !self.told.contains(stage));
        if let Some(stage) = missing {
            return Err(Stop::Errored(format!("the plan stores {stage}, and nothing was counted of it")));
        }
        let Some(Found { stage, row, column, value }) = self.first.take() else { return Ok(()) };
        let mut row = row;
        let mut place = (0, row);
        for (number, (_, past, tokens)) in places.iter().enumerate() {
            place = (number, past + row);
            if row < *tokens {
                break;
            }
            row -= tokens;
        }
        let (sequence, token) = place;
        Err(Defect {
            stage: Some(stage.to_string()),
            token: Some(token as u64),
            index: vec![token as u64, column as u64],
            found: Some(value),
            ..Defect::counted(
                "non_finite",
                1.0,
                format!(
                    "a prefill of {} tokens in {} sequences computes {value} at {stage}, token {token} of sequence \
                     {sequence}, the first value that is not finite",
                    self.rows,
                    places.len()
                ),
            )
        }
        .into())
    }

    fn judged(self, name: &str) -> Result<Passed, Stop> {
        match self.elements {
            0 => Err(Stop::Vacuous(evidence::Vacuity::NoElements)),
            _ if self.widths.is_empty() => {
                Err(Stop::Errored(format!("the prefill plan of {name} stores no stage")))
            }
            elements => Ok(none_found(elements, "non_finite")),
        }
    }
}

impl Watch for Count {
    fn wants(&self, _: StageName) -> bool {
        false
    }

    fn record(&mut self, _: StageName, _: Dtype, _: Tensor) {}

    fn wants_statistics(&self) -> bool {
        true
    }

    fn statistics(&mut self, stage: StageName, rows: &[RowStatistics]) {
        self.told.push(stage);
        let width = self.widths.get(&stage).copied().unwrap_or(0) as u64;
        let counted = |row: &RowStatistics| row.finite + row.nans + row.infinities;
        let uncounted = rows.iter().position(|row| counted(row) != width);
        if let Some(row) = uncounted.or((rows.len() != self.rows).then_some(rows.len())) {
            let found = rows.get(row).map_or(0, counted);
            self.problem.get_or_insert(format!(
                "{stage} has {} rows of {width} elements, and the device counted {found} in row {row} of {}",
                self.rows,
                rows.len()
            ));
        }
        self.elements += rows.iter().map(counted).sum::<u64>();
        let bad = rows.iter().position(|row| row.nans + row.infinities > 0);
        self.bad = bad.filter(|_| self.first.is_none()).map(|row| (stage, row));
    }

    fn wants_row(&self, stage: StageName) -> Option<usize> {
        self.bad.filter(|(bad, _)| *bad == stage).map(|(_, row)| row)
    }

    fn row(&mut self, stage: StageName, row: usize, values: &[f32]) {
        self.bad = None;
        match values.iter().position(|value| !value.is_finite()) {
            Some(column) => {
                self.first = Some(Found { stage, row, column, value: f64::from(values[column]) });
            }
            None => {
                self.problem.get_or_insert(format!(
                    "the device counted NaN or infinity in row {row} of {stage}, and there is none"
                ));
            }
        }
    }

    fn imposes(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests;
