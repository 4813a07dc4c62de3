//! What kinds that run models on a device have in common.

use contracts::Tolerance;
use engine::EngineError;
use engine::device::{Chunk, DeviceModel, SequenceId, Session, Unwatched};
use engine::models::Logits;
use engine::plan::{Element, Phase, Role};
use engine::stage::StageName;
use engine::trace::Tensor;
use kernels::Dtype;
use kernels::real::Values;

use crate::compare::{Limit, compare};
use crate::parity::honest::Wanted;
use crate::parity::{Run, Source, device_run, flip, honest, limit, stacked};
use crate::stop::Stop;
use crate::subject::{Subject, engine_stop};
use crate::tally::Tally;

/// The logits.
pub(crate) const LM_HEAD: &str = "lm_head";

/// Names an error of the engine under test in the lane of a subject.
pub(crate) fn failed(subject: &Subject) -> impl Fn(EngineError) -> Stop + Copy {
    let lane = subject.lane();
    move |error| engine_stop(error, lane)
}

/// The token ids of a golden, at least `needed` of them.
pub(crate) fn tokens(subject: &Subject, model: &str, prompt: &str, needed: usize) -> Result<Vec<u32>, Stop> {
    let tokens = subject.goldens(model)?.tokens(&format!("{prompt}.input_ids"))?;
    if tokens.len() < needed {
        let found = tokens.len();
        let message =
            format!("prompt `{prompt}` of {model} has {found} tokens, and the claim needs {needed}");
        return Err(Stop::Errored(message + "; choose a longer prompt"));
    }
    Ok(tokens)
}

/// The factor of a derived tolerance.
pub(crate) fn factor(tolerance: Option<&Tolerance>, kind: &str) -> Result<f64, Stop> {
    match tolerance {
        Some(Tolerance::Derived { factor }) => Ok(*factor),
        _ => Err(Stop::Errored(format!("{kind} needs a derived tolerance"))),
    }
}

/// One more piece of one sequence: the logits of all its tokens.
pub(crate) fn extend(
    session: &mut Session<'_>,
    sequence: SequenceId,
    phase: Phase,
    tokens: &[u32],
) -> Result<Tensor, EngineError> {
    session.run(phase, &[Chunk { sequence, tokens }], Logits::All, &mut Unwatched)
}

/// The logits of one sequence that is computed in pieces, from an empty session.
pub(crate) fn logits(model: &DeviceModel, pieces: &[(Phase, &[u32])]) -> Result<Tensor, EngineError> {
    let mut session = model.session()?;
    let sequence = session.add();
    let mut parts = Vec::new();
    for (phase, tokens) in pieces {
        parts.push(extend(&mut session, sequence, *phase, tokens)?);
    }
    Ok(joined(&parts))
}

/// Rows of all parts, one after the other; nothing where their widths or types differ, which no comparison accepts.
pub(crate) fn joined(parts: &[Tensor]) -> Tensor {
    stacked(parts).unwrap_or_else(|| Tensor { shape: vec![0, 0], values: Values::F32(Vec::new()) })
}

/// `count` rows from `first` on.
pub(crate) fn rows(tensor: &Tensor, first: usize, count: usize) -> Tensor {
    let width = tensor.row_len();
    let range = first * width..(first + count) * width;
    let values = match &tensor.values {
        Values::F32(values) => Values::F32(values.get(range).unwrap_or_default().to_vec()),
        Values::F64(values) => Values::F64(values.get(range).unwrap_or_default().to_vec()),
    };
    Tensor { shape: vec![count, width], values }
}

/// How a plan stores the logits.
pub(crate) fn stored_logits(model: &DeviceModel, phase: Phase) -> Dtype {
    let logits = Role::Stage(StageName::model(LM_HEAD));
    let buffer = model.plan(phase).buffers.iter().find(|buffer| buffer.role == logits);
    match buffer.map(|buffer| buffer.element) {
        Some(Element::Float(dtype)) => dtype,
        _ => model.activation(),
    }
}

/// Holds the logits of a run on a device to the truth.
pub(crate) fn hold_logits(
    tally: &mut Tally,
    subject: &Subject,
    model: (&DeviceModel, &Source),
    run: &Run,
    found: &Tensor,
    factor: f64,
    message: impl FnOnce() -> String,
) -> Result<(), Stop> {
    let (model, source) = model;
    // Experts are judged by themselves, and the truth is given those of the device.
    let (choices, routing) = match model.config().mixture {
        None => Default::default(),
        Some(_) => device_run(model, run, None).map_err(failed(subject))?,
    };
    let source = source.clone().with_routing(routing);
    let truth =
        honest(&source, run, &Wanted::choices(model), None).map_err(|error| error.stop(subject.lane()))?;
    for choice in &choices {
        let Some(flip) = flip(model.config(), &truth.stages, &truth.biases, choice, factor) else { continue };
        let (limit, stage) = (Limit::RowL2 { max: 0.0 }, choice.name.to_string());
        tally.judged(Err(flip), limit, Some(&stage), run.first_judged(), message);
        return Ok(());
    }
    let Some(truth) = truth.stages.iter().find(|stage| stage.name.local() == LM_HEAD) else {
        return Err(Stop::Errored("the reference announces no logits".to_owned()));
    };
    let limit = limit(truth, stored_logits(model, run.phase()), factor);
    let result = compare(&truth.truth, found, limit);
    tally.judged(result, limit, Some(LM_HEAD), run.first_judged(), message);
    Ok(())
}
