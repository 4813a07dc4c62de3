//! Looking at the stages of a run, and imposing them.

use kernels::Dtype;

use crate::stage::StageName;
use crate::trace::Tensor;

/// Receives the stages of a run on a device in the order of execution, and may impose others in their place.
pub trait Watch {
    /// Whether this stage should be copied from the device and recorded.
    fn wants(&self, stage: StageName) -> bool;

    /// Receives a stage as the device computed it, widened to f32; `stored` is how the device holds it.
    fn record(&mut self, stage: StageName, stored: Dtype, tensor: Tensor);

    /// Whether [`impose`](Self::impose) may answer with a value: then steps are launched one by one.
    fn imposes(&self) -> bool;

    /// A value to put in the stage's place before anything reads it, after it was recorded. Rounded to how the device
    /// holds the stage. What is computed next is then computed from this: isolated replay.
    fn impose(&mut self, _stage: StageName) -> Option<Tensor> {
        None
    }
}

/// Looks at nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn wants(&self, _: StageName) -> bool {
        false
    }

    fn record(&mut self, _: StageName, _: Dtype, _: Tensor) {}

    fn imposes(&self) -> bool {
        false
    }
}
