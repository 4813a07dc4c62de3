//! Decoding, timed.

use super::{Bench, BenchPoint, BenchValue, Options, Sample};
use crate::device::{Chunk, DeviceModel, SequenceId, Session, Unwatched};
use crate::error::EngineError;
use crate::models::Logits;
use crate::plan::Phase;
use crate::sampler::greedy;

/// What decoding took, and what came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Decoded {
    /// Seconds for each token.
    pub(super) sample: Sample,
    /// The tokens, the same each time.
    pub(super) tokens: Vec<u32>,
    /// Whether every time, and every way before this one, gave the same tokens.
    pub(super) agree: bool,
}

/// Decodes the same tokens again and again, after the same prefix, once more than counts.
pub(super) fn measure(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
) -> Result<Decoded, EngineError> {
    let mut session = model.session()?;
    let base = session.add();
    let tokens = prompt(model.config().vocab_size, options.depth);
    let first = prefill(&mut session, base, &tokens)?;
    let (mut seconds, mut decoded, mut agree) = (Vec::new(), Vec::new(), true);
    for repeat in 0..=options.repeats {
        let sequence = session.adopt(base, options.depth)?;
        let mut steps = options.steps;
        bench.loaded.seam().apply::<BenchPoint>(&mut BenchValue::Steps(&mut steps));
        bench.device.synchronize()?;
        let from = bench.clock.now();
        let found = session.decode(&[sequence], &[first], steps)?;
        bench.device.synchronize()?;
        let until = bench.clock.now();
        session.remove(sequence);
        let found: Vec<u32> = found.into_iter().flatten().collect();
        if repeat > 0 {
            seconds.push((until.saturating_sub(from)).as_secs_f64() / options.steps as f64);
            agree &= found == decoded;
        }
        decoded = found;
    }
    Ok(Decoded { sample: Sample::of(seconds), tokens: decoded, agree })
}

/// Tokens without a pattern.
pub(super) fn prompt(vocab_size: usize, count: usize) -> Vec<u32> {
    let most = u32::try_from(vocab_size).unwrap_or(u32::MAX).max(1);
    let mut state = 1u32;
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % most
    };
    std::iter::repeat_with(next).take(count).collect()
}

/// Computes a prompt in pieces of what the model takes, and gives the token that follows.
pub(super) fn prefill(
    session: &mut Session<'_>,
    sequence: SequenceId,
    tokens: &[u32],
) -> Result<u32, EngineError> {
    let most = session.model().options().max_tokens.max(1);
    let mut next = 0;
    for tokens in tokens.chunks(most) {
        let chunk = Chunk { sequence, tokens };
        let logits = session.run(Phase::Prefill, &[chunk], Logits::Last, &mut Unwatched)?;
        next = greedy(&logits.row(0))?;
    }
    Ok(next)
}
