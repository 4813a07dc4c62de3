//! `prefill_equals_decode`: a prompt in one piece gives the same logits as the prompt in chunks.

use contracts::kinds::PrefillEqualsDecode;
use contracts::{ArithmeticName, Tolerance};
use engine::models::Logits;
use engine::trace::{NoTap, Tensor};
use kernels::real::Values;

use super::{Case, Passed, Tally, points};
use crate::compare::Limit;
use crate::stop::Stop;
use crate::subject::Subject;

pub(super) fn cases<'c>(
    parameters: &'c PrefillEqualsDecode,
    tolerance: Option<&'c Tolerance>,
) -> Vec<Case<'c>> {
    points("prefill_equals_decode", &parameters.model, &parameters.prompts, &parameters.arithmetic)
        .flat_map(|at| {
            parameters.chunks.iter().map(move |&chunk| Case {
                id: at.id.replace(",arithmetic=", &format!(",chunk={chunk},arithmetic=")),
                attempt: Box::new(move |subject| {
                    attempt(subject, at.model, at.prompt, chunk, at.arithmetic, tolerance)
                }),
            })
        })
        .collect()
}

fn attempt(
    subject: &Subject,
    model: &str,
    prompt: &str,
    chunk: u32,
    arithmetic: ArithmeticName,
    tolerance: Option<&Tolerance>,
) -> Result<Passed, Stop> {
    let limit = match tolerance {
        None => Limit::Bitwise,
        Some(stated) => Limit::stated(stated).ok_or_else(|| {
            Stop::Errored("prefill_equals_decode needs a tolerance that states its limit".to_owned())
        })?,
    };
    let tokens = subject.goldens(model)?.tokens(&format!("{prompt}.input_ids"))?;
    if tokens.len() <= chunk as usize {
        let message =
            format!("prompt `{prompt}` of {model} has {} tokens: one chunk of {chunk}", tokens.len());
        return Err(Stop::Errored(message + "; choose a longer prompt or a smaller chunk"));
    }
    let reference = subject.reference(model, arithmetic)?;
    let input = |error: engine::InputError| Stop::Errored(error.to_string());
    let whole = reference.prefill(&tokens, &mut NoTap).map_err(input)?;
    let mut sequence = reference.sequence();
    let mut tally = Tally::default();
    for piece in tokens.chunks(chunk as usize) {
        let first = sequence.len();
        let found = sequence.extend(piece, Logits::All, &mut NoTap).map_err(input)?;
        tally.hold((&rows(&whole, first, piece.len()), &found), limit, Some("lm_head"), first, || {
            format!("{model} computes other logits for {prompt} in chunks of {chunk}")
        });
    }
    tally.passed()
}

fn rows(tensor: &Tensor, first: usize, count: usize) -> Tensor {
    let width = tensor.row_len();
    let range = first * width..(first + count) * width;
    let values = match &tensor.values {
        Values::F32(values) => Values::F32(values.get(range).unwrap_or_default().to_vec()),
        Values::F64(values) => Values::F64(values.get(range).unwrap_or_default().to_vec()),
    };
    Tensor { shape: vec![count, width], values }
}
