//! How a tensor core adds products up.

use super::number::Number;
use crate::alu::directed::{self, ZERO};
use crate::alu::soft::{self, Exact};
use crate::ptx::Type;

/// What a sum becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccumulationRounding {
    /// An `f32`, toward zero; 2^128 and more is infinite.
    ZeroF32,
    /// An `f16`, to nearest, ties to even.
    NearestF16,
}

/// How a tensor core adds products up, as it was published for an H100 (Xie et al., "MMA-Sim", arXiv 2511.10909;
/// Khattak and Mikaitis, arXiv 2512.07004).
///
/// `block_k` products and what they are added to are one sum. Each product is exact, and its exponent is the sum of
/// the exponents of its factors (so its significand is from 1 to less than 4; a subnormal factor has the least
/// exponent of its type). All are aligned to the largest exponent, -126 or more, and cut toward zero after
/// `fraction_bits` bits of fraction. What is left is added up exactly, and rounded. Longer rows are sums of blocks,
/// one after the other, rounded in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accumulation {
    /// Bits after the point that are kept of each term: 23 to 27.
    pub fraction_bits: u32,
    /// Products of a sum. Of 32 bytes the first sum has those at 0 and 1 of each four, the second those at 2 and 3 (seen
    /// on an H200: the two halves of each register, as `f16`). The first of these begins with zero; what the product of
    /// bytes is added to is added last, as `f32` to nearest.
    pub block_k: usize,
    /// What a sum becomes.
    pub rounding: AccumulationRounding,
}

impl Accumulation {
    /// Of an H100 or H200, by the type of the factors and of the sum.
    #[must_use]
    pub const fn hopper(factors: Type, sum: Type) -> Self {
        let rounding = match sum {
            Type::F16 => AccumulationRounding::NearestF16,
            _ => AccumulationRounding::ZeroF32,
        };
        // Bytes are multiplied as `f16` on these.
        let block_k = if factors.bytes() == 4 { 8 } else { 16 };
        Self { fraction_bits: 25, block_k, rounding }
    }
}

/// Columns of `b`, computed at once.
pub(super) const COLUMNS: usize = 8;

/// A row of `b`, in parts that are loaded at once.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) magnitude: [u32; COLUMNS],
    pub(super) exponent: [i32; COLUMNS],
    pub(super) sign: [i32; COLUMNS],
}

/// Eight sums of a block: `a` is a part of a row, `b` the rows that belong to it, `c` is what is added to, and where
/// the point is in products and in `c`. All are finite.
#[inline(always)]
pub(super) fn block(
    model: &Accumulation,
    a: &[Number],
    b: &[Row],
    c: &[Number; COLUMNS],
    points: (u32, u32),
) -> [f64; COLUMNS] {
    let mut largest = [0; COLUMNS];
    for j in 0..COLUMNS {
        largest[j] = c[j].exponent.max(-126);
    }
    for (a, b) in a.iter().zip(b) {
        for (largest, b) in largest.iter_mut().zip(b.exponent) {
            *largest = (*largest).max(a.exponent.wrapping_add(b));
        }
    }
    let mut total = [0i64; COLUMNS];
    let raise = model.fraction_bits - points.0;
    // 16 terms below 4 * 2^25 fit into 31 bits.
    for (a, b) in a.chunks(16).zip(b.chunks(16)) {
        let mut sum = [0i32; COLUMNS];
        for (a, b) in a.iter().zip(b) {
            for j in 0..COLUMNS {
                let product = a.magnitude.wrapping_mul(b.magnitude[j]).wrapping_shl(raise);
                let distance = largest[j].wrapping_sub(a.exponent.wrapping_add(b.exponent[j])).min(31) as u32;
                let sign = a.sign ^ b.sign[j];
                sum[j] =
                    sum[j].wrapping_add((product.wrapping_shr(distance) as i32 ^ sign).wrapping_sub(sign));
            }
        }
        for j in 0..COLUMNS {
            total[j] += i64::from(sum[j]);
        }
    }
    let mut result = [0.0; COLUMNS];
    for j in 0..COLUMNS {
        let distance = (largest[j] - c[j].exponent).min(31) as u32;
        let added = (u64::from(c[j].magnitude) << model.fraction_bits >> points.1 >> distance) as i64;
        let sum = total[j] + if c[j].sign < 0 { -added } else { added };
        let place = (largest[j] - model.fraction_bits as i32 + 1023) as u64;
        result[j] = sum as f64 * f64::from_bits(place << 52);
    }
    result
}

/// A sum, rounded, as the bits of its type.
#[inline(always)]
pub(super) fn rounded(model: &Accumulation, sum: f64) -> u32 {
    match model.rounding {
        AccumulationRounding::ZeroF32 => {
            let limit = 2.0 * f64::from(f32::from_bits(0x7f00_0000));
            if sum.abs() >= limit { sum as f32 } else { directed::narrow::<ZERO>(sum) }.to_bits()
        }
        AccumulationRounding::NearestF16 => Exact::of(sum).round(soft::F16, directed::NEAREST) as u32,
    }
}
