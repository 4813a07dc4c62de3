//! What kind of access a record is of: weak, or strong with its scope and size.

use crate::memory::{Access, AccessKind};
use crate::ptx::{Order, Scope};

/// Weak; or strong, with what moral strength asks (PTX ISA 9.0, section 8.7): a scope that takes the other thread in,
/// and the same bytes. Accesses are aligned to their size, so two that share a byte have the same bytes if and only if
/// they have the same size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Class(u8);

impl Class {
    const STRONG: u8 = 1;
    const DEVICE: u8 = 2;
    const NC: u8 = 0x20;

    /// Of an access. Atomics are strong, whatever their order says.
    pub(super) const fn of(access: &Access<'_>) -> Self {
        let strong = !matches!(access.order, Order::Weak) || matches!(access.kind, AccessKind::Atomic);
        if !strong {
            return Self(if access.nc { Self::NC } else { 0 });
        }
        let device = if wide(access.order, access.scope) { Self::DEVICE } else { 0 };
        let size = access.bytes.trailing_zeros() as u8 & 7;
        Self(Self::STRONG | device | size << 2)
    }

    /// Whether it is strong.
    pub(super) const fn strong(self) -> bool {
        self.0 & Self::STRONG != 0
    }

    /// Whether it is a read through the read-only cache.
    pub(super) const fn nc(self) -> bool {
        self.0 & Self::NC != 0
    }

    /// Whether two overlapping accesses of these kinds never race.
    pub(super) const fn together(self, other: Self, same_block: bool) -> bool {
        let both = self.0 & other.0;
        both & Self::STRONG != 0
            && (self.0 ^ other.0) & !Self::DEVICE == 0
            && (same_block || both & Self::DEVICE != 0)
    }

    /// Whether an earlier record of class `old` may be forgotten for one of this class that happens after it: whatever
    /// is not ordered with the old one must race with the new one too.
    pub(super) const fn replaces(self, old: Self) -> bool {
        self.0 == old.0 || (!self.strong() && !old.nc())
    }

    /// A number for tables.
    pub(super) const fn number(self) -> u8 {
        self.0
    }

    /// The class of a number.
    pub(super) const fn from_number(number: u8) -> Self {
        Self(number)
    }
}

/// Whether a strong operation reaches other blocks. `.volatile` is as `.relaxed.sys`. A launch has no clusters, so that
/// scope is the block.
pub(super) const fn wide(order: Order, scope: Scope) -> bool {
    matches!(order, Order::Volatile) || matches!(scope, Scope::Device | Scope::System)
}
