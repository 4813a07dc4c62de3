//! A model folder that was opened, and the CPU reference made from it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kernels::seam::Seam;
use kernels::{Arithmetic, Dtype};

use crate::config::Config;
use crate::error::{EngineError, InputError};
use crate::formats;
use crate::forward::{Advance, Forward};
use crate::models::{Architecture, Logits, Model, Sequence, configure};
use crate::routing::Routing;
use crate::trace::{Probe, Tap, Tensor};
use crate::weights::{ConsumedReport, Drawn, Weights};

/// A model folder whose configuration was read and whose weights were mapped. Nothing was computed yet.
pub struct Loaded {
    dir: PathBuf,
    architecture: &'static Architecture,
    config: Config,
    weights: Weights,
    seam: Arc<Seam>,
}

impl Loaded {
    /// Opens a Hugging Face folder.
    pub fn open(dir: &Path) -> Result<Self, EngineError> {
        Self::open_with(dir, Arc::new(Seam::empty()))
    }

    /// Opens a Hugging Face folder with rewrites in force.
    pub fn open_with(dir: &Path, seam: Arc<Seam>) -> Result<Self, EngineError> {
        let (architecture, config) = configure(dir, &seam)?;
        let weights = Weights::open(dir)?;
        tracing::debug!(
            model = %dir.display(),
            architecture = architecture.name,
            tensors = weights.names().count(),
            "opened"
        );
        Ok(Self { dir: dir.to_owned(), architecture, config, weights, seam })
    }

    /// A model that is in no folder: what it is made of, and how its weights are drawn. `name` stands where the folder
    /// would.
    pub(crate) fn drawn(
        name: &Path,
        (architecture, config): (&'static Architecture, Config),
        weights: BTreeMap<String, Drawn>,
        seam: Arc<Seam>,
    ) -> Self {
        Self { dir: name.to_owned(), architecture, config, weights: Weights::random(name, weights), seam }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What it is made of.
    pub(crate) const fn architecture(&self) -> &'static Architecture {
        self.architecture
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The weights.
    #[must_use]
    pub const fn weights(&self) -> &Weights {
        &self.weights
    }

    /// The rewrites in force.
    #[must_use]
    pub const fn seam(&self) -> &Arc<Seam> {
        &self.seam
    }

    /// The dtype that a device would store activations in: that of the embedding table.
    #[must_use]
    pub fn activation_dtype(&self) -> Dtype {
        match self.weights.dtype("model.embed_tokens.weight") {
            Some(formats::Dtype::BF16) => Dtype::BF16,
            Some(formats::Dtype::F16) => Dtype::F16,
            _ => Dtype::F32,
        }
    }

    /// `declared` arithmetic for this model, with sums in the given order.
    #[must_use]
    pub fn declared(&self, order: u32) -> Arithmetic {
        Arithmetic::Declared { activation: self.activation_dtype(), order }
    }

    /// Digest of everything that decides what the model computes: configuration, weights, tokenizer, template.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.weights.digest().as_bytes());
        for name in [
            "config.json",
            "generation_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "chat_template.jinja",
        ] {
            // An absent file is part of what the model is, so it goes into the digest as absent.
            let bytes = crate::file::read(&self.dir.join(name)).ok();
            hasher.update(name.as_bytes());
            hasher.update(&bytes.as_ref().map_or(u64::MAX, |b| b.len() as u64).to_le_bytes());
            hasher.update(bytes.as_deref().unwrap_or_default());
        }
        hasher.finalize().to_hex().to_string()
    }

    /// Makes the CPU reference. Every tensor of the checkpoint is consumed, or this is an error that names those
    /// that are not.
    pub fn reference(&self, arithmetic: Arithmetic) -> Result<Reference, EngineError> {
        let reader = self.weights.reader(&self.seam);
        let model = (self.architecture.reference)(&reader, &self.config, arithmetic)?;
        let consumed = reader.finish()?;
        tracing::debug!(
            model = %self.dir.display(),
            %arithmetic,
            consumed = consumed.consumed.len(),
            ignored = consumed.ignored.len(),
            "made the reference"
        );
        Ok(Reference {
            model,
            config: self.config.clone(),
            seam: Arc::clone(&self.seam),
            arithmetic,
            consumed,
        })
    }
}

/// The CPU reference of a model, in one arithmetic.
pub struct Reference {
    model: Box<dyn Model>,
    config: Config,
    seam: Arc<Seam>,
    arithmetic: Arithmetic,
    consumed: ConsumedReport,
}

impl Reference {
    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The arithmetic.
    #[must_use]
    pub const fn arithmetic(&self) -> Arithmetic {
        self.arithmetic
    }

