//! What the reference and a model on a device have in common for whoever only wants tokens continued: a
//! configuration, and sequences that are extended.

use kernels::seam::Seam;

use crate::config::Config;
use crate::error::EngineError;
use crate::models::Logits;
use crate::trace::{Tap, Tensor};

/// Something that computes forward passes.
pub trait Forward {
    /// The configuration.
    fn config(&self) -> &Config;

    /// The rewrites in force.
    fn seam(&self) -> &Seam;

    /// Starts a sequence.
    fn start(&self) -> Result<Box<dyn Advance + '_>, EngineError>;
}

/// One sequence under way.
pub trait Advance {
    /// Tokens so far.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends tokens; the logits are `[num_tokens, vocab_size]`, or one row for [`Logits::Last`].
    fn extend(&mut self, tokens: &[u32], logits: Logits, tap: &mut dyn Tap) -> Result<Tensor, EngineError>;
}

impl<F: Forward + ?Sized> Forward for std::sync::Arc<F> {
    fn config(&self) -> &Config {
        (**self).config()
    }

    fn seam(&self) -> &Seam {
        (**self).seam()
    }

    fn start(&self) -> Result<Box<dyn Advance + '_>, EngineError> {
        (**self).start()
    }
}
