//! Products of matrices: against whole numbers, and what a tensor core does to what it cannot keep.

use super::{Kind, Random, levels, run};
use crate::WARP;
use crate::ptx::{Alu, Mma, Type};

const W: Kind = Kind::Word;

/// Runs one with the elements of `a` (16 rows) and `b` (8 columns) given as bits.
fn product(
    mma: Mma,
    a: &dyn Fn(usize, usize) -> u64,
    b: &dyn Fn(usize, usize) -> u64,
    c: u64,
) -> Vec<Vec<u64>> {
    let (to, a_count, b_count) = mma.registers();
    let bits = 8 * mma.a.bytes() as usize;
    let each = 32 / bits;
    let fragment = |count: usize, element: &dyn Fn(usize, usize, usize) -> u64| {
        (0..count)
            .map(|register| {
                let word = |lane: usize| {
                    (0..each).fold(0, |word, i| word | element(register, lane, i) << (bits * i))
                };
                (W, std::array::from_fn(word))
            })
            .collect::<Vec<_>>()
    };
    let mut from = fragment(a_count, &|r, lane, i| {
        a(lane / 4 + 8 * (r % 2), each * (lane % 4) + i + 4 * each * (r / 2))
    });
    from.extend(fragment(b_count, &|r, lane, i| b(each * (lane % 4) + i + 4 * each * r, lane / 4)));
    from.extend(vec![(W, [c; WARP]); to]);
    let results: Vec<_> = levels()
        .into_iter()
        .map(|level| run(&Alu::Mma(mma), level, u32::MAX, 0, &vec![W; to], &from))
        .collect();
    assert!(results.iter().all(|result| *result == results[0]), "{mma:?}: levels differ");
    let found = &results[0];
    (0..16)
        .map(|row| {
            (0..8)
                .map(|column| {
                    let lane = 4 * (row % 8) + column / 2;
                    if mma.d == Type::F16 {
                        found[row / 8][lane] >> (16 * (column % 2)) & 0xffff
                    } else {
                        found[2 * (row / 8) + column % 2][lane]
                    }
                })
                .collect()
        })
        .collect()
}

fn mma(k: u8, d: Type, a: Type, b: Type) -> Mma {
    Mma { m: 16, n: 8, k, d, a, b, saturate: false }
}

/// A small whole number as bits of a type.
fn encode(value: i32, ty: Type) -> u64 {
    let value = value as f32;
    match ty {
        Type::F16 => half::f16::from_f32(value).to_bits().into(),
        Type::BF16 => half::bf16::from_f32(value).to_bits().into(),
        Type::E5M2 => (half::f16::from_f32(value).to_bits() >> 8).into(),
        Type::E4M3 => {
            let bits = value.abs().to_bits();
            let magnitude = if value == 0.0 { 0 } else { ((bits >> 23) - 120) << 3 | (bits >> 20 & 7) };
            (magnitude | if value < 0.0 { 0x80 } else { 0 }).into()
        }
        Type::S8 | Type::U8 => (value as i32 as u8).into(),
        _ => value.to_bits().into(),
    }
}

#[test]
fn whole_numbers_come_out_exactly() {
    let mut shapes =
        vec![mma(32, Type::F32, Type::E4M3, Type::E5M2), mma(32, Type::F32, Type::E5M2, Type::E4M3)];
    for k in [8, 16] {
        shapes.push(mma(k, Type::F32, Type::F16, Type::F16));
        shapes.push(mma(k, Type::F16, Type::F16, Type::F16));
        shapes.push(mma(k, Type::F32, Type::BF16, Type::BF16));
        shapes.push(mma(2 * k, Type::S32, Type::S8, Type::S8));
        shapes.push(mma(2 * k, Type::S32, Type::S8, Type::U8));
        shapes.push(mma(k / 2, Type::F32, Type::TF32, Type::TF32));
    }
    let mut random = Random(11);
    for shape in shapes {
        let low = if shape.b == Type::U8 { 0 } else { -4 };
        let mut matrix = |rows: usize, columns: usize, low: i32| -> Vec<Vec<i32>> {
            let mut one = || (random.next() % (5 - low) as u64) as i32 + low;
            (0..rows).map(|_| (0..columns).map(|_| one()).collect()).collect()
        };
        let k = usize::from(shape.k);
        let (a, b) = (matrix(16, k, -4), matrix(k, 8, low));
        let c = if shape.d == Type::S32 {
            5
        } else {
            encode(5, if shape.d == Type::F16 { Type::F16 } else { Type::F32 })
        };
        let c = if shape.d == Type::F16 { c << 16 | c } else { c };
        let found = product(shape, &|i, j| encode(a[i][j], shape.a), &|i, j| encode(b[i][j], shape.b), c);
        for i in 0..16 {
            for j in 0..8 {
                let sum: i32 = 5 + (0..k).map(|x| a[i][x] * b[x][j]).sum::<i32>();
                let expected = match shape.d {
                    Type::S32 => u64::from(sum as u32),
                    Type::F16 => encode(sum, Type::F16),
                    _ => encode(sum, Type::F32),
                };
                assert_eq!(found[i][j], expected, "{shape:?} at {i}, {j}: {:#x}", found[i][j]);
            }
        }
    }
}

