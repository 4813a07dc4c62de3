//! Decoding many tokens in one call, each chosen from the logits of the one before, without the host between them.

use super::memory::Place;
use super::{Chunk, Metadata, SequenceId, Session, SessionError};
use crate::error::EngineError;
use crate::plan::{Choice, HISTORY, Phase, PlanError, State};
use crate::sampler::Sampler;

impl Session<'_> {
    /// Decodes `steps` tokens of each sequence, beginning with `first`, the token that each was left with: the result
    /// has, for each sequence, the `steps` tokens that follow. Every sequence is `steps` tokens longer then.
    ///
    /// The largest logit is chosen on the device, the lowest token among equals, and the inputs of the next step are made
    /// there: steps follow each other without the host, which looks every few hundred.
    ///
    /// # Errors
    /// [`SessionError::FirstTokens`] unless there is one for each sequence; those of [`Session::run`]; and
    /// [`SessionError::NoToken`] where logits have a NaN. A sequence then has the tokens that were decoded before the host
    /// looked last.
    pub fn decode(
        &mut self,
        sequences: &[SequenceId],
        first: &[u32],
        steps: usize,
    ) -> Result<Vec<Vec<u32>>, EngineError> {
        self.decoded(sequences, first, steps, None)
    }

    /// The same with tokens that are drawn, by one sampler for each sequence. Each draws what [`Sampler::sample`] would
    /// draw from the same logits, and is as far in its random numbers then, except that weights are computed in f32: where
    /// a random number lies within about 2^-17 of the probability of where another token begins, that one may be drawn.
    ///
    /// What a sampler does lies in buffers: the same graph is replayed whatever the samplers are.
    ///
    /// # Errors
    /// Those of [`Session::decode`]; [`SessionError::Samplers`] unless there is one for each sequence; and
    /// [`SessionError::NotFinite`] where a logit is no finite number, greedy or not. Samplers are then where they were when
    /// the host looked last.
    pub fn decode_sampled(
        &mut self,
        sequences: &[SequenceId],
        first: &[u32],
        steps: usize,
        samplers: &mut [Sampler],
    ) -> Result<Vec<Vec<u32>>, EngineError> {
        if samplers.len() != sequences.len() {
            let (sequences, samplers) = (sequences.len(), samplers.len());
            return Err(SessionError::Samplers { sequences, samplers }.into());
        }
        self.decoded(sequences, first, steps, Some(samplers))
    }

    fn decoded(
        &mut self,
        sequences: &[SequenceId],
        first: &[u32],
        steps: usize,
        mut samplers: Option<&mut [Sampler]>,
    ) -> Result<Vec<Vec<u32>>, EngineError> {
        if first.len() != sequences.len() {
            let (sequences, tokens) = (sequences.len(), first.len());
            return Err(SessionError::FirstTokens { sequences, tokens }.into());
        }
        let mut decoded = vec![Vec::with_capacity(steps); sequences.len()];
        let mut tokens = first.to_vec();
        let mut left = steps;
        while left > 0 {
            let rounds = left.min(HISTORY);
            let pairs = sequences.iter().zip(&tokens);
            let chunks: Vec<Chunk<'_>> = pairs
                .map(|(&sequence, token)| Chunk { sequence, tokens: std::slice::from_ref(token) })
                .collect();
            let rows = self.with_pages(Phase::Decode, &chunks, rounds - 1, |session| {
                let metadata = session.metadata(Phase::Decode, &session.parts(&chunks, rounds - 1))?;
                session.rounds(&metadata, sequences, rounds, samplers.as_deref())
            })?;
            for sampler in samplers.iter_mut().flat_map(|samplers| samplers.iter_mut()) {
                sampler.skip(rounds);
            }
            for row in &rows {
                decoded.iter_mut().zip(row).for_each(|(decoded, token)| decoded.push(*token));
            }
            tokens = rows.last().cloned().unwrap_or(tokens);
            left -= rounds;
        }
        Ok(decoded)
    }

    /// What each round chose: one row a round.
    fn rounds(
        &self,
        metadata: &Metadata,
        sequences: &[SequenceId],
        rounds: usize,
        samplers: Option<&[Sampler]>,
    ) -> Result<Vec<Vec<u32>>, EngineError> {
        let model = self.model();
        let (device, memory) = (model.device(), model.memory());
        let unbound = |state: State| PlanError::Unbound {
            phase: Phase::Decode,
            buffer: state.to_string(),
            problem: "none was allocated for it".to_owned(),
        };
        let at = |state: State| memory.at(&Place::State(state)).ok_or_else(|| unbound(state));
        device.write(at(State::Steps)?, 0, &0i32.to_le_bytes())?;
        if let Some(samplers) = samplers {
            let words = samplers.iter().zip(&metadata.past).flat_map(|(sampler, past)| sampler.words(*past));
            let bytes: Vec<u8> = words.flat_map(i32::to_le_bytes).collect();
            device.write(at(State::Sampling)?, 0, &bytes)?;
        }
        let choice = if samplers.is_some() { Choice::Drawn } else { Choice::Greedy };
        model.rounds(metadata, rounds, choice)?;
        let batch = sequences.len().max(1);
        let mut bytes = vec![0; rounds * batch * size_of::<i32>()];
        device.read(at(State::Decoded)?, 0, &mut bytes)?;
        let (words, _) = bytes.as_chunks();
        let tokens: Vec<i32> = words.iter().map(|word| i32::from_le_bytes(*word)).collect();
        let none = |sequence: SequenceId| match choice {
            Choice::Greedy => SessionError::NoToken { sequence },
            Choice::Drawn => SessionError::NotFinite { sequence },
        };
        tokens
            .chunks(batch)
            .map(|row| {
                let named = row.iter().zip(sequences);
                named
                    .map(|(&token, &sequence)| u32::try_from(token).map_err(|_| none(sequence).into()))
                    .collect()
            })
            .collect()
    }
}
