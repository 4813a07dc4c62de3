//! Where a mutant rewrites what the bench counts.

use kernels::seam::Point;

/// Where a mutant can rewrite what is counted and what is asked for.
#[derive(Debug)]
pub struct BenchPoint;

/// The value at [`BenchPoint`].
#[derive(Debug)]
pub enum BenchValue<'a> {
    /// Bytes of weights that a token reads, as counted.
    WeightBytes(&'a mut u64),
    /// Operations of a prefill, as counted.
    Operations(&'a mut f64),
    /// Tokens that are decoded between two looks at the clock.
    Steps(&'a mut usize),
}

impl Point for BenchPoint {
    const NAME: &'static str = "bench";
    type Value<'a> = BenchValue<'a>;
}
