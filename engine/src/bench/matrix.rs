//! How fast the device multiplies matrices: what its maker's library makes of a large product.
//!
//! Matrices are drawn, not zero: a product of zeros takes less power, and so runs at a higher clock than any model does.

use kernels::Dtype;
use kernels::device::{Argument, Buffer, Operands, Product};
use kernels::launch::{Expr, random_fill};

use super::anchors::{SPARE, ready, timed};
use super::{Bench, Options, is_virtual};
use crate::error::EngineError;

/// Rows and columns of the matrices: the largest that fit.
const SIDES: [u64; 4] = [8192, 4096, 2048, 1024];
/// The same on a virtual device, whose times say nothing.
const VIRTUAL_SIDE: u64 = 64;
/// Operations that one look at the clock covers at least.
const TIMED: f64 = 1e13;
/// How elements are stored.
const DTYPE: Dtype = Dtype::BF16;

/// Operations a second, from the median: two for each row, column and term of a sum.
pub(super) fn measure(bench: &Bench<'_>, options: &Options) -> Result<f64, EngineError> {
    let device = &*bench.device;
    let library = device.library()?;
    let played = is_virtual(device);
    let free = device.free_memory()?;
    let bytes = |side: u64| side * side * DTYPE.size() as u64;
    let fits = |side: &u64| 3 * bytes(*side) + SPARE <= free;
    let [.., smallest] = SIDES;
    let side = if played { VIRTUAL_SIDE } else { SIDES.into_iter().find(fits).unwrap_or(smallest) };
    let names = ["matrix a", "matrix b", "matrix c"];
    let [a, b, c] = names.map(|name| device.allocate(name, bytes(side)));
    let (a, b, c) = (a?, b?, c?);
    for (seed, matrix) in [&a, &b, &c].into_iter().enumerate() {
        drawn(bench, matrix, seed, side * side)?;
    }
    let gemm = Product { out_features: side, in_features: side, dtype: DTYPE }.gemm(side);
    let operands = Operands { a: (&a, 0), b: (&b, 0), c: (&c, 0) };
    let of_one = 2.0 * (side as f64).powi(3);
    let passes = if played { 1 } else { (TIMED / of_one).ceil() as u64 };
    let sample = timed(bench, options, |device| (0..passes).try_for_each(|_| device.gemm(&gemm, &operands)))?;
    tracing::debug!(library, side, passes, spread = sample.spread, "matrix rate");
    Ok(sample.rate(of_one * passes as f64))
}

/// Fills a matrix with numbers between -1 and 1.
fn drawn(bench: &Bench<'_>, matrix: &Buffer, seed: usize, count: u64) -> Result<(), EngineError> {
    let axes = random_fill::Axes { out: DTYPE, center: 0.0, spread: 1.0 };
    let ready = ready(bench, &random_fill::spec(&axes), &random_fill::shape(Expr::Const(count)))?;
    let number = |value: u64| Argument::U32(u32::try_from(value).unwrap_or(u32::MAX));
    let arguments = [Argument::Buffer(matrix, 0), number(seed as u64), number(count)];
    Ok(bench.device.launch(&ready.function, ready.launch, &arguments)?)
}
