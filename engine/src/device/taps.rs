//! What the device says of stages without their payload: statistics that the last step of a decode run made of them.

use kernels::launch::tap_statistics_all::RESULTS;

use super::memory::Place;
use super::{DeviceModel, Watch};
use crate::error::EngineError;
use crate::plan::{Phase, Plan, PlanError, Tap, tapped};

/// Statistics of the elements of a row of a stage; sums are in f64, of finite elements only.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowStatistics {
    /// Finite elements.
    pub finite: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
    /// The smallest of them; infinity where there is none.
    pub min: f64,
    /// The largest of them; minus infinity where there is none.
    pub max: f64,
    /// Elements that are NaN.
    pub nans: u64,
    /// Elements that are infinite.
    pub infinities: u64,
    /// The sum of the squared distances of the finite elements from their mean.
    pub squared_distances: f64,
}

impl RowStatistics {
    pub(crate) fn of(results: &[f64; RESULTS]) -> Self {
        let [finite, sum, squares, min, max, nans, infinities, squared_distances] = *results;
        // Counts of elements, which f64 holds exactly; a NaN is no count and becomes 0.
        let [finite, nans, infinities] = [finite, nans, infinities].map(|count| count as u64);
        Self { finite, sum, squares, min, max, nans, infinities, squared_distances }
    }

    /// The mean of the finite elements; NaN where there is none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.finite as f64
    }

    /// Their standard deviation, dividing by their number; NaN where there is none.
    #[must_use]
    pub fn std(&self) -> f64 {
        (self.squared_distances / self.finite as f64).sqrt()
    }
}

impl DeviceModel {
    /// Fills the table of where the stages are, if they are tapped.
    pub(super) fn place_taps(&self) -> Result<(), EngineError> {
        let plan = self.plan(Phase::Decode);
        let Some(memory) = self.memory().at(&Place::Tap(Tap::Stages)) else { return Ok(()) };
        let of = |buffer: &crate::plan::PlanBuffer| Ok(self.memory().of(plan, buffer)?.address());
        let table = crate::plan::table(plan, self.activation(), of)?;
        Ok(self.device().write(memory, 0, &table)?)
    }

    /// Hands over what the last run of the decode plan said of its stages, if it was tapped and `watch` wants it.
    pub(super) fn tell(&self, plan: &Plan, rows: u64, watch: &mut dyn Watch) -> Result<(), EngineError> {
        let tapped_plan = self.options().taps && plan.phase == Phase::Decode;
        if !tapped_plan || !watch.wants_statistics() {
            return Ok(());
        }
        let memory = self.memory().at(&Place::Tap(Tap::Statistics)).ok_or_else(|| PlanError::Unbound {
            phase: plan.phase,
            buffer: Tap::Statistics.to_string(),
            problem: "none was allocated for it".to_owned(),
        })?;
        let stages = tapped(plan, self.activation());
        let rows = usize::try_from(rows).unwrap_or(0);
        let mut bytes = vec![0; rows * stages.len() * RESULTS * size_of::<f64>()];
        self.device().read(memory, 0, &mut bytes)?;
        let numbers: Vec<f64> = bytes.as_chunks().0.iter().map(|raw| f64::from_le_bytes(*raw)).collect();
        let (results, _) = numbers.as_chunks::<RESULTS>();
        for (at, (stage, _)) in stages.iter().enumerate() {
            let of_stage = results.iter().skip(at).step_by(stages.len().max(1));
            let rows: Vec<RowStatistics> = of_stage.map(RowStatistics::of).collect();
            watch.statistics(*stage, &rows);
        }
        Ok(())
    }
}
