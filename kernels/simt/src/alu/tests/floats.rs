//! Floats against exact arithmetic in integers, other people's conversions, and by hand.

use super::{Kind, Random, one};
use crate::alu::directed::{DOWN, NEAREST, UP, ZERO};
use crate::alu::soft::{self, Exact};
use crate::ptx::{Alu, Approx, Comparison, Rounding, Type};

const W: Kind = Kind::Word;
const D: Kind = Kind::Wide;
const WAYS: [(Rounding, u8); 4] =
    [(Rounding::Nearest, NEAREST), (Rounding::Zero, ZERO), (Rounding::Down, DOWN), (Rounding::Up, UP)];

fn single(bits: u64) -> f64 {
    f64::from(f32::from_bits(bits as u32))
}

#[test]
fn singles_are_rounded_once_in_every_direction() {
    let mut random = Random(3);
    for _ in 0..3000 {
        let [a, b, c] = std::array::from_fn(|_| random.float(32, 8));
        let (x, y, z) = (single(a), single(b), single(c));
        if !(x.is_finite() && y.is_finite() && z.is_finite()) {
            continue;
        }
        let (ex, ey, ez) = (Exact::of(x), Exact::of(y), Exact::of(z));
        for (round, way) in WAYS {
            let (ty, ftz, saturate) = (Type::F32, false, false);
            let check = |alu, from: &[u64], exact: Exact| {
                let from: Vec<_> = from.iter().map(|&bits| (W, bits)).collect();
                let (found, expected) = (one(alu, W, &from), exact.round(soft::F32, way));
                assert_eq!(found, expected, "{alu:?} of {from:x?}: {found:#x}, not {expected:#x}");
            };
            let down = way == DOWN;
            check(Alu::FAdd { ty, round, ftz, saturate }, &[a, b], ex.plus(ey, down));
            check(Alu::FMul { ty, round, ftz, saturate }, &[a, b], ex.times(ey));
            let product = ex.times(ey);
            check(Alu::Fma { ty, round, ftz, saturate, relu: false }, &[a, b, c], product.plus(ez, down));
            if y != 0.0 {
                check(Alu::FDiv { ty, round, ftz }, &[a, b], ex.over(ey));
                check(Alu::Rcp { ty, round, ftz }, &[b], Exact::of(1.0).over(ey));
            }
            if x >= 0.0 {
                check(Alu::Sqrt { ty, round, ftz }, &[a], ex.root());
            }
        }
    }
}

#[test]
fn exact_arithmetic_is_that_of_the_host_to_nearest() {
    let mut random = Random(4);
    for _ in 0..20_000 {
        let [a, b, c] = std::array::from_fn(|_| f64::from_bits(random.float(64, 11)));
        if !(a.is_finite() && b.is_finite() && c.is_finite()) {
            continue;
        }
        let same = |found: f64, expected: f64, what: &str| {
            assert_eq!(
                found.to_bits(),
                expected.to_bits(),
                "{what} of {a:e}, {b:e}, {c:e}: {found:e}, {expected:e}"
            );
        };
        same(soft::add(a, b, NEAREST), a + b, "sum");
        same(soft::mul(a, b, NEAREST), a * b, "product");
        same(soft::fma(a, b, c, NEAREST), a.mul_add(b, c), "fma");
        if b != 0.0 {
            same(soft::div(a, b, NEAREST), a / b, "quotient");
        }
        same(soft::sqrt(a.abs(), NEAREST), a.abs().sqrt(), "root");
        // The two directions are the exact result, or its two neighbours; toward zero is one of them.
        let (down, up, zero) = (soft::fma(a, b, c, DOWN), soft::fma(a, b, c, UP), soft::fma(a, b, c, ZERO));
        let nearest = a.mul_add(b, c);
        assert!(down <= nearest && nearest <= up, "fma of {a:e}, {b:e}, {c:e}");
        assert!(down == up || down.next_up() == up, "fma of {a:e}, {b:e}, {c:e}: {down:e}, {up:e}");
        same(zero, if up <= 0.0 { up } else { down }, "fma toward zero");
    }
}

