//! Decoding many tokens in one call, each the largest logit of the one before, without the host between them.

use super::memory::Place;
use super::{Chunk, Metadata, SequenceId, Session, SessionError};
use crate::error::EngineError;
use crate::plan::{HISTORY, Phase, State};

impl Session<'_> {
    /// Decodes `steps` tokens of each sequence, beginning with `first`, the token that each was left with: the result
    /// has, for each sequence, the `steps` tokens that follow. Every sequence is `steps` tokens longer then.
    ///
    /// The largest logit is chosen on the device, the lowest token among equals, and the inputs of the next step are made
    /// there: steps follow each other without the host, which looks every few hundred.
    ///
    /// # Errors
    /// [`SessionError::FirstTokens`] unless there is one for each sequence; those of [`Session::run`]; and [`SessionError::NoToken`] where logits have a NaN. A sequence then has the tokens
    /// that were decoded before the host looked last.
    pub fn decode(
        &mut self,
        sequences: &[SequenceId],
        first: &[u32],
        steps: usize,
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
                session.rounds(&metadata, sequences, rounds)
            })?;
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
    ) -> Result<Vec<Vec<u32>>, EngineError> {
        let model = self.model();
        let (device, memory) = (model.device(), model.memory());
        let unbound = |state: State| crate::plan::PlanError::Unbound {
            phase: Phase::Decode,
            buffer: state.to_string(),
            problem: "none was allocated for it".to_owned(),
        };
        let at = |state: State| memory.at(&Place::State(state)).ok_or_else(|| unbound(state));
        device.write(at(State::Steps)?, 0, &0i32.to_le_bytes())?;
        model.rounds(metadata, rounds)?;
        let batch = sequences.len().max(1);
        let mut bytes = vec![0; rounds * batch * size_of::<i32>()];
        device.read(at(State::Decoded)?, 0, &mut bytes)?;
        let (words, _) = bytes.as_chunks();
        let tokens: Vec<i32> = words.iter().map(|word| i32::from_le_bytes(*word)).collect();
        tokens
            .chunks(batch)
            .map(|row| {
                let named = row.iter().zip(sequences);
                named
                    .map(|(&token, &sequence)| {
                        u32::try_from(token).map_err(|_| SessionError::NoToken { sequence }.into())
                    })
                    .collect()
            })
            .collect()
    }
}
