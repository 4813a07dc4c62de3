//! Registers and variables of a function at one place where it is called.

use std::cell::RefCell;

use crate::ptx::Type;
use crate::registers::Slot;

/// Which file of registers one is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// A predicate.
    Predicate,
    /// At most 32 bits.
    Narrow,
    /// 64 bits.
    Wide,
}

/// A register of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) slot: Slot,
    pub(super) width: Width,
    pub(super) ty: Type,
    /// Its number among all registers of the program, for the analysis of what was written.
    pub(super) number: u32,
}

/// Where a variable lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// Offset into the parameters of the kernel.
    Parameter(u32),
    /// Offset into local memory.
    Local(u64),
    /// Offset into shared memory.
    Shared(u32),
    /// Address of device memory.
    Global(u64),
}

/// A function at one place where it is called.
pub(super) struct Frame {
    /// Its index in the module.
    pub(super) function: usize,
    /// Its registers: a place from the first use on.
    pub(super) registers: RefCell<Vec<Option<Place>>>,
    /// Its variables.
    pub(super) variables: Vec<Home>,
}

impl Width {
    /// Of a type.
    pub(super) const fn of(ty: Type) -> Self {
        match ty.bytes() {
            0 => Self::Predicate,
            8 => Self::Wide,
            _ => Self::Narrow,
        }
    }
}
