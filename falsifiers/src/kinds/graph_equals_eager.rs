//! `graph_equals_eager`: a replayed graph computes the bits of its steps launched one by one.

use contracts::kinds::GraphEqualsEager;
use engine::EngineError;
use engine::device::{
    Chunk, DeviceModel, DeviceOptions, GraphMode, Launching, SequenceId, Session, Unwatched,
};
use engine::models::Logits;
use engine::plan::Phase;
use engine::sampler::{Sampler, Sampling, greedy};
use engine::trace::Tensor;

use super::{Case, Passed};
use crate::compare::{Limit, Measured};
use crate::on_device::{LM_HEAD, extend, failed, tokens};
use crate::parity::options;
use crate::stop::{Defect, Stop};
use crate::subject::Subject;
use crate::tally::Tally;

/// Decode steps of each batch: the second and later ones see what a graph baked in at the first.
const DECODED: usize = 3;

pub(super) fn cases(parameters: &GraphEqualsEager) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for prompt in &parameters.prompts {
            for fusion in [false, true] {
                let plan = if fusion { "fused" } else { "unfused" };
                cases.push(Case {
                    id: format!("graph_equals_eager(model={model},prompt={prompt},plan={plan})"),
                    attempt: Box::new(move |subject| {
                        attempt(subject, model, prompt, &parameters.batches, fusion)
                    }),
                });
            }
        }
    }
    cases
}

fn attempt(
    subject: &Subject,
    model: &str,
    prompt: &str,
    batches: &[u32],
    fusion: bool,
) -> Result<Passed, Stop> {
    let largest = batches.iter().copied().max().unwrap_or(0) as usize;
    let tokens = tokens(subject, model, prompt, DECODED + largest + 1)?;
    let load = |graph, keep_stages| {
        subject.device_model(model, |loaded| DeviceOptions {
            graph,
            keep_stages,
            fusion,
            ..options(loaded, tokens.len(), largest)
        })
    };
    let (eager, graph) = (load(GraphMode::Off, false)?, load(GraphMode::On, false)?);
    let mut tally = Tally::default();
    let truth = decoded(&eager, &tokens, batches).map_err(failed(subject))?;
    let found = decoded(&graph, &tokens, batches).map_err(failed(subject))?;
    for (step, (truth, found)) in truth.iter().zip(&found).enumerate() {
        let (batch, step) = (batches.get(step / DECODED).copied().unwrap_or(0), step % DECODED);
        tally.hold((truth, found), Limit::Bitwise, Some(LM_HEAD), 0, || {
            format!("replay {step} of a batch of {batch} gives {model} other logits than launches do")
        });
    }
    for &batch in batches {
        replayable(&graph, batch as usize, subject)?;
    }
    for device in [&eager, &graph] {
        by_itself(device, &tokens, &truth).map_err(failed(subject))??;
        drawn(device, &tokens).map_err(failed(subject))??;
    }
    let kept = load(GraphMode::On, true)?;
    // Where stages are kept, a difference has the name of one.
    for model in [&kept, &graph] {
        scan(&mut tally, model, &tokens).map_err(failed(subject))??;
    }
    tally.passed()
}

/// The graph is there, with a node for each step.
fn replayable(model: &DeviceModel, batch: usize, subject: &Subject) -> Result<(), Stop> {
    let steps = model.plan(Phase::Decode).steps.len();
    let problem = match model.launching(batch).map_err(failed(subject))? {
        Launching::Graph { nodes, .. } if nodes == steps => return Ok(()),
        Launching::Graph { nodes, .. } => {
            format!("the graph has {nodes} nodes, and the decode plan {steps} steps")
        }
        Launching::FellBack { because } => because,
        Launching::Eager => "graphs are off, although they were asked for".to_owned(),
    };
    let message = format!("a batch of {batch} is not replayed as its plan: {problem}");
    Err(Defect::counted("graph", 1.0, message).into())
}

/// The logits of every decode step of every batch, one batch after the other on the same model. Sequences of a batch have
/// different lengths.
fn decoded(model: &DeviceModel, tokens: &[u32], batches: &[u32]) -> Result<Vec<Tensor>, EngineError> {
    let mut all = Vec::new();
    for &batch in batches {
        let mut session = model.session()?;
        let mut members: Vec<(SequenceId, &[u32])> = Vec::new();
        for member in 0..batch as usize {
            let (before, rest) = tokens.split_at(tokens.len().saturating_sub(DECODED + member));
            let id = session.add();
            extend(&mut session, id, Phase::Prefill, before)?;
            members.push((id, rest));
        }
        for step in 0..DECODED {
            let chunks: Vec<Chunk<'_>> = members
                .iter()
                .map(|(sequence, rest)| Chunk {
                    sequence: *sequence,
                    tokens: rest.get(step..=step).unwrap_or_default(),
                })
                .collect();
            all.push(session.run(Phase::Decode, &chunks, Logits::All, &mut Unwatched)?);
        }
    }
    Ok(all)
}

