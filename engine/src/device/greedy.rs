//! Decoding many tokens in one call, each the largest logit of the one before.

use super::{Chunk, SequenceId, Session, Unwatched};
use crate::error::EngineError;
use crate::models::Logits;
use crate::plan::Phase;
use crate::sampler::greedy;

impl Session<'_> {
    /// Decodes `steps` tokens of each sequence, beginning with `first`, the token that each was left with: the result
    /// has, for each sequence, the `steps` tokens that follow. Every sequence is `steps` tokens longer then.
    ///
    /// # Errors
    /// Those of [`Session::run`]. A sequence then has the tokens that were decoded before.
    pub fn decode(
        &mut self,
        sequences: &[SequenceId],
        first: &[u32],
        steps: usize,
    ) -> Result<Vec<Vec<u32>>, EngineError> {
        let mut decoded = vec![Vec::with_capacity(steps); sequences.len()];
        let mut tokens = first.to_vec();
        for _ in 0..steps {
            let pairs = sequences.iter().zip(&tokens);
            let chunks: Vec<Chunk<'_>> = pairs
                .map(|(&sequence, token)| Chunk { sequence, tokens: std::slice::from_ref(token) })
                .collect();
            let logits = self.run(Phase::Decode, &chunks, Logits::Last, &mut Unwatched)?;
            tokens = (0..logits.rows()).map(|row| greedy(&logits.row(row))).collect::<Result<_, _>>()?;
            for (decoded, token) in decoded.iter_mut().zip(&tokens) {
                decoded.push(*token);
            }
        }
        Ok(decoded)
    }
}
