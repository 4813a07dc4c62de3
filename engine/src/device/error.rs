//! What can be wrong with a run that was asked for.

use super::SequenceId;
use crate::plan::Phase;

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
    /// A decode begins with one token of each sequence.
    #[error("{tokens} first tokens for {sequences} sequences; give one for each, in the same order")]
    FirstTokens {
        /// Sequences.
        sequences: usize,
        /// Tokens.
        tokens: usize,
    },
    /// Logits have a NaN, so that none of them is the largest.
    #[error(
        "a logit of {sequence:?} is NaN, and no token follows; see `apr trace` for the stage that it comes from"
    )]
    NoToken {
        /// The sequence.
        sequence: SequenceId,
    },
    /// A token was to be drawn from logits of which one is no finite number.
    #[error(
        "a logit of {sequence:?} is not finite, and no token is drawn; see `apr trace` for the stage that it comes from"
    )]
    NotFinite {
        /// The sequence.
        sequence: SequenceId,
    },
    /// Every sequence is drawn from by a sampler of its own.
    #[error("{samplers} samplers for {sequences} sequences; give one for each, in the same order")]
    Samplers {
        /// Sequences.
        sequences: usize,
        /// Samplers.
        samplers: usize,
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