#[test]
fn what_is_below_the_largest_is_cut() {
    let shape = mma(16, Type::F32, Type::F16, Type::F16);
    let f16 = |value: f32| u64::from(half::f16::from_f32(value).to_bits());
    let f32 = |value: f32| u64::from(value.to_bits());
    let ones = |_: usize, _: usize| f16(1.0);
    // 2^-24 once is half of the last place of 1.0, and cut by the last rounding; sixteen times it is not.
    let tiny = f32::exp2(-24.0);
    let first = |_: usize, column: usize| if column == 0 { f16(tiny) } else { 0 };
    assert_eq!(product(shape, &first, &ones, f32(1.0))[3][3], f32(1.0));
    let all = |_: usize, _: usize| f16(tiny);
    assert_eq!(product(shape, &all, &ones, f32(1.0))[3][3], f32(1.0 + f32::exp2(-20.0)));
    // Toward zero, so a little less than 1 is the number before it.
    let less = |_: usize, column: usize| if column == 0 { f16(-tiny) } else { 0 };
    assert_eq!(product(shape, &less, &ones, f32(1.0))[0][0], f32(1.0 - tiny));
    // 25 bits after the largest are kept: 2^-24 beside 2 is one of them, beside 4 it is not, whatever their number.
    assert_eq!(product(shape, &all, &ones, f32(2.0))[0][0], f32(2.0 + f32::exp2(-20.0)));
    assert_eq!(product(shape, &all, &ones, f32(8.0))[0][0], f32(8.0));
}

#[test]
fn infinities_and_nans() {
    let shape = mma(16, Type::F32, Type::BF16, Type::BF16);
    let bf16 = |value: f32| u64::from(half::bf16::from_f32(value).to_bits());
    let f32 = |value: f32| u64::from(value.to_bits());
    let one = |_: usize, _: usize| bf16(1.0);
    let at = |what: f32| {
        move |row: usize, column: usize| if (row, column) == (2, 5) { bf16(what) } else { bf16(1.0) }
    };
    let found = product(shape, &at(f32::NEG_INFINITY), &one, f32(0.0));
    assert_eq!((found[2][0], found[1][0]), (f32(f32::NEG_INFINITY), f32(16.0)));
    assert_eq!(product(shape, &at(f32::NAN), &one, f32(0.0))[2][7], 0x7fff_ffff);
    assert_eq!(product(shape, &at(f32::INFINITY), &one, f32(f32::NEG_INFINITY))[2][7], 0x7fff_ffff);
    assert_eq!(product(shape, &at(f32::INFINITY), &|_, _| 0, f32(0.0))[2][7], 0x7fff_ffff);
    // Too large a sum.
    assert_eq!(product(shape, &|_, _| bf16(1e38), &one, f32(0.0))[0][0], f32(f32::INFINITY));
}

#[test]
fn bytes_are_two_sums() {
    // Seen on an H200: beside two products that cancel, a small one is lost where it is in the same sum.
    let shape = mma(32, Type::F32, Type::E4M3, Type::E4M3);
    for first in [2, 16] {
        let a = |row: usize, column: usize| match column {
            0 => 0x7e,
            1 => 0xfe,
            _ if column == first + row => 1,
            _ => 0,
        };
        let b = |row: usize, _: usize| if row < 2 { 0x7e } else { 1 };
        let found = product(shape, &a, &b, 0);
        for (row, found) in found.iter().enumerate().take(32 - first) {
            let expected = if (first + row) % 4 < 2 { 0 } else { 0x3680_0000 };
            assert_eq!(found[0], expected, "the product at {}", first + row);
        }
    }
}
