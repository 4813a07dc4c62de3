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