    /// Which tensors were consumed, and which were ignored for which reason.
    #[must_use]
    pub const fn consumed(&self) -> &ConsumedReport {
        &self.consumed
    }

    /// The rewrites in force.
    #[must_use]
    pub fn seam(&self) -> &Seam {
        &self.seam
    }

    /// Starts a sequence.
    #[must_use]
    pub fn sequence(&self) -> ReferenceSequence<'_> {
        ReferenceSequence { reference: self, sequence: self.model.sequence() }
    }

    /// One prefill of `tokens` from the start, with the logits of every token.
    pub fn prefill(&self, tokens: &[u32], tap: &mut dyn Tap) -> Result<Tensor, InputError> {
        self.sequence().extend(tokens, Logits::All, tap)
    }

    /// The same with the experts of each token given, wherever `routing` names some.
    pub fn prefill_routed(
        &self,
        tokens: &[u32],
        routing: &Routing,
        tap: &mut dyn Tap,
    ) -> Result<Tensor, InputError> {
        self.sequence().extend_routed(tokens, Logits::All, routing, tap)
    }
}

/// The most that attention scores and probabilities of one chunk may take: they grow with its square.
const MOST_SCORE_BYTES: usize = 8 << 30;

/// A sequence of tokens that the reference computes.
pub struct ReferenceSequence<'r> {
    reference: &'r Reference,
    sequence: Box<dyn Sequence + 'r>,
}

impl ReferenceSequence<'_> {
    /// Tokens so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sequence.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sequence.is_empty()
    }

    /// Appends tokens; the logits are `[num_tokens, vocab_size]`, or one row for [`Logits::Last`].
    pub fn extend(
        &mut self,
        tokens: &[u32],
        logits: Logits,
        tap: &mut dyn Tap,
    ) -> Result<Tensor, InputError> {
        self.extend_routed(tokens, logits, &Routing::default(), tap)
    }

    /// The same with the experts of each token given, wherever `routing` names some.
    pub fn extend_routed(
        &mut self,
        tokens: &[u32],
        logits: Logits,
        routing: &Routing,
        tap: &mut dyn Tap,
    ) -> Result<Tensor, InputError> {
        let Config { vocab_size, max_position_embeddings: longest, .. } = self.reference.config;
        if tokens.is_empty() {
            return Err(InputError::Empty);
        }
        if let Some(index) = tokens.iter().position(|&token| token as usize >= vocab_size) {
            return Err(InputError::BeyondVocabulary { token: tokens[index], index, vocab_size });
        }
        let total = self.len() + tokens.len();
        if total > longest {
            return Err(InputError::BeyondContext { tokens: total, longest });
        }
        let Config { num_attention_heads: heads, .. } = self.reference.config;
        let scores = [tokens.len(), total, 2 * self.reference.arithmetic.element().size()];
        let bytes = scores.iter().try_fold(heads, |bytes, &factor| bytes.checked_mul(factor));
        if bytes.is_none_or(|bytes| bytes > MOST_SCORE_BYTES) {
            let gib = |bytes: usize| (bytes >> 30) as u64;
            let (gib, limit) = (gib(bytes.unwrap_or(usize::MAX)), gib(MOST_SCORE_BYTES));
            return Err(InputError::TooManyAtOnce { tokens: tokens.len(), gib, limit });
        }
        let stored = match self.reference.arithmetic {
            Arithmetic::Declared { activation, .. } => activation,
            other => other.element(),
        };
        let past = self.len();
        let mut probe = Probe::new(tap, &self.reference.seam, stored).imposing(routing, past);
        Ok(self.sequence.extend(tokens, logits, &mut probe))
    }
}

impl Forward for Reference {
    fn config(&self) -> &Config {
        Self::config(self)
    }

    fn seam(&self) -> &Seam {
        Self::seam(self)
    }

    fn start(&self) -> Result<Box<dyn Advance + '_>, EngineError> {
        Ok(Box::new(self.sequence()))
    }
}

impl Advance for ReferenceSequence<'_> {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn extend(&mut self, tokens: &[u32], logits: Logits, tap: &mut dyn Tap) -> Result<Tensor, EngineError> {
        Ok(Self::extend(self, tokens, logits, tap)?)
    }
}
