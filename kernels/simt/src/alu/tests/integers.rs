//! Integers and bits, against 128 bits and by hand.

use super::{Kind, Random, one};
use crate::ptx::{Alu, Combine, Comparison, Prmt, Type};

const W: Kind = Kind::Word;

fn kind(bits: u32) -> Kind {
    if bits == 64 { Kind::Wide } else { W }
}

/// A value of a type, as a number.
fn number(value: u64, bits: u32, signed: bool) -> i128 {
    let value = i128::from(value);
    if signed && value >> (bits - 1) != 0 { value - (1 << bits) } else { value }
}

#[test]
fn arithmetic_is_that_of_whole_numbers() {
    let types = [
        (Type::U16, 16, false),
        (Type::S16, 16, true),
        (Type::U32, 32, false),
        (Type::S32, 32, true),
        (Type::U64, 64, false),
        (Type::S64, 64, true),
    ];
    let mut random = Random(1);
    for (ty, bits, signed) in types {
        for _ in 0..200 {
            let raw: [u64; 3] = std::array::from_fn(|_| random.integer(bits));
            let [a, b, c] = raw.map(|value| number(value, bits, signed));
            let cut = |value: i128| value as u64 & (u64::MAX >> (64 - bits));
            let operand = raw.map(|value| (kind(bits), value));
            let product = a.wrapping_mul(b);
            let check = |alu, count: usize, expected: u64| {
                let found = one(alu, kind(bits), &operand[..count]);
                assert_eq!(found, expected, "{alu:?} of {a}, {b}, {c}: {found:#x}");
            };
            check(Alu::Add { ty, saturate: false }, 2, cut(a + b));
            check(Alu::Sub { ty, saturate: false }, 2, cut(a - b));
            check(Alu::MulLo(ty), 2, cut(product));
            check(Alu::MulHi(ty), 2, cut(product >> bits));
            check(Alu::MadLo(ty), 3, cut(cut(product) as i128 + c));
            check(Alu::MadHi(ty), 3, cut((product >> bits) + c));
            check(Alu::Sad(ty), 3, cut((a - b).abs() + c));
            check(Alu::Min(ty), 2, cut(a.min(b)));
            check(Alu::Max(ty), 2, cut(a.max(b)));
            check(Alu::Div(ty), 2, if b == 0 { cut(-1) } else { cut(a / b) });
            check(Alu::Rem(ty), 2, if b == 0 { cut(-1) } else { cut(a % b) });
            if signed {
                check(Alu::Abs(ty), 1, cut(a.abs()));
                check(Alu::Neg(ty), 1, cut(-a));
            }
            let shift = [(kind(bits), raw[0]), (W, raw[1] & 0xffff_ffff)];
            let by = (shift[1].1 as u32).min(127);
            let left = if by >= bits { 0 } else { cut(a << by) };
            assert_eq!(one(Alu::Shl(ty), kind(bits), &shift), left, "{ty:?} {a} << {by}");
            assert_eq!(one(Alu::Shr(ty), kind(bits), &shift), cut(a >> by), "{ty:?} {a} >> {by}");
            if bits < 64 {
                let found = one(Alu::MulWide(ty), kind(2 * bits), &operand[..2]);
                assert_eq!(found, product as u64 & (u64::MAX >> (64 - 2 * bits)), "{ty:?} {a} * {b}");
            }
            for (compare, holds) in [
                (Comparison::Lt, a < b),
                (Comparison::Ge, a >= b),
                (Comparison::Eq, a == b),
                (Comparison::Ne, a != b),
            ] {
                let alu = Alu::Setp { compare, ty, ftz: false, combine: Some((Combine::Xor, true)) };
                let from = [operand[0], operand[1], (Kind::Predicate, c as u64 & 1)];
                assert_eq!(
                    one(alu, Kind::Predicate, &from) != 0,
                    holds ^ (c & 1 == 0),
                    "{ty:?} {a} {compare:?} {b}"
                );
            }
        }
    }
}

