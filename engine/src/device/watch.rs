//! Looking at the stages of a run, and imposing them.

use kernels::Dtype;

use super::RowStatistics;
use crate::stage::StageName;
use crate::trace::Tensor;

/// Receives the stages of a run on a device in the order of execution, and may impose others in their place.
pub trait Watch {
    /// Whether this stage should be copied from the device and recorded.
    fn wants(&self, stage: StageName) -> bool;

    /// Receives a stage as the device computed it, widened to f32; `stored` is how the device holds it.
    fn record(&mut self, stage: StageName, stored: Dtype, tensor: Tensor);

    /// Whether it wants what the device says of the stages of a decode run, where the model was loaded with
    /// [`taps`](super::DeviceOptions::taps), and of a prefill run, where it was with
    /// [`prefill_taps`](super::DeviceOptions::prefill_taps). Nothing is copied but that.
    fn wants_statistics(&self) -> bool {
        false
    }

    /// Receives the statistics of each row of a stage, in the order in which stages are computed: after a decode run, and
    /// in a prefill run when the stage was stored.
    fn statistics(&mut self, _stage: StageName, _rows: &[RowStatistics]) {}

    /// A row to copy of a stage of a prefill run, after its statistics were received.
    fn wants_row(&self, _stage: StageName) -> Option<usize> {
        None
    }

    /// Receives that row, widened to f32.
    fn row(&mut self, _stage: StageName, _row: usize, _values: &[f32]) {}

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