#[test]
fn halves_are_converted_as_others_do() {
    let cvt = |to, from, round| Alu::Cvt { to, from, round, ftz: false, saturate: false, relu: false };
    for bits in (0..=0xffffu16).step_by(7).chain([0, 1, 0x3ff, 0x400, 0x7bff, 0x7c00, 0xfc00, 0x8000]) {
        let value = half::f16::from_bits(bits);
        let expected = if value.is_nan() { 0x7fff_ffff } else { value.to_f32().to_bits() };
        assert_eq!(
            one(cvt(Type::F32, Type::F16, None), W, &[(W, bits.into())]),
            u64::from(expected),
            "{bits:#x}"
        );
    }
    let mut random = Random(5);
    for _ in 0..20_000 {
        let bits = random.float(32, 8);
        let value = f32::from_bits(bits as u32);
        let (f16, bf16) = match value.is_nan() {
            true => (0x7fff, 0x7fff),
            false => (half::f16::from_f32(value).to_bits(), half::bf16::from_f32(value).to_bits()),
        };
        let near = Some(Rounding::Nearest);
        assert_eq!(one(cvt(Type::F16, Type::F32, near), W, &[(W, bits)]), u64::from(f16), "{value:e}");
        assert_eq!(one(cvt(Type::BF16, Type::F32, near), W, &[(W, bits)]), u64::from(bf16), "{value:e}");
        let pair = one(cvt(Type::BF16x2, Type::F32, near), W, &[(W, bits), (W, 0x3f80_0000)]);
        assert_eq!(pair, u64::from(bf16) << 16 | 0x3f80, "{value:e}");
    }
}

#[test]
fn arithmetic_of_halves_is_rounded_once() {
    let mut random = Random(6);
    for (ty, format, exponent) in [(Type::F16, soft::F16, 5), (Type::BF16, soft::BF16, 8)] {
        for _ in 0..4000 {
            let raw: [u64; 3] = std::array::from_fn(|_| random.float(16, exponent));
            let values = raw.map(|bits| match ty {
                Type::F16 => half::f16::from_bits(bits as u16).to_f64(),
                _ => half::bf16::from_bits(bits as u16).to_f64(),
            });
            if !values.iter().all(|value| value.is_finite()) {
                continue;
            }
            let [a, b, c] = values.map(Exact::of);
            let from = raw.map(|bits| (W, bits));
            let (round, ftz, saturate) = (Rounding::Nearest, false, false);
            let check = |alu, count: usize, exact: Exact| {
                let (found, expected) = (one(alu, W, &from[..count]), exact.round(format, NEAREST));
                assert_eq!(found, expected, "{alu:?} of {raw:x?}: {found:#x}, not {expected:#x}");
            };
            check(Alu::FAdd { ty, round, ftz, saturate }, 2, a.plus(b, false));
            check(Alu::FMul { ty, round, ftz, saturate }, 2, a.times(b));
            check(Alu::Fma { ty, round, ftz, saturate, relu: false }, 3, a.times(b).plus(c, false));
        }
    }
}