/// The device goes on by itself as the host would: the first sequence of the first batch, from the same prefill, decodes
/// the token with the largest logit at each step, and after the first step those are its own.
fn by_itself(model: &DeviceModel, tokens: &[u32], truth: &[Tensor]) -> Result<Result<(), Stop>, EngineError> {
    let (before, rest) = tokens.split_at(tokens.len().saturating_sub(DECODED));
    let Some(&first) = rest.first() else {
        return Ok(Err(Stop::Errored("the prompt has no token to decode".to_owned())));
    };
    let mut session = model.session()?;
    let [host, device] = [session.add(), session.add()];
    for sequence in [host, device] {
        extend(&mut session, sequence, Phase::Prefill, before)?;
    }
    let mut expected = Vec::new();
    let mut token = first;
    for _ in 0..DECODED {
        let logits = extend(&mut session, host, Phase::Decode, &[token])?;
        token = greedy(&logits.row(0))?;
        expected.push(token);
    }
    // The first step is the one that was compared bit by bit.
    let compared = truth.first().map(|logits| greedy(&logits.row(0))).transpose()?;
    let found = session.decode(&[device], &[first], DECODED)?.concat();
    let problem = if compared != expected.first().copied() {
        format!("another first token where the sequence is alone: {compared:?} and {expected:?}")
    } else if found != expected || session.len(device) != session.len(host) {
        format!("the device decodes {found:?} by itself, and the host {expected:?}")
    } else {
        return Ok(Ok(()));
    };
    Ok(Err(Defect::counted("tokens", 1.0, problem).into()))
}

/// Samplers of the sequences that are drawn from: the first is greedy by its temperature, the second by its `top_k`, of
/// whose equals its `top_p` leaves the first.
const SAMPLING: [Sampling; 4] = [
    Sampling { temperature: 0.0, top_k: None, top_p: None, seed: 1 },
    Sampling { temperature: 1.5, top_k: Some(1), top_p: Some(1e-6), seed: 2 },
    Sampling { temperature: 2.0, top_k: Some(40), top_p: Some(0.95), seed: 3 },
    Sampling { temperature: 1.0, top_k: None, top_p: None, seed: 4 },
];

/// The device draws by itself what the host draws from the same logits with the same random numbers, one sequence after
/// the other so that one graph is replayed with all parameters, in two calls so that samplers have to go on where they
/// were. Both that are greedy by their parameters decode what `decode` does.
fn drawn(model: &DeviceModel, tokens: &[u32]) -> Result<Result<(), Stop>, EngineError> {
    let (before, rest) = tokens.split_at(tokens.len().saturating_sub(DECODED));
    let Some(&first) = rest.first() else {
        return Ok(Err(Stop::Errored("the prompt has no token to decode".to_owned())));
    };
    let mut session = model.session()?;
    for (at, sampling) in SAMPLING.into_iter().enumerate() {
        let [host, device, greedy] = [session.add(), session.add(), session.add()];
        for sequence in [host, device, greedy] {
            extend(&mut session, sequence, Phase::Prefill, before)?;
        }
        let mut sampler = Sampler::new(sampling)?;
        let mut ours = [sampler.clone()];
        let (mut expected, mut token) = (Vec::new(), first);
        for _ in 0..DECODED {
            token = sampler.sample(&extend(&mut session, host, Phase::Decode, &[token])?.row(0))?;
            expected.push(token);
        }
        let mut found = session.decode_sampled(&[device], &[first], 1, &mut ours)?.concat();
        let next = found.last().copied().unwrap_or(first);
        found.extend(session.decode_sampled(&[device], &[next], DECODED - 1, &mut ours)?.concat());
        let problem = if found != expected || session.len(device) != session.len(host) {
            format!("the device draws {found:?} by itself with {sampling:?}, and the host {expected:?}")
        } else if at < 2 && session.decode(&[greedy], &[first], DECODED)?.concat() != found {
            format!("{sampling:?} is not greedy on the device: {found:?}")
        } else {
            [host, device, greedy].into_iter().for_each(|sequence| session.remove(sequence));
            continue;
        };
        return Ok(Err(Defect::counted("tokens", 1.0, problem).into()));
    }
    Ok(Ok(()))
}

/// Every buffer after one decode step, launched and replayed from the same state.
fn scan(tally: &mut Tally, model: &DeviceModel, tokens: &[u32]) -> Result<Result<(), Stop>, EngineError> {
    let (last, before) = tokens.split_last().unwrap_or((&0, &[]));
    let mut session: Session<'_> = model.session()?;
    let sequence = session.add();
    extend(&mut session, sequence, Phase::Prefill, before)?;
    let chunk = Chunk { sequence, tokens: std::slice::from_ref(last) };
    let Some(buffers) = session.ab_scan(&[chunk])? else {
        return Ok(Err(Stop::Errored("there is no graph to compare with".to_owned())));
    };
    for buffer in buffers {
        if let Some(first) = buffer.first {
            let message = format!(
                "{} of {} bytes of {} differ after a replay, the first at {first}",
                buffer.differing, buffer.bytes, buffer.name
            );
            let mut defect = Defect::counted("differing_bytes", buffer.differing as f64, message);
            defect.stage = buffer.stage.map(|stage| stage.to_string());
            return Ok(Err(defect.into()));
        }
        tally.add(
            Measured { elements: buffer.bytes, value: 0.0, limit: 0.0, metric: "differing_bytes" },
            None,
        );
    }
    Ok(Ok(()))
}
