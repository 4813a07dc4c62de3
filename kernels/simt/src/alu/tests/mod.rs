//! Every function against a statement of its own of what it should compute.

mod floats;
mod integers;
mod levels;
mod matrices;

use super::{Level, function};
use crate::WARP;
use crate::ptx::Alu;
use crate::registers::{Lanes, Registers};

/// An operand: up to 32 bits, 64 bits, or a predicate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Word,
    Wide,
    Predicate,
}

/// The levels that this machine has.
pub(super) fn levels() -> Vec<Level> {
    [Level::Portable, Level::V3, Level::V4].into_iter().filter(|&level| level <= Level::detect()).collect()
}

/// Runs an instruction. Operand `i` has slot `2 i`; destinations begin as `before`.
pub(super) fn run(
    alu: &Alu,
    level: Level,
    active: u32,
    before: u64,
    to: &[Kind],
    from: &[(Kind, [u64; WARP])],
) -> Vec<[u64; WARP]> {
    let count = to.len() + from.len();
    let mut registers = Registers::new(2 * count, 2 * count);
    let all = to.iter().map(|&kind| (kind, [before; WARP])).chain(from.iter().copied());
    for (index, (kind, values)) in all.enumerate() {
        for (lane, value) in values.into_iter().enumerate() {
            let Lanes(first) = &mut registers.lanes[2 * index];
            match kind {
                Kind::Word => first[lane] = value as u32,
                Kind::Wide => put_wide(&mut registers, 2 * index, lane, value),
                Kind::Predicate => registers.predicates[2 * index] |= ((value & 1) as u32) << lane,
            }
        }
    }
    let slots: Vec<u32> = (0..count as u32).map(|index| 2 * index).collect();
    let compute = function(alu, level).unwrap_or_else(|| panic!("no function for {alu:?}"));
    // SAFETY: the slots are those of the registers above, and the level is one of this machine.
    unsafe { compute(&mut registers, &slots, active) };
    to.iter()
        .enumerate()
        .map(|(index, kind)| {
            std::array::from_fn(|lane| match kind {
                Kind::Word => u64::from(registers.lanes[2 * index].0[lane]),
                Kind::Wide => wide(&registers, 2 * index, lane),
                Kind::Predicate => u64::from((registers.predicates[2 * index] >> lane) & 1),
            })
        })
        .collect()
}

fn put_wide(registers: &mut Registers, slot: usize, lane: usize, value: u64) {
    for half in 0..2 {
        let word = 2 * lane + half;
        registers.lanes[slot + word / WARP].0[word % WARP] = (value >> (32 * half)) as u32;
    }
}

fn wide(registers: &Registers, slot: usize, lane: usize) -> u64 {
    (0..2).fold(0, |value, half| {
        let word = 2 * lane + half;
        value | (u64::from(registers.lanes[slot + word / WARP].0[word % WARP]) << (32 * half))
    })
}

/// A result, from the same values in all lanes, at every level.
pub(super) fn one(alu: Alu, to: Kind, from: &[(Kind, u64)]) -> u64 {
    let from: Vec<_> = from.iter().map(|&(kind, value)| (kind, [value; WARP])).collect();
    let results: Vec<u64> =
        levels().into_iter().map(|level| run(&alu, level, u32::MAX, 0, &[to], &from)[0][5]).collect();
    assert!(results.iter().all(|&result| result == results[0]), "{alu:?}: levels differ: {results:x?}");
    results[0]
}

/// Random numbers, with many that are special (splitmix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// An integer of so many bits, often near an end.
    pub(super) fn integer(&mut self, bits: u32) -> u64 {
        let mask = u64::MAX >> (64 - bits);
        let value = match self.next() % 6 {
            0 => self.next() % 4,
            1 => (self.next() % 4).wrapping_neg(),
            2 => (1 << (bits - 1)) - 2 + self.next() % 4,
            3 => self.next() >> (self.next() % 64),
            _ => self.next(),
        };
        value & mask
    }

    /// The bits of a float of so many bits, with so many of exponent: often special, often near another.
    pub(super) fn float(&mut self, bits: u32, exponent: u32) -> u64 {
        let fraction = bits - 1 - exponent;
        let middle = (1u64 << (exponent - 1)) - 1;
        let field = match self.next() % 8 {
            0 => self.next() % 2,
            1 => (1 << exponent) - 1 - self.next() % 2,
            2..=5 => (middle + self.next() % 30).saturating_sub(15),
            _ => self.next() & ((1 << exponent) - 1),
        };
        let low = match self.next() % 4 {
            0 => self.next() % 3,
            1 => (self.next() % 3).wrapping_neg(),
            _ => self.next(),
        } & ((1 << fraction) - 1);
        let field = field & ((1 << exponent) - 1);
        ((self.next() & 1) << (bits - 1)) | (field << fraction) | low
    }
}