#[test]
fn floats_by_hand() {
    const NAN: u64 = 0x7fff_ffff;
    let f = |value: f32| u64::from(value.to_bits());
    let check = |alu, values: &[u64], expected: u64| {
        let from: Vec<_> = values.iter().map(|&value| (W, value)).collect();
        let found = one(alu, W, &from);
        assert_eq!(found, expected, "{alu:?} of {values:x?}: {found:#x}, not {expected:#x}");
    };
    let (ty, round) = (Type::F32, Rounding::Nearest);
    let add = |ftz, saturate| Alu::FAdd { ty, round, ftz, saturate };
    check(add(false, false), &[0xffc0_1234, f(1.0)], NAN);
    check(add(false, true), &[0xffc0_1234, f(1.0)], 0);
    check(add(false, true), &[f(0.75), f(0.75)], f(1.0));
    check(add(true, false), &[0x8000_0001, 0x8000_0001], 0x8000_0000);
    check(add(false, false), &[f(f32::INFINITY), f(f32::NEG_INFINITY)], NAN);
    let min = |nan, xorsign_abs| Alu::FMin { ty, ftz: false, nan, xorsign_abs };
    check(min(false, false), &[NAN, f(2.0)], f(2.0));
    check(min(true, false), &[0x7fc0_0000, f(2.0)], NAN);
    check(min(false, false), &[f(0.0), f(-0.0)], f(-0.0));
    check(min(false, true), &[f(-3.0), f(2.0)], f(-2.0));
    let cvt =
        |to, from, round| Alu::Cvt { to, from, round: Some(round), ftz: false, saturate: false, relu: false };
    check(cvt(Type::S32, Type::F32, Rounding::IntegerNearest), &[f(2.5)], 2);
    check(cvt(Type::S32, Type::F32, Rounding::IntegerZero), &[f(-2.9)], (-2i32) as u32 as u64);
    check(cvt(Type::U32, Type::F32, Rounding::IntegerUp), &[f(-5.5)], 0);
    check(cvt(Type::S32, Type::F32, Rounding::IntegerDown), &[f(-3e9)], 0x8000_0000);
    check(cvt(Type::U32, Type::F32, Rounding::IntegerZero), &[NAN], 0);
    check(cvt(Type::F32, Type::F32, Rounding::IntegerNearest), &[f(-0.5)], f(-0.0));
    check(cvt(Type::F32, Type::F32, Rounding::IntegerNearest), &[f(3.5)], f(4.0));
    check(cvt(Type::F32, Type::F32, Rounding::IntegerDown), &[f(-1.25)], f(-2.0));
    check(cvt(Type::F32, Type::S32, Rounding::Zero), &[0x7fff_ffff], f(2_147_483_520.0));
    check(cvt(Type::TF32, Type::F32, Rounding::Away), &[0x3f80_1000], 0x3f80_2000);
    check(cvt(Type::E4M3x2, Type::F32, Rounding::Nearest), &[f(1e9), f(-1.0)], 0x7eb8);
    check(cvt(Type::E5M2x2, Type::F32, Rounding::Nearest), &[NAN, f(0.25)], 0x7f34);
    check(cvt(Type::F16x2, Type::E4M3x2, Rounding::Nearest), &[0x0138], 0x1800_3c00);
    let exact =
        Alu::Cvt { to: Type::F32, from: Type::F32, round: None, ftz: false, saturate: true, relu: false };
    check(exact, &[f(-3.0)], 0);
    // Seen on an H200.
    check(Alu::FNeg { ty, ftz: false }, &[0xff80_1234], NAN);
    let (first, second) = (0x7ff4_0000_0000_1234, 0xfff8_0000_0000_5678);
    let quiet = first | 1 << 51;
    let double = |alu, values: &[u64], expected: u64| {
        let from: Vec<_> = values.iter().map(|&value| (D, value)).collect();
        assert_eq!(one(alu, D, &from), expected, "{alu:?} of {values:x?}");
    };
    let sum = Alu::FAdd { ty: Type::F64, round, ftz: false, saturate: false };
    let fma = Alu::Fma { ty: Type::F64, round, ftz: false, saturate: false, relu: false };
    let unit = 1f64.to_bits();
    double(sum, &[first, second], second);
    double(sum, &[second, first], quiet);
    double(Alu::FDiv { ty: Type::F64, round, ftz: false }, &[first, second], quiet);
    double(fma, &[first, unit, second], second);
    double(fma, &[unit, first, second], quiet);
    double(sum, &[f64::INFINITY.to_bits(), f64::NEG_INFINITY.to_bits()], 0xfff8 << 48);
    let narrow = cvt(Type::F32, Type::F64, Rounding::Nearest);
    assert_eq!(one(narrow, W, &[(D, first)]), 0x7fe0_0000);
    let whole = cvt(Type::U32, Type::F64, Rounding::IntegerZero);
    assert_eq!(one(whole, W, &[(D, first)]), 0x8000_0000);
    let wide = cvt(Type::S64, Type::F64, Rounding::IntegerZero);
    assert_eq!(one(wide, D, &[(D, f64::NAN.to_bits())]), 1 << 63);
    let approx = |function| Alu::Approx { function, ty, ftz: true };
    check(approx(Approx::Ex2), &[f(-3.0)], f(0.125));
    check(approx(Approx::Ex2), &[f(f32::NEG_INFINITY)], 0);
    check(approx(Approx::Ex2), &[f(0.5)], f(2f32.sqrt()));
    check(approx(Approx::Rcp), &[f(-0.0)], f(f32::NEG_INFINITY));
    check(approx(Approx::Rsqrt), &[f(-1.0)], NAN);
    check(approx(Approx::Lg2), &[f(8.0)], f(3.0));
    check(Alu::DivApprox { full: false, ftz: true }, &[f(1.0), f(3e38)], 0);
    for (compare, holds) in [
        (Comparison::Lt, 0),
        (Comparison::Ltu, 1),
        (Comparison::Ne, 0),
        (Comparison::Neu, 1),
        (Comparison::Num, 0),
        (Comparison::Nan, 1),
        (Comparison::Equ, 1),
        (Comparison::Ge, 0),
    ] {
        let alu = Alu::Setp { compare, ty, ftz: false, combine: None };
        assert_eq!(one(alu, Kind::Predicate, &[(W, NAN), (W, f(1.0))]), holds, "{compare:?}");
        let alu = Alu::Set { compare, to: Type::F32, ty, ftz: false };
        check(alu, &[NAN, f(1.0)], holds * f(1.0));
    }
}
