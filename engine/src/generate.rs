//! Generation: a prefill of the prompt, then one token at a time.

use std::ops::ControlFlow;

use kernels::seam::Point;

use crate::error::EngineError;
use crate::forward::Forward;
use crate::models::Logits;
use crate::sampler::{Sampler, Sampling};
use crate::trace::{NoTap, Tensor};

/// Where a mutant can rewrite the logits that a token is chosen from.
#[derive(Debug)]
pub struct SamplerPoint;

impl Point for SamplerPoint {
    const NAME: &'static str = "sampler";
    type Value<'a> = [f64];
}

/// Tokens of a prompt that are computed at a time.
const CHUNK: usize = 512;

/// How to generate.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// New tokens at most.
    pub max_tokens: usize,
    /// How a token is chosen; the largest logit if `None`.
    pub sampling: Option<Sampling>,
    /// Whether to go on after a token that ends a text.
    pub ignore_eos: bool,
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// The model ended the text.
    Stop,
    /// As many tokens as asked for.
    Length,
    /// The model's context is full.
    Context,
    /// The caller had enough.
    Cancelled,
}

/// What was generated.
#[derive(Debug, Clone, PartialEq)]
pub struct Generated {
    /// The new tokens, the one that ended the text included.
    pub tokens: Vec<u32>,
    /// Why it ended.
    pub finish: Finish,
}

/// Continues `prompt`, calling `on_token` with each new token.
pub fn generate(
    model: &dyn Forward,
    prompt: &[u32],
    options: &Options,
    on_token: &mut dyn FnMut(u32) -> ControlFlow<()>,
) -> Result<Generated, EngineError> {
    let config = model.config();
    let mut sampler = options.sampling.map(Sampler::new).transpose()?;
    let mut sequence = model.start()?;
    // In chunks, which changes no bit: attention takes the square of a chunk in memory.
    let (last, before) = match prompt.chunks(CHUNK).collect::<Vec<_>>().split_last() {
        Some((&last, before)) => (last, before.to_vec()),
        None => (prompt, Vec::new()),
    };
    for chunk in before {
        sequence.extend(chunk, Logits::Last, &mut NoTap)?;
    }
    let mut logits = sequence.extend(last, Logits::Last, &mut NoTap)?;
    let mut tokens = Vec::new();
    let finish = loop {
        if tokens.len() >= options.max_tokens {
            break Finish::Length;
        }
        let mut row = last_row(&logits);
        model.seam().apply::<SamplerPoint>(&mut row[..]);
        let token = match &mut sampler {
            None => crate::sampler::greedy(&row)?,
            Some(sampler) => sampler.sample(&row)?,
        };
        tokens.push(token);
        if on_token(token).is_break() {
            break Finish::Cancelled;
        }
        if !options.ignore_eos && config.eos_token_ids.contains(&token) {
            break Finish::Stop;
        }
        if sequence.len() >= config.max_position_embeddings {
            break Finish::Context;
        }
        if tokens.len() < options.max_tokens {
            logits = sequence.extend(&[token], Logits::Last, &mut NoTap)?;
        }
    };
    Ok(Generated { tokens, finish })
}

fn last_row(logits: &Tensor) -> Vec<f64> {
    logits.row(logits.rows().saturating_sub(1))
}
