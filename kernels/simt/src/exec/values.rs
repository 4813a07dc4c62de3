//! Registers, lane by lane.

use super::program::Value;
use crate::WARP;
use crate::registers::{Registers, Slot};

/// The lanes of a mask, from the lowest on.
pub(super) fn each(mut lanes: u32) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let lane = lanes.trailing_zeros();
        lanes &= lanes.wrapping_sub(1);
        (lane < WARP as u32).then_some(lane)
    })
}

impl Registers {
    /// A predicate of all lanes.
    pub(super) fn predicate(&self, slot: Slot) -> u32 {
        self.predicates.get(slot as usize).copied().unwrap_or(0)
    }

    /// A register of at most 32 bits, of one lane.
    pub(super) fn narrow(&self, slot: Slot, lane: u32) -> u32 {
        self.lanes.get(slot as usize).and_then(|lanes| lanes.0.get(lane as usize)).copied().unwrap_or(0)
    }

    /// A register of 64 bits, of one lane.
    pub(super) fn wide(&self, slot: Slot, lane: u32) -> u64 {
        let (half, index) = (lane / 16, lane % 16 * 2);
        let word = |at: u32| u64::from(self.narrow(slot + half, at));
        word(index) | word(index + 1) << 32
    }

    /// A register or a number, of one lane.
    pub(super) fn value(&self, value: Value, lane: u32) -> u32 {
        match value {
            Value::Slot(slot) => self.narrow(slot, lane),
            Value::Number(number) => number,
        }
    }

    /// Sets a register of at most 32 bits in some lanes.
    pub(super) fn set_narrow(&mut self, slot: Slot, lanes: u32, mut value: impl FnMut(u32) -> u32) {
        let Some(register) = self.lanes.get_mut(slot as usize) else { return };
        for (lane, to) in (0..).zip(&mut register.0) {
            if lanes >> lane & 1 == 1 {
                *to = value(lane);
            }
        }
    }

    /// Sets a register of 64 bits in some lanes.
    pub(super) fn set_wide(&mut self, slot: Slot, lanes: u32, mut value: impl FnMut(u32) -> u64) {
        for lane in each(lanes) {
            let bits = value(lane);
            let (half, index) = (lane / 16, (lane % 16 * 2) as usize);
            if let Some(register) = self.lanes.get_mut((slot + half) as usize)
                && let Some([low, high]) = register.0.get_mut(index..index + 2)
            {
                (*low, *high) = (bits as u32, (bits >> 32) as u32);
            }
        }
    }

    /// Sets a predicate in some lanes.
    pub(super) fn set_predicate(&mut self, slot: Slot, lanes: u32, bits: u32) {
        if let Some(predicate) = self.predicates.get_mut(slot as usize) {
            *predicate = *predicate & !lanes | bits & lanes;
        }
    }
}
