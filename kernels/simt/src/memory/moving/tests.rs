//! What arrives in registers and in memory.

use proptest::prelude::*;

use super::{Shape, exchange, load, store};
use crate::WARP;
use crate::memory::{Layout, Resolved};
use crate::registers::Registers;

/// Host memory that begins at a multiple of 16.
#[repr(align(64))]
struct Memory([u8; 2048]);

/// What a register of a lane holds.
fn get(registers: &Registers, slot: u32, lane: usize, wide: bool) -> u64 {
    let slot = slot as usize;
    if wide {
        // A pair of slots is 32 values of 64 bits.
        let at = 2 * lane;
        let half = |at: usize| u64::from(registers.lanes[slot + at / WARP].0[at % WARP]);
        half(at) | half(at + 1) << 32
    } else {
        u64::from(registers.lanes[slot].0[lane])
    }
}

fn set(registers: &mut Registers, slot: u32, lane: usize, wide: bool, value: u64) {
    let slot = slot as usize;
    if wide {
        let at = 2 * lane;
        registers.lanes[slot + at / WARP].0[at % WARP] = value as u32;
        registers.lanes[slot + (at + 1) / WARP].0[(at + 1) % WARP] = (value >> 32) as u32;
    } else {
        registers.lanes[slot].0[lane] = value as u32;
    }
}

/// Which slots, how lanes lie, and who takes part.
#[derive(Debug, Clone)]
struct Case {
    shape: Shape,
    layout: u8,
    active: u32,
    /// Bytes that everything is moved by, so that it is misaligned.
    skew: usize,
    offsets: Vec<usize>,
    bytes: Vec<u8>,
    values: Vec<u64>,
}

fn case() -> impl Strategy<Value = Case> {
    let shape = (0_u32..4, 0_u32..4, 0_u32..4, any::<bool>()).prop_map(
        |(element, elements, register, sign_extend)| {
            let element_bytes = 1 << element;
            let elements = (1 << elements).min(16 / element_bytes);
            Shape { element_bytes, elements, register_bytes: (1 << register).max(element_bytes), sign_extend }
        },
    );
    let skew = prop_oneof![4 => Just(0_usize), 1 => 1_usize..16];
    let offsets =
        prop::collection::vec(prop::option::weighted(0.9, 0_usize..100), WARP).prop_map(|offsets| {
            offsets.into_iter().map(|offset| offset.unwrap_or(usize::MAX)).collect::<Vec<_>>()
        });
    let bytes = prop::collection::vec(any::<u8>(), 2048);
    let values = prop::collection::vec(any::<u64>(), WARP * 8);
    (shape, 0_u8..4, prop_oneof![Just(u32::MAX), 1_u32..], skew, offsets, bytes, values).prop_map(
        |(shape, layout, active, skew, offsets, bytes, values)| {
            let active = if layout == 1 { u32::MAX } else { active };
            Case { shape, layout, active, skew, offsets, bytes, values }
        },
    )
}

impl Case {
    /// Where each lane's bytes begin; `None` is null.
    fn offset(&self, lane: usize) -> Option<usize> {
        let bytes = (self.shape.element_bytes * self.shape.elements) as usize;
        match self.layout {
            0 => Some(160 + self.skew),
            1 => Some(lane * bytes + self.skew),
            _ => (self.offsets[lane] != usize::MAX).then(|| self.offsets[lane] * 16 + self.skew),
        }
    }

    fn resolved(&self, memory: *mut u8) -> Resolved {
        let mut resolved = Resolved::new();
        resolved.layout = [Layout::Uniform, Layout::Contiguous]
            .get(usize::from(self.layout))
            .copied()
            .unwrap_or(Layout::Scattered);
        for lane in (0..WARP).filter(|lane| self.active >> lane & 1 != 0) {
            resolved.pointers[lane] =
                self.offset(lane).map_or(std::ptr::null_mut(), |offset| memory.wrapping_add(offset));
        }
        resolved
    }

    fn slots(&self) -> Vec<u32> {
        (0..self.shape.elements).map(|element| 14 - element * 2).collect()
    }

    /// Registers with values that fit their width.
    fn registers(&self) -> Registers {
        let mut registers = Registers::new(16, 0);
        let mask = u64::MAX >> (64 - 8 * self.shape.register_bytes);
        for (element, slot) in self.slots().into_iter().enumerate() {
            for lane in 0..WARP {
                let value = self.values[element * WARP + lane] & mask;
                set(&mut registers, slot, lane, self.shape.register_bytes == 8, value);
            }
        }
        registers
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn loads_fill_registers(case in case()) {
        let mut memory = Memory([0; 2048]);
        memory.0.copy_from_slice(&case.bytes);
        let mut registers = case.registers();
        let Shape { element_bytes, register_bytes, sign_extend, .. } = case.shape;
        let resolved = case.resolved(memory.0.as_mut_ptr());
        // SAFETY: the pointers are inside `memory`, which nobody else has; the slots are inside.
        unsafe { load(&resolved, case.active, case.shape, &mut registers, &case.slots()) };
        for (element, slot) in case.slots().into_iter().enumerate() {
            for lane in 0..WARP {
                let mask = u64::MAX >> (64 - 8 * register_bytes);
                let mut expected = case.values[element * WARP + lane] & mask;
                if case.active >> lane & 1 != 0 {
                    let bytes = case.offset(lane).map_or(&[][..], |at| {
                        &case.bytes[at + element * element_bytes as usize..][..element_bytes as usize]
                    });
                    let negative = sign_extend && bytes.last().is_some_and(|byte| byte >> 7 != 0);
                    let mut all = if negative { [0xff; 8] } else { [0; 8] };
                    all[..bytes.len()].copy_from_slice(bytes);
                    expected = u64::from_le_bytes(all) & mask;
                }
                prop_assert_eq!(get(&registers, slot, lane, register_bytes == 8), expected, "lane {}", lane);
            }
        }
    }

    #[test]
    fn stores_fill_memory(case in case()) {
        let mut memory = Memory([0; 2048]);
        memory.0.copy_from_slice(&case.bytes);
        let registers = case.registers();
        let resolved = case.resolved(memory.0.as_mut_ptr());
        // SAFETY: as above.
        unsafe { store(&resolved, case.active, case.shape, &registers, &case.slots()) };
        let mut expected = case.bytes.clone();
        let size = case.shape.element_bytes as usize;
        for element in 0..case.shape.elements as usize {
            for lane in (0..WARP).filter(|lane| case.active >> lane & 1 != 0) {
                if let Some(at) = case.offset(lane) {
                    let value = case.values[element * WARP + lane].to_le_bytes();
                    expected[at + element * size..][..size].copy_from_slice(&value[..size]);
                }
            }
        }
        prop_assert_eq!(&memory.0[..], &expected[..]);
    }
}

#[test]
fn an_exchange_gives_what_was_there() {
    let mut memory = Memory([0; 2048]);
    let begin = memory.0.as_mut_ptr();
    // SAFETY: all of it is inside `memory`, which nobody else has.
    unsafe {
        assert_eq!(exchange(begin, |old: u64| old + 0x1_0000_0005), 0);
        assert_eq!(exchange(begin.add(4), |old: u32| old + 1), 1);
        assert_eq!(exchange(begin.add(5), |old: u16| old + 0x0102), 0);
        assert_eq!(exchange(begin, |old: u64| old), 0x0001_0202_0000_0005);
        assert_eq!(exchange(std::ptr::null_mut(), |old: u32| old + 1), 0);
    }
}
