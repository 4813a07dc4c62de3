//! What instructions compute from registers to registers, for all lanes of a warp at once.

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
        Self::Portable
    }
}

/// The function that computes an instruction, if there is one.
#[must_use]
pub fn function(_alu: &Alu, _level: Level) -> Option<AluFn> {
    None
}
