//! What instructions compute from registers to registers, for all lanes of a warp at once.
//!
//! | file | what |
//! |---|---|
//! | `view` | registers, as an instruction sees them |
//! | `kernel` | from an operation of one lane to a function for 32 |
//! | `integer`, `carry`, `bits`, `shift` | integers and bits |
//! | `choice`, `combined` | comparisons and what they choose |
//! | `float`, `directed`, `soft` | `f32` and `f64`, rounded any way |
//! | `half`, `halves` | `f16` and `bf16` |
//! | `approx` | functions that hardware computes to a few units |
//! | `convert`, `narrow` | from one type to another |
//! | `mma` | products of matrices |
//!
//! Results are those of an H100 bit for bit, where they are known: all of PTX ISA 9.0 that says one result, and what
//! is said here of the rest. `approx` is not: hardware is off by a few units there, in ways that nobody wrote down.

mod approx;
mod bits;
mod carry;
mod choice;
mod combined;
mod convert;
mod directed;
mod float;
mod half;
mod halves;
mod integer;
mod kernel;
mod mma;
mod narrow;
mod shift;
mod soft;
#[cfg(test)]
mod tests;
mod view;

pub use mma::{Accumulation, AccumulationRounding};

use crate::ptx::Alu;
use crate::registers::{Registers, Slot};

/// Computes one instruction for the lanes in `active`; other lanes keep what the destinations held.
///
/// `slots` are the destinations and then the sources of [`Alu`], in the order that its documentation gives; a vector
/// operand takes as many slots as it has elements.
///
/// # Safety
/// Every slot must be inside `registers` (two [`Lanes`](crate::registers::Lanes) where the operand has 64 bits), and
/// the processor must have what [`Level`] was asked for.
pub type AluFn = unsafe fn(registers: &mut Registers, slots: &[Slot], active: u32);

/// Which instructions of the host may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Whatever every machine has.
    Portable,
    /// x86-64-v3: AVX2, FMA, F16C, BMI2.
    V3,
    /// x86-64-v4: AVX-512 F, BW, DQ, VL besides.
    V4,
}

impl Level {
    /// The highest that this machine has.
    #[must_use]
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let v3 = is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("f16c")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt");
            let v4 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512cd");
            if v3 && v4 {
                return Self::V4;
            }
            if v3 {
                return Self::V3;
            }
        }
        Self::Portable
    }
}

/// The function that computes an instruction, if there is one: there is none where the types do not belong to the
/// instruction. A level that this machine lacks gives a function that must not be called.
#[must_use]
pub fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    integer::function(alu, level)
        .or_else(|| carry::function(alu, level))
        .or_else(|| bits::function(alu, level))
        .or_else(|| choice::function(alu, level))
        .or_else(|| float::function(alu, level))
        .or_else(|| halves::function(alu, level))
        .or_else(|| approx::function(alu, level))
        .or_else(|| mma::function(alu, level))
        .or_else(|| convert::function(alu, level))
}