#[test]
fn fields_are_what_the_loop_of_the_isa_says() {
    let mut random = Random(2);
    for (ty, bits, signed) in
        [(Type::U32, 32, false), (Type::S32, 32, true), (Type::U64, 64, false), (Type::S64, 64, true)]
    {
        for _ in 0..500 {
            let (a, b) = (random.integer(bits), random.integer(bits));
            let (position, length) = (random.next() % 80, random.next() % 80);
            let bit = |value: u64, at: u64| value >> at & 1;
            let last = u64::from(bits) - 1;
            let sign = if signed && length != 0 { bit(a, (position + length - 1).min(last)) } else { 0 };
            let extracted = (0..=last).fold(0, |d, i| {
                d | (if i < length && position + i <= last { bit(a, position + i) } else { sign }) << i
            });
            let from = [(kind(bits), a), (W, position), (W, length)];
            assert_eq!(
                one(Alu::Bfe(ty), kind(bits), &from),
                extracted,
                "bfe {ty:?} {a:#x} {position} {length}"
            );
            let inserted = (0..length).fold(b, |d, i| match position + i {
                at if at <= last => (d & !(1 << at)) | bit(a, i) << at,
                _ => d,
            });
            let from = [(kind(bits), a), (kind(bits), b), (W, position), (W, length)];
            let ty = if bits == 32 { Type::B32 } else { Type::B64 };
            assert_eq!(
                one(Alu::Bfi(ty), kind(bits), &from),
                inserted,
                "bfi {a:#x} {b:#x} {position} {length}"
            );
        }
    }
}

#[test]
fn by_hand() {
    let words = |values: &[u64]| values.iter().map(|&value| (W, value)).collect::<Vec<_>>();
    let check = |alu, values: &[u64], expected| {
        let found = one(alu, W, &words(values));
        assert_eq!(found, expected, "{alu:?} of {values:x?}: {found:#x}");
    };
    let (a, b) = (0x8322_1100, 0x7766_5544);
    check(Alu::Prmt(Prmt::Index), &[a, b, 0x7531], 0x7755_8311);
    check(Alu::Prmt(Prmt::Index), &[a, b, 0xb0f3], 0xff00_0083);
    check(Alu::Prmt(Prmt::Forward4Extract), &[a, b, 1], 0x4483_2211);
    check(Alu::Prmt(Prmt::Backward4Extract), &[a, b, 1], 0x6677_0011);
    check(Alu::Prmt(Prmt::Replicate8), &[a, b, 2], 0x2222_2222);
    check(Alu::Prmt(Prmt::EdgeClampLeft), &[a, b, 2], 0x8322_2222);
    check(Alu::Prmt(Prmt::EdgeClampRight), &[a, b, 1], 0x1111_1100);
    check(Alu::Prmt(Prmt::Replicate16), &[a, b, 1], 0x8322_8322);
    check(Alu::Lop3 { table: 0x96 }, &[0b1100, 0b1010, 0b0110], 0b0000);
    check(Alu::Lop3 { table: 0xe8 }, &[0b1100, 0b1010, 0b0110], 0b1110);
    check(Alu::Shf { left: true, wrap: false }, &[0x8000_0001, 2, 33], 0x8000_0001);
    check(Alu::Shf { left: true, wrap: true }, &[0x8000_0001, 2, 33], 5);
    check(Alu::Shf { left: false, wrap: true }, &[0x8000_0001, 3, 1], 0xc000_0000);
    check(
        Alu::Dp4a { a_signed: true, b_signed: false },
        &[0xff02_0304, 0xff01_0203, 10],
        (-255i32 + 2 + 6 + 12 + 10) as u32 as u64,
    );
    check(
        Alu::Dp2a { a_signed: true, b_signed: true, high: true },
        &[0xffff_0002, 0xfd04_0000, 1],
        3 + 8 + 1,
    );
    check(Alu::Popc(Type::B32), &[0xf0f0], 8);
    check(Alu::Clz(Type::B32), &[0], 32);
    check(Alu::Bfind { ty: Type::S32, shift_amount: false }, &[0xffff_ff00], 7);
    check(Alu::Bfind { ty: Type::U32, shift_amount: true }, &[0x100], 23);
    check(Alu::Bfind { ty: Type::U32, shift_amount: true }, &[0], 0xffff_ffff);
    check(Alu::Cnot(Type::B16), &[0], 1);
    check(Alu::Not(Type::B16), &[0x0ff0], 0xf00f);
    check(Alu::Add { ty: Type::S32, saturate: true }, &[0x7fff_ffff, 1], 0x7fff_ffff);
    check(Alu::Pack { part: Type::B16, parts: 2 }, &[0x1234, 0xabcd], 0xabcd_1234);
    let cvt = |to, from| Alu::Cvt { to, from, round: None, ftz: false, saturate: false, relu: false };
    check(cvt(Type::S16, Type::S8), &[0x80], 0xff80);
    check(cvt(Type::U32, Type::S16), &[0x8000], 0xffff_8000);
    check(cvt(Type::U8, Type::U32), &[0x1ff], 0xff);
    let sat = |to, from| Alu::Cvt { to, from, round: None, ftz: false, saturate: true, relu: false };
    check(sat(Type::U8, Type::S32), &[0xffff_ffff], 0);
    check(sat(Type::S8, Type::S32), &[300], 127);
}
