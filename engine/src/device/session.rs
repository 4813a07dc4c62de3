//! Sequences, their pages, and running a plan over some of them.

use std::collections::{BTreeMap, BTreeSet};

use kernels::real::Values;

use super::memory::Place;
use super::metadata::{Metadata, MetadataPoint, Part};
use super::pool::Pool;
use super::run::How;
use super::{DeviceModel, DeviceOptions, PoolPoint, PoolValue, SessionError, Watch};
use crate::error::{EngineError, InputError};
use crate::models::Logits;
use crate::plan::{Phase, PlanError, Role, maximum};
use crate::stage::StageName;
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

/// Sequences of one model. All sessions of a model share its pages; runs take place one after the other.
pub struct Session<'m> {
    model: &'m DeviceModel,
    sequences: BTreeMap<SequenceId, State>,
}

/// One sequence.
#[derive(Debug, Default)]
struct State {
    len: usize,
    /// Its pages in order; enough for `len` tokens.
    pages: Vec<i32>,
}

impl<'m> Session<'m> {
    pub(super) fn new(model: &'m DeviceModel) -> Result<Self, EngineError> {
        Ok(Self { model, sequences: BTreeMap::new() })
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &'m DeviceModel {
        self.model
    }

    /// An empty sequence.
    pub fn add(&mut self) -> SequenceId {
        self.insert(State::default())
    }

    fn insert(&mut self, state: State) -> SequenceId {
        let id = SequenceId(self.model.next_sequence());
        self.sequences.insert(id, state);
        id
    }

    /// A sequence that begins with the first `tokens` tokens of another: whole pages are shared, the rest is copied, and
    /// neither ever writes into what the other reads.
    pub fn adopt(&mut self, of: SequenceId, tokens: usize) -> Result<SequenceId, EngineError> {
        let donor = self.sequences.get(&of).ok_or(SessionError::Unknown(of))?;
        if tokens > donor.len {
            return Err(SessionError::Prefix { of, asked: tokens, len: donor.len }.into());
        }
        let layout = self.model.layout();
        let page_size = layout.page_size.max(1);
        let mut shared_tokens = tokens - tokens % page_size;
        let seam = self.model.seam();
        seam.apply::<PoolPoint>(&mut PoolValue::Adopt { shared_tokens: &mut shared_tokens, tokens });
        let (shared, held) = (shared_tokens.div_ceil(page_size), tokens.div_ceil(page_size));
        let (first, rest) = donor.pages.split_at(shared.min(held).min(donor.pages.len()));
        let rest = rest.get(..held - first.len()).unwrap_or(rest);
        let mut pool = self.model.pool();
        let own = pool.take(rest.len())?;
        for (from, to) in rest.iter().zip(&own) {
            if let Err(error) = self.copy_page(*from, *to) {
                pool.release(&own);
                return Err(error);
            }
        }
        pool.share(first);
        drop(pool);
        let pages = first.iter().copied().chain(own).collect();
        Ok(self.insert(State { len: tokens, pages }))
    }

    /// Copies a page of every layer.
    fn copy_page(&self, from: i32, to: i32) -> Result<(), EngineError> {
        let (memory, layout) = (self.model.memory(), self.model.layout());
        for layer in 0..layout.dtypes.len() {
            for place in [Place::Keys(layer), Place::Values(layer), Place::Latents(layer)] {
                let Some(pages) = memory.at(&place) else { continue };
                let bytes = pages.bytes() / layout.num_pages.max(1) as u64;
                let at = |page: i32| u64::try_from(page).unwrap_or(0) * bytes;
                self.model.device().copy((pages, at(from)), (pages, at(to)), bytes)?;
            }
        }
        Ok(())
    }

    /// Tokens of a sequence; 0 for one that is not there.
    #[must_use]
    pub fn len(&self, sequence: SequenceId) -> usize {
        self.sequences.get(&sequence).map_or(0, |state| state.len)
    }

