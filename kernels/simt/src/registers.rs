//! The registers of a warp.
//!
//! A register is one slot for each lane. Registers of up to 32 bits take one [`Lanes`] (narrower values are
//! zero-extended: bits above the width are always zero), those of 64 bits take two neighbours, read as `[u64; 32]`.
//! Predicates are masks of lanes, in a file of their own. Constants and special registers have slots like any other,
//! filled before the first instruction; so an operand is always a slot.

use crate::WARP;

/// One 32-bit value for each lane.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub struct Lanes(pub [u32; WARP]);

/// Index of a register: of its first [`Lanes`], or of a predicate.
pub type Slot = u32;

/// The registers of one warp.
pub struct Registers {
    /// Every register but predicates.
    pub lanes: Box<[Lanes]>,
    /// Predicates: bit `l` is that of lane `l`.
    pub predicates: Box<[u32]>,
}

impl Registers {
    /// Registers full of zeros.
    #[must_use]
    pub fn new(lanes: usize, predicates: usize) -> Self {
        Self {
            lanes: vec![Lanes([0; WARP]); lanes].into_boxed_slice(),
            predicates: vec![0; predicates].into_boxed_slice(),
        }
    }
}
