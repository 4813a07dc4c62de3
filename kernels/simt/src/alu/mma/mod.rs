//! `mma.sync` (PTX ISA 9.0, section 9.7.14.5).
//!
//! Fragments: lane `l` is of group `g = l / 4` and has place `t = l % 4` in it. A register holds `e` elements of a row
//! of `a` or of a column of `b`. Register `r` of `a` begins at row `g + 8 (r % 2)` and column `e t + 4 e (r / 2)`, that
//! of `b` at row `e t + 4 e r` of column `g`; those of `c` and `d` have rows `g` and `g + 8` and columns `2 t` and
//! `2 t + 1`. All shapes here follow this.

mod integer;
mod model;
mod number;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;

pub use model::{Accumulation, AccumulationRounding};
use model::{COLUMNS, Row};
use number::{Brain, Cell, Eight, Half, Number, Special, Tensor};

use super::kernel::{Kernel, flags, pick};
use super::view::View;
use super::{AluFn, Level};
use crate::WARP;
use crate::ptx::{Alu, Mma, Type};

const ROWS: usize = 16;

/// The function of a product of matrices.
pub(super) fn function(alu: &Alu, level: Level) -> Option<AluFn> {
    let Alu::Mma(Mma { m, n, k, d, a, b, saturate }) = *alu else { return None };
    if (m, n, k) == (8, 8, 4) && (d, a, b, saturate) == (Type::F64, Type::F64, Type::F64, false) {
        return Some(pick::<integer::Double>(level));
    }
    if (m, n) != (16, 8) {
        return None;
    }
    macro_rules! sums {
        ($cell:ty, $element:expr, $k:literal) => {
            match d {
                Type::F32 => Some(pick::<Sums<$cell, $cell, $k, false>>(level)),
                Type::F16 if $element == Type::F16 => Some(pick::<Sums<Half, Half, $k, true>>(level)),
                _ => None,
            }
        };
    }
    match (a, b, k) {
        (Type::S8 | Type::U8, Type::S8 | Type::U8, _) if d == Type::S32 => {
            flags!(A = a == Type::S8; flags!(B = b == Type::S8; flags!(S = saturate; match k {
                16 => Some(pick::<integer::Bytes<A, B, S, 16>>(level)),
                32 => Some(pick::<integer::Bytes<A, B, S, 32>>(level)),
                _ => None,
            })))
        }
        _ if saturate => None,
        (Type::F16, Type::F16, 16) => sums!(Half, Type::F16, 16),
        (Type::F16, Type::F16, 8) => sums!(Half, Type::F16, 8),
        (Type::BF16, Type::BF16, 16) => sums!(Brain, Type::BF16, 16),
        (Type::BF16, Type::BF16, 8) => sums!(Brain, Type::BF16, 8),
        (Type::TF32, Type::TF32, 8) => sums!(Tensor, Type::TF32, 8),
        (Type::TF32, Type::TF32, 4) => sums!(Tensor, Type::TF32, 4),
        (Type::E4M3 | Type::E5M2, Type::E4M3 | Type::E5M2, 32) if d == Type::F32 => {
            flags!(A = a == Type::E4M3; flags!(B = b == Type::E4M3;
                Some(pick::<Sums<Eight<A>, Eight<B>, 32, false>>(level))))
        }
        _ => None,
    }
}

/// Floats: factors of two types, as many columns, and whether sums are `f16`.
struct Sums<A, B, const K: usize, const F16: bool>(PhantomData<(A, B)>);

impl<A: Cell, B: Cell, const K: usize, const F16: bool> Kernel for Sums<A, B, K, F16> {
    #[inline(always)]
    fn run(view: View<'_>) {
        let (to, a_registers) = (if F16 { 2 } else { 4 }, ROWS * K / A::COUNT / WARP);
        let b_registers = COLUMNS * K / B::COUNT / WARP;
        let mut special = false;

        let mut a = [[Number::ZERO; K]; ROWS];
        for register in 0..a_registers {
            for (lane, word) in view.words(to + register).into_iter().enumerate() {
                let (row, column) =
                    (lane / 4 + 8 * (register % 2), A::COUNT * (lane % 4 + 4 * (register / 2)));
                for index in 0..A::COUNT {
                    let number = A::number(word, index);
                    special |= number.special != Special::Finite;
                    a[row][place::<A>(column + index)] = number;
                }
            }
        }
        let nothing = Row { magnitude: [0; COLUMNS], exponent: [0; COLUMNS], sign: [0; COLUMNS] };
        let mut b = [nothing; K];
        let mut b_special = [[Special::Finite; COLUMNS]; K];
        for register in 0..b_registers {
            for (lane, word) in view.words(to + a_registers + register).into_iter().enumerate() {
                let (row, column) = (B::COUNT * (lane % 4 + 4 * register), lane / 4);
                for index in 0..B::COUNT {
                    let row = place::<B>(row + index);
                    let number = B::number(word, index);
                    special |= number.special != Special::Finite;
                    b[row].magnitude[column] = number.magnitude;
                    b[row].exponent[column] = number.exponent;
                    b[row].sign[column] = number.sign;
                    b_special[row][column] = number.special;
                }
            }
        }
        let added = load_sums::<F16>(&view, to + a_registers + b_registers);
        // Sums of bytes begin with nothing; what they are added to comes last.
        let late = A::COUNT == 4;
        let mut sums = if late { [[0; COLUMNS]; ROWS] } else { added };
        let model = const { Self::MODEL };
        let points = (A::FRACTION + B::FRACTION, if F16 { 10 } else { 23 });
        for ((a, sums), start) in a.iter().zip(&mut sums).zip(added) {
            for (a, b) in a.chunks(model.block_k).zip(b.chunks(model.block_k)) {
                let mut c = [Number::ZERO; COLUMNS];
                for j in 0..COLUMNS {
                    c[j] = sum_number::<F16>(sums[j]);
                    special |= c[j].special != Special::Finite;
                }
                let totals = model::block(&model, a, b, &c, points);
                for j in 0..COLUMNS {
                    sums[j] = model::rounded(&model, totals[j]);
                }
            }
            if late {
                for (sum, start) in sums.iter_mut().zip(start) {
                    special |= sum_number::<F16>(start).special != Special::Finite;
                    *sum = (f32::from_bits(*sum) + f32::from_bits(start)).to_bits();
                }
            }
            if special {
                for (j, sum) in sums.iter_mut().enumerate() {
                    let column = std::array::from_fn::<_, K, _>(|k| (&b[k], b_special[k][j]));
                    let found = specials(a, &column, j, sum_number::<F16>(start[j]));
                    *sum = found.map_or(*sum, |found| if F16 { found.1 } else { found.0 });
                }
            }
        }
        store_sums::<F16>(&view, &sums);
    }
}