    /// Ends a sequence and frees the pages that only it has.
    pub fn remove(&mut self, sequence: SequenceId) {
        if let Some(state) = self.sequences.remove(&sequence) {
            self.model.pool().release(&state.pages);
        }
    }

    /// Runs a plan over new tokens of some sequences, each named once. The logits have one row for each new token, in
    /// the order of `chunks`, or one for each sequence's last with [`Logits::Last`].
    ///
    /// Tensors that `watch` gets have one row for each new token, in the same order. After an error every sequence is as
    /// long as before.
    pub fn run(
        &mut self,
        phase: Phase,
        chunks: &[Chunk<'_>],
        logits: Logits,
        watch: &mut dyn Watch,
    ) -> Result<Tensor, EngineError> {
        self.run_as(phase, chunks, logits, watch, How::Any)
    }

    pub(super) fn run_as(
        &mut self,
        phase: Phase,
        chunks: &[Chunk<'_>],
        logits: Logits,
        watch: &mut dyn Watch,
        how: How,
    ) -> Result<Tensor, EngineError> {
        self.with_pages(phase, chunks, 0, |session| session.launched(phase, chunks, logits, watch, how))
    }

    /// Gives every sequence pages for its new tokens and for `ahead` more, and calls `run`. After an error every sequence
    /// is as long as before.
    pub(super) fn with_pages<T>(
        &mut self,
        phase: Phase,
        chunks: &[Chunk<'_>],
        ahead: usize,
        run: impl FnOnce(&Self) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        self.allowed(phase, chunks, ahead)?;
        let model = self.model;
        let mut pool = model.pool();
        let taken = self.extend_pages(&mut pool, chunks, ahead)?;
        let result = run(self);
        for (chunk, taken) in chunks.iter().zip(taken) {
            let Some(state) = self.sequences.get_mut(&chunk.sequence) else { continue };
            match result {
                Ok(_) => state.len += chunk.tokens.len() + ahead,
                Err(_) => {
                    let kept = state.pages.len().saturating_sub(taken);
                    pool.release(&state.pages.split_off(kept));
                }
            }
        }
        result
    }

    /// Whether a run is within what the model was loaded for.
    fn allowed(&self, phase: Phase, chunks: &[Chunk<'_>], ahead: usize) -> Result<(), EngineError> {
        let DeviceOptions { max_tokens, max_batch, max_kv, .. } = *self.model.options();
        let vocab_size = self.model.config().vocab_size;
        if chunks.is_empty() {
            return Err(SessionError::NoChunks.into());
        }
        let mut named = BTreeSet::new();
        for &Chunk { sequence, tokens } in chunks {
            let state = self.sequences.get(&sequence).ok_or(SessionError::Unknown(sequence))?;
            if !named.insert(sequence) {
                return Err(SessionError::Twice(sequence).into());
            }
            if tokens.is_empty() {
                return Err(InputError::Empty.into());
            }
            if phase == Phase::Decode && tokens.len() != 1 {
                return Err(SessionError::DecodeTokens { sequence, tokens: tokens.len() }.into());
            }
            let beyond = |token: &u32| usize::try_from(*token).is_ok_and(|token| token >= vocab_size);
            if let Some((index, &token)) = tokens.iter().enumerate().find(|(_, token)| beyond(token)) {
                return Err(InputError::BeyondVocabulary { token, index, vocab_size }.into());
            }
            let total = state.len + tokens.len() + ahead;
            let longest = self.model.config().max_position_embeddings;
            if total > longest {
                return Err(InputError::BeyondContext { tokens: total, longest }.into());
            }
            if total > max_kv {
                return Err(SessionError::TooLong { sequence, tokens: total, most: max_kv }.into());
            }
        }
        let (sequences, most) = (chunks.len(), max_batch);
        if sequences > most {
            return Err(SessionError::TooManySequences { sequences, most }.into());
        }
        let tokens = chunks.iter().map(|chunk| chunk.tokens.len()).sum();
        match phase {
            Phase::Prefill if tokens > max_tokens => {
                Err(SessionError::TooManyTokens { phase, tokens, most: max_tokens }.into())
            }
            _ => Ok(()),
        }
    }

    /// Gives every sequence the pages that its new tokens need, or none of them any. Returns how many each got.
    fn extend_pages(
        &mut self,
        pool: &mut Pool,
        chunks: &[Chunk<'_>],
        ahead: usize,
    ) -> Result<Vec<usize>, EngineError> {
        let page_size = self.model.layout().page_size.max(1);
        let missing: Vec<usize> = chunks
            .iter()
            .filter_map(|chunk| Some((self.sequences.get(&chunk.sequence)?, chunk.tokens.len())))
            .map(|(state, new)| {
                (state.len + new + ahead).div_ceil(page_size).saturating_sub(state.pages.len())
            })
            .collect();
        let mut pages = pool.take(missing.iter().sum())?;
        for (chunk, &count) in chunks.iter().zip(&missing) {
            if let Some(state) = self.sequences.get_mut(&chunk.sequence) {
                state.pages.extend(pages.drain(..count.min(pages.len())));
            }
        }
        Ok(missing)
    }

    /// What each sequence has, with its new tokens.
    pub(super) fn parts<'a>(&'a self, chunks: &[Chunk<'a>], ahead: usize) -> Vec<Part<'a>> {
        chunks
            .iter()
            .filter_map(|chunk| Some((self.sequences.get(&chunk.sequence)?, chunk.tokens)))
            .map(|(state, tokens)| Part { past: state.len, tokens, pages: &state.pages, ahead })
            .collect()
    }

    /// The inputs of a run, through the rewrites, held to what the plan was checked for.
    pub(super) fn metadata(&self, phase: Phase, parts: &[Part<'_>]) -> Result<Metadata, EngineError> {
        let model = self.model;
        let mut metadata = Metadata::new(phase, model.layout().page_size, parts);
        model.seam().apply::<MetadataPoint>(&mut metadata);
        metadata.check(model.layout(), model.config().vocab_size)?;
        let (found, largest) = (metadata.extent(), maximum(phase, model.options()));
        let within = found.tokens <= largest.tokens
            && found.batch <= largest.batch
            && found.max_kv <= largest.max_kv
            && found.tokens == parts.iter().map(|part| part.tokens.len() as u64).sum::<u64>();
        match within {
            true => Ok(metadata),
            false => Err(PlanError::Extent { phase, found, largest }.into()),
        }
    }

    /// Fills the inputs, launches the plan, and reads the logits back.
    fn launched(
        &self,
        phase: Phase,
        chunks: &[Chunk<'_>],
        logits: Logits,
        watch: &mut dyn Watch,
        how: How,
    ) -> Result<Tensor, EngineError> {
        let (model, plan) = (self.model, self.model.plan(phase));
        let parts = self.parts(chunks, 0);
        let metadata = self.metadata(phase, &parts)?;
        model.run(plan, &metadata, watch, how)?;
        let executor = model.executor();
        let head = plan.buffers.iter().find(|buffer| buffer.role == Role::Stage(HEAD));
        let head = head.ok_or_else(|| PlanError::Coverage {
            phase,
            problem: format!("stores {HEAD} nowhere, and there are no logits without it"),
        })?;
        let mut values = Vec::new();
        let mut first = 0;
        for part in &parts {
            let new = part.tokens.len();
            let (from, rows) = match logits {
                Logits::All => (first, new),
                Logits::Last => (first + new.saturating_sub(1), 1),
            };
            values.extend(executor.rows(plan, head, from, rows)?);
            first += new;
        }
        let rows = values.len().checked_div(head.width).unwrap_or(0);
        Ok(Tensor { shape: vec![rows, head.width], values: Values::F32(values) })
    }
}

/// The stage that logits are.
const HEAD: StageName = StageName::model("lm_head");

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let mut pool = self.model.pool();
        for state in self.sequences.values() {
            pool.release(&state.pages);
        }
    }
}
