//! Watching a forward pass from inside.
//!
//! The reference announces every stage to a [`Probe`], which lets a mutant rewrite the value and a [`Tap`]
//! record it. Without either, a stage costs one branch.

use kernels::real::{Values, ValuesMut};
use kernels::seam::{Point, Seam};
use kernels::{Dtype, Real};
use ndarray::{Array, Dimension};

use crate::routing::Routing;
use crate::stage::StageName;

/// A value with its shape, of either element type.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Axes, outermost first.
    pub shape: Vec<usize>,
    /// Elements in row-major order.
    pub values: Values,
}

impl Tensor {
    /// Copies an array.
    pub fn of<T: Real, D: Dimension>(array: &Array<T, D>) -> Self {
        Self { shape: array.shape().to_vec(), values: T::own(array.iter().copied().collect()) }
    }

    /// Length of the last axis; 0 for an empty tensor.
    #[must_use]
    pub fn row_len(&self) -> usize {
        if self.values.is_empty() { 0 } else { self.shape.last().copied().unwrap_or(1) }
    }

    /// Row `index` along the last axis, widened to `f64`; empty where there is none.
    #[must_use]
    pub fn row(&self, index: usize) -> Vec<f64> {
        let width = self.row_len();
        self.values.wide(index * width..(index + 1) * width)
    }

    /// Number of rows along the last axis.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self.row_len() {
            0 => 0,
            width => self.values.len() / width,
        }
    }
}

/// Receives the stages of a forward pass in the order of execution.
pub trait Tap {
    /// Whether this stage should be recorded.
    fn wants(&self, stage: StageName) -> bool;

    /// Receives a stage. `stored` is the dtype that the arithmetic holds the value in.
    fn record(&mut self, stage: StageName, stored: Dtype, tensor: Tensor);
}

/// Records nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTap;

impl Tap for NoTap {
    fn wants(&self, _: StageName) -> bool {
        false
    }

    fn record(&mut self, _: StageName, _: Dtype, _: Tensor) {}
}

/// Says whether a stage of this canonical name is recorded.
type StageFilter = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// Keeps every stage that its filter lets through.
#[derive(Default)]
pub struct Recorder {
    filter: Option<StageFilter>,
    /// What was recorded, in the order of execution.
    pub stages: Vec<Recorded>,
}

/// One recorded stage.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Canonical name.
    pub name: StageName,
    /// The dtype that the arithmetic holds the value in.
    pub stored: Dtype,
    /// The value.
    pub tensor: Tensor,
}

impl Recorder {
    /// Records every stage.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Records the stages whose canonical name passes `filter`.
    #[must_use]
    pub fn only(filter: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { filter: Some(Box::new(filter)), stages: Vec::new() }
    }
}

impl Tap for Recorder {
    fn wants(&self, stage: StageName) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter(&stage.to_string()))
    }

    fn record(&mut self, name: StageName, stored: Dtype, tensor: Tensor) {
        self.stages.push(Recorded { name, stored, tensor });
    }
}

/// Where a mutant can rewrite a stage of the reference forward.
#[derive(Debug)]
pub struct StagePoint;

/// The value at [`StagePoint`].
#[derive(Debug)]
pub struct StageValue<'a> {
    /// Which stage.
    pub name: StageName,
    /// Its shape.
    pub shape: &'a [usize],
    /// Its elements in row-major order.
    pub values: ValuesMut<'a>,
}

impl Point for StagePoint {
    const NAME: &'static str = "stage";
    type Value<'a> = StageValue<'a>;
}

/// Where a forward pass announces its stages.
pub struct Probe<'a> {
    tap: &'a mut dyn Tap,
    seam: &'a Seam,
    stored: Dtype,
    imposed: Option<(&'a Routing, usize)>,
}

impl<'a> Probe<'a> {
    /// A probe whose values are held in `stored`.
    pub fn new(tap: &'a mut dyn Tap, seam: &'a Seam, stored: Dtype) -> Self {
        Self { tap, seam, stored, imposed: None }
    }

    /// Gives the tokens of this forward pass, of which the first is the `past`-th of its sequence, their experts.
    #[must_use]
    pub const fn imposing(self, routing: &'a Routing, past: usize) -> Self {
        Self { imposed: Some((routing, past)), ..self }
    }

    /// The experts that row `row` of this forward pass was given.
    #[must_use]
    pub fn imposed(&self, layer: usize, row: usize) -> Option<&'a [usize]> {
        let (routing, past) = self.imposed?;
        routing.experts(layer, past + row)
    }

    /// The rewrites in force.
    #[must_use]
    pub const fn seam(&self) -> &Seam {
        self.seam
    }

    /// Announces a value that the op keeps in f32 between two of its sums, whatever activations are stored in.
    #[must_use]
    pub fn stage_in_full<T: Real, D: Dimension>(
        &mut self,
        name: StageName,
        value: Array<T, D>,
    ) -> Array<T, D> {
        let stored = std::mem::replace(&mut self.stored, T::DTYPE);
        let value = self.stage(name, value);
        self.stored = stored;
        value
    }

    /// Announces a value that nothing is computed from, so that a rewrite would reach nothing.
    pub fn observe<T: Real, D: Dimension>(
        &mut self,
        name: StageName,
        stored: Option<Dtype>,
        value: &Array<T, D>,
    ) {
        if self.tap.wants(name) {
            self.tap.record(name, stored.unwrap_or(self.stored), Tensor::of(value));
        }
    }

    /// Announces a stage and passes its value on, rewritten where a mutant says so.
    #[must_use]
    pub fn stage<T: Real, D: Dimension>(&mut self, name: StageName, value: Array<T, D>) -> Array<T, D> {
        let mut value = value;
        if self.seam.is_active::<StagePoint>() {
            let shape = value.shape().to_vec();
            // References build their results in standard layout; the copy is for one that would not.
            value = value.as_standard_layout().into_owned();
            if let Some(values) = value.as_slice_mut() {
                self.seam.apply::<StagePoint>(&mut StageValue {
                    name,
                    shape: &shape,
                    values: T::view(values),
                });
            }
        }
        if self.tap.wants(name) {
            self.tap.record(name, self.stored, Tensor::of(&value));
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_probe_rewrites_first_and_records_what_is_passed_on() {
        let seam = Seam::empty().with::<StagePoint>(|stage| {
            stage.name.local() == "mlp.act_fn"
                && stage.values.map(|index, x| if index == 1 { f64::NAN } else { x })
        });
        let mut recorder = Recorder::only(|name| name.ends_with("act_fn"));
        let mut probe = Probe::new(&mut recorder, &seam, Dtype::F32);
        let untouched = probe.stage(StageName::layer(0, "mlp.up_proj"), array![[1.0f32, 2.0]]);
        let rewritten = probe.stage(StageName::layer(0, "mlp.act_fn"), array![[1.0f32, 2.0]]);
        assert_eq!(untouched, array![[1.0, 2.0]]);
        assert!(rewritten[[0, 1]].is_nan());
        assert_eq!(recorder.stages.len(), 1);
        assert!(recorder.stages[0].tensor.row(0)[1].is_nan());
        assert_eq!(seam.applied(), 1);
    }

    #[test]
    fn rows_of_an_empty_tensor_are_none() {
        let empty = Tensor::of(&ndarray::Array2::<f32>::zeros((0, 4)));
        assert_eq!((empty.rows(), empty.row_len(), empty.row(0).len()), (0, 0, 0));
    }
}