impl<A: Cell, B: Cell, const K: usize, const F16: bool> Sums<A, B, K, F16> {
    const MODEL: Accumulation = {
        // By how many factors a register has: all types of a size are alike.
        let factors = match A::COUNT {
            1 => Type::TF32,
            2 => Type::F16,
            _ => Type::E4M3,
        };
        Accumulation::hopper(factors, if F16 { Type::F16 } else { Type::F32 })
    };
}

/// Where an element of a row of `a` is in the order of the sums: bytes are two sums, see [`Accumulation::block_k`].
#[inline(always)]
fn place<C: Cell>(k: usize) -> usize {
    if C::COUNT == 4 { 16 * (k % 4 / 2) + 2 * (k / 4) + k % 2 } else { k }
}

/// The bits of the sums, by row and column.
#[inline(always)]
fn load_sums<const F16: bool>(view: &View<'_>, first: usize) -> [[u32; COLUMNS]; ROWS] {
    let mut sums = [[0; COLUMNS]; ROWS];
    for half in 0..2 {
        if F16 {
            for (lane, word) in view.words(first + half).into_iter().enumerate() {
                sums[lane / 4 + 8 * half][2 * (lane % 4)] = word & 0xffff;
                sums[lane / 4 + 8 * half][2 * (lane % 4) + 1] = word >> 16;
            }
        } else {
            for index in 0..2 {
                for (lane, word) in view.words(first + 2 * half + index).into_iter().enumerate() {
                    sums[lane / 4 + 8 * half][2 * (lane % 4) + index] = word;
                }
            }
        }
    }
    sums
}

/// Writes them.
#[inline(always)]
fn store_sums<const F16: bool>(view: &View<'_>, sums: &[[u32; COLUMNS]; ROWS]) {
    for half in 0..2 {
        let at = |lane: usize, index| sums[lane / 4 + 8 * half][2 * (lane % 4) + index];
        if F16 {
            view.set(half, &std::array::from_fn(|lane| at(lane, 0) | (at(lane, 1) << 16)));
        } else {
            view.set(2 * half, &std::array::from_fn(|lane| at(lane, 0)));
            view.set(2 * half + 1, &std::array::from_fn(|lane| at(lane, 1)));
        }
    }
}

#[inline(always)]
fn sum_number<const F16: bool>(bits: u32) -> Number {
    if F16 { Number::of(bits, 5, 10) } else { Number::of(bits, 8, 23) }
}

/// The bits, as `f32` and as `f16`, of a sum where something is infinite or NaN: infinite if all that is so has one
/// sign, otherwise NaN. `None` where all is finite.
fn specials<const K: usize>(
    a: &[Number; K],
    b: &[(&Row, Special); K],
    j: usize,
    c: Number,
) -> Option<(u32, u32)> {
    const NAN: (u32, u32) = (0x7fff_ffff, 0x7fff);
    let mut signs = [false; 2];
    let mut infinite = |sign: i32| signs[usize::from(sign < 0)] = true;
    match c.special {
        Special::Nan => return Some(NAN),
        Special::Infinite => infinite(c.sign),
        Special::Finite => {}
    }
    for (a, (row, b)) in a.iter().zip(b) {
        match (a.special, *b) {
            (Special::Finite, Special::Finite) => {}
            (Special::Nan, _) | (_, Special::Nan) => return Some(NAN),
            _ if a.magnitude == 0 || row.magnitude[j] == 0 => return Some(NAN),
            _ => infinite(a.sign ^ row.sign[j]),
        }
    }
    match signs {
        [false, false] => None,
        [true, false] => Some((0x7f80_0000, 0x7c00)),
        [false, true] => Some((0xff80_0000, 0xfc00)),
        [true, true] => Some(NAN),
    }
}
