//! Sequences, their pages, and running a plan over some of them.

use super::{DeviceModel, Watch};
use crate::error::EngineError;
use crate::models::Logits;
use crate::plan::Phase;
use crate::trace::Tensor;

/// A sequence of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceId(u64);

/// New tokens of one sequence.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'t> {
    /// The sequence.
    pub sequence: SequenceId,
    /// Its next tokens, at least one; exactly one in a decode run.
    pub tokens: &'t [u32],
}

/// What is wrong with a run that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SessionError {
    /// The session has no such sequence.
    #[error("the session has no sequence {0:?}; it was removed, or is of another session")]
    Unknown(SequenceId),
    /// A sequence is named twice in one run.
    #[error("sequence {0:?} is named twice; a run extends each sequence once")]
    Twice(SequenceId),
    /// No sequence is named.
    #[error("a run needs one sequence at least")]
    NoChunks,
    /// A decode run extends every sequence by one token.
    #[error("a decode run takes one token a sequence, and {sequence:?} has {tokens}; use a prefill run")]
    DecodeTokens {
        /// The sequence.
        sequence: SequenceId,
        /// Its new tokens.
        tokens: usize,
    },
    /// More tokens than the plans were checked for.
    #[error("{tokens} tokens are more than one {phase} run takes (`max_tokens` is {most}); split them")]
    TooManyTokens {
        /// Which plan.
        phase: Phase,
        /// New tokens.
        tokens: usize,
        /// The most of one run.
        most: usize,
    },
    /// More sequences than the plans were checked for.
    #[error("{sequences} sequences are more than one run takes (`max_batch` is {most}); split them")]
    TooManySequences {
        /// Sequences.
        sequences: usize,
        /// The most of one run.
        most: usize,
    },
    /// A sequence becomes longer than the pages were made for.
    #[error(
        "{sequence:?} would have {tokens} tokens, and `max_kv` is {most}; load the model with a larger one"
    )]
    TooLong {
        /// The sequence.
        sequence: SequenceId,
        /// Its length with the new tokens.
        tokens: usize,
        /// The longest sequence.
        most: usize,
    },
    /// A prefix is longer than the sequence that it is adopted from.
    #[error("the first {asked} tokens of {of:?} were asked for, and it has {len}; ask for fewer")]
    Prefix {
        /// The sequence.
        of: SequenceId,
        /// Tokens asked for.
        asked: usize,
        /// Its length.
        len: usize,
    },
}

/// Sequences of one model that share its pages.
pub struct Session<'m> {
    model: &'m DeviceModel,
}

impl<'m> Session<'m> {
    pub(super) fn new(model: &'m DeviceModel) -> Result<Self, EngineError> {
        Ok(Self { model })
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &'m DeviceModel {
        self.model
    }

    /// An empty sequence.
    pub fn add(&mut self) -> SequenceId {
        SequenceId(0)
    }

    /// A sequence that begins with the first `tokens` tokens of another: whole pages are shared, the rest is copied, and
    /// neither ever writes into what the other reads.
    pub fn adopt(&mut self, _of: SequenceId, _tokens: usize) -> Result<SequenceId, EngineError> {
        unreachable!("skeleton")
    }

    /// Tokens of a sequence; 0 for one that is not there.
    #[must_use]
    pub fn len(&self, _sequence: SequenceId) -> usize {
        0
    }

    /// Ends a sequence and frees the pages that only it has.
    pub fn remove(&mut self, _sequence: SequenceId) {}

    /// Runs a plan over new tokens of some sequences, each named once. The logits have one row for each new token, in
    /// the order of `chunks`, or one for each sequence's last with [`Logits::Last`].
    ///
    /// Tensors that `watch` gets have one row for each new token, in the same order.
    pub fn run(
        &mut self,
        _phase: Phase,
        _chunks: &[Chunk<'_>],
        _logits: Logits,
        _watch: &mut dyn Watch,
    ) -> Result<Tensor, EngineError> {
        unreachable!("skeleton")
    }
}
