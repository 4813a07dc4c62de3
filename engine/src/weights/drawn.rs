//! A tensor that is in no file: its values follow from a seed.

use kernels::{Arithmetic, Dtype, random_fill};

/// How a tensor is drawn: the op [`random_fill`], stored as [`DTYPE`](Self::DTYPE).
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// Its shape; fewer than 2^32 elements.
    pub shape: Vec<usize>,
    /// The seed of its values.
    pub seed: u32,
    /// The middle of their range.
    pub center: f64,
    /// How far they lie from it at most.
    pub spread: f64,
}

impl Drawn {
    /// How every tensor that is drawn is stored.
    pub const DTYPE: Dtype = Dtype::BF16;

    /// Elements, as kernels count them; `None` for 2^32 and more.
    #[must_use]
    pub fn count(&self) -> Option<u32> {
        self.shape.iter().try_fold(1u32, |count, &axis| count.checked_mul(u32::try_from(axis).ok()?))
    }

    /// Bytes as stored.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shape.iter().map(|&axis| axis as u64).product::<u64>() * Self::DTYPE.size() as u64
    }

    /// The values as the reference of the op computes them; none for 2^32 elements and more.
    #[must_use]
    pub fn values(&self) -> Vec<f32> {
        let arithmetic = Arithmetic::Declared { activation: Self::DTYPE, order: 0 };
        random_fill::reference(self.count().unwrap_or(0), self.seed, (self.center, self.spread), arithmetic)
    }
}
