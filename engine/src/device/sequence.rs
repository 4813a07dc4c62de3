//! A model on a device as something that continues one sequence.

use kernels::Dtype;
use kernels::real::Values;
use kernels::seam::Seam;

use super::{Chunk, DeviceModel, SequenceId, Session, Watch};
use crate::config::Config;
use crate::error::{EngineError, InputError};
use crate::forward::{Advance, Forward};
use crate::models::Logits;
use crate::plan::Phase;
use crate::stage::StageName;
use crate::trace::{Tap, Tensor};

impl Forward for DeviceModel {
    fn config(&self) -> &Config {
        Self::config(self)
    }

    fn seam(&self) -> &Seam {
        Self::seam(self)
    }

    fn start(&self) -> Result<Box<dyn Advance + '_>, EngineError> {
        let mut session = self.session()?;
        let id = session.add();
        Ok(Box::new(One { session, id }))
    }
}

/// A session of one sequence.
struct One<'m> {
    session: Session<'m>,
    id: SequenceId,
}

impl Advance for One<'_> {
    fn len(&self) -> usize {
        self.session.len(self.id)
    }

    /// One token after others is decoded; everything else is a prefill, in pieces of `max_tokens`, which changes no bit.
    fn extend(&mut self, tokens: &[u32], logits: Logits, tap: &mut dyn Tap) -> Result<Tensor, EngineError> {
        if tokens.is_empty() {
            return Err(InputError::Empty.into());
        }
        let phase = if self.is_empty() || tokens.len() > 1 { Phase::Prefill } else { Phase::Decode };
        let mut pieces = Pieces { tap, stages: Vec::new() };
        let mut all: Option<Tensor> = None;
        for tokens in tokens.chunks(self.session.model().options().max_tokens.max(1)) {
            let chunk = Chunk { sequence: self.id, tokens };
            let part = self.session.run(phase, &[chunk], logits, &mut pieces)?;
            match (&mut all, logits) {
                (Some(all), Logits::All) => append(all, part),
                (all, _) => *all = Some(part),
            }
        }
        pieces.announce(logits);
        all.ok_or_else(|| InputError::Empty.into())
    }
}

/// Puts the rows of `more` below those of `all`.
fn append(all: &mut Tensor, more: Tensor) {
    if let (Values::F32(values), Values::F32(more)) = (&mut all.values, more.values) {
        values.extend(more);
    }
    if let (Some(rows), Some(more)) = (all.shape.first_mut(), more.shape.first()) {
        *rows += more;
    }
}

/// Collects the stages of all pieces, so that a tap gets each once.
struct Pieces<'t> {
    tap: &'t mut dyn Tap,
    stages: Vec<(StageName, Dtype, Tensor)>,
}

impl Watch for Pieces<'_> {
    fn wants(&self, stage: StageName) -> bool {
        self.tap.wants(stage)
    }

    fn record(&mut self, stage: StageName, stored: Dtype, tensor: Tensor) {
        match self.stages.iter_mut().find(|(name, ..)| *name == stage) {
            Some((_, _, all)) => append(all, tensor),
            None => self.stages.push((stage, stored, tensor)),
        }
    }

    fn imposes(&self) -> bool {
        false
    }
}

impl Pieces<'_> {
    /// Hands everything over. The head has one row if only the last logits were asked for, as in the reference.
    fn announce(self, logits: Logits) {
        for (stage, stored, mut tensor) in self.stages {
            if stage == StageName::model("lm_head")
                && logits == Logits::Last
                && let Values::F32(values) = &mut tensor.values
                && let [rows, width] = tensor.shape.as_mut_slice()
            {
                values.drain(..values.len().saturating_sub(*width));
                *rows = 1;
            }
            self.tap.record(stage, stored, tensor);
        }
    }
}
