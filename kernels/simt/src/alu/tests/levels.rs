//! Masks, operands that are both source and destination, and levels.

use super::{Kind, Random, levels, run};
use crate::WARP;
use crate::alu::function;
use crate::ptx::{Alu, Approx, Comparison, Rounding, Type};
use crate::registers::Registers;

const W: Kind = Kind::Word;
const D: Kind = Kind::Wide;
const P: Kind = Kind::Predicate;

#[test]
fn lanes_that_do_not_take_part_keep_what_they_had() {
    let mut random = Random(7);
    let cases: [(Alu, Kind, Vec<Kind>); 6] = [
        (Alu::Add { ty: Type::U32, saturate: false }, W, vec![W, W]),
        (Alu::Add { ty: Type::U64, saturate: false }, D, vec![D, D]),
        (Alu::Div(Type::S32), W, vec![W, W]),
        (Alu::And(Type::Pred), P, vec![P, P]),
        (Alu::Selp(Type::B64), D, vec![D, D, P]),
        (Alu::Setp { compare: Comparison::Lt, ty: Type::U32, ftz: false, combine: None }, P, vec![W, W]),
    ];
    for (alu, to, from) in cases {
        let from: Vec<_> =
            from.into_iter().map(|kind| (kind, std::array::from_fn(|_| random.next()))).collect();
        for level in levels() {
            let all = run(&alu, level, u32::MAX, 0, &[to], &from);
            for before in [0, u64::MAX] {
                let active = random.next() as u32;
                let some = run(&alu, level, active, before, &[to], &from);
                let kept = match to {
                    W => before & 0xffff_ffff,
                    D => before,
                    P => before & 1,
                };
                for lane in 0..WARP {
                    let expected = if active >> lane & 1 != 0 { all[0][lane] } else { kept };
                    assert_eq!(some[0][lane], expected, "{alu:?} {level:?} lane {lane} of {active:#x}");
                }
            }
        }
    }
}

#[test]
fn a_destination_may_be_a_source() {
    for level in levels() {
        let mut registers = Registers::new(4, 1);
        for lane in 0..WARP {
            registers.lanes[0].0[lane] = lane as u32;
        }
        let add = function(&Alu::Add { ty: Type::U32, saturate: false }, level).expect("there is one");
        // SAFETY: slots 0 and 2 are inside four registers; the level is one of this machine.
        unsafe { add(&mut registers, &[0, 0, 0], u32::MAX) };
        assert!((0..WARP).all(|lane| registers.lanes[0].0[lane] == 2 * lane as u32));
        let wide = function(&Alu::MulWide(Type::U32), level).expect("there is one");
        // The sources are inside the destination.
        // SAFETY: likewise.
        unsafe { wide(&mut registers, &[0, 0, 1], u32::MAX) };
        assert!(registers.lanes[0].0.iter().all(|&value| value == 0));
    }
}

#[test]
fn levels_agree_bit_for_bit() {
    let mut cases: Vec<(Alu, Kind, Vec<Kind>)> = Vec::new();
    for round in [Rounding::Nearest, Rounding::Zero, Rounding::Down, Rounding::Up] {
        for ftz in [false, true] {
            let (ty, saturate) = (Type::F32, false);
            cases.push((Alu::FAdd { ty, round, ftz, saturate }, W, vec![W, W]));
            cases.push((Alu::FMul { ty, round, ftz, saturate: true }, W, vec![W, W]));
            cases.push((Alu::Fma { ty, round, ftz, saturate, relu: false }, W, vec![W, W, W]));
            cases.push((Alu::FDiv { ty, round, ftz }, W, vec![W, W]));
            cases.push((Alu::Sqrt { ty, round, ftz }, W, vec![W]));
        }
        let (ty, ftz, saturate) = (Type::F64, false, false);
        cases.push((Alu::FSub { ty, round, ftz, saturate }, D, vec![D, D]));
        cases.push((Alu::Fma { ty, round, ftz, saturate, relu: false }, D, vec![D, D, D]));
    }
    for ty in [Type::F16x2, Type::BF16x2] {
        let (round, ftz, saturate) = (Rounding::Nearest, false, false);
        cases.push((Alu::FAdd { ty, round, ftz, saturate }, W, vec![W, W]));
        cases.push((Alu::Fma { ty, round, ftz, saturate, relu: true }, W, vec![W, W, W]));
        cases.push((Alu::FMax { ty, ftz, nan: true, xorsign_abs: false }, W, vec![W, W]));
    }
    use Approx::{Cos, Ex2, Lg2, Rcp, Rsqrt, Sin, Sqrt, Tanh};
    for function in [Rcp, Sqrt, Rsqrt, Sin, Cos, Lg2, Ex2, Tanh] {
        cases.push((Alu::Approx { function, ty: Type::F32, ftz: true }, W, vec![W]));
    }
    let mut random = Random(9);
    for (alu, to, from) in cases {
        for _ in 0..40 {
            let from: Vec<_> = from
                .iter()
                .map(|&kind| {
                    let (bits, exponent) = if kind == D { (64, 11) } else { (32, 8) };
                    (kind, std::array::from_fn(|_| random.float(bits, exponent)))
                })
                .collect();
            let results: Vec<_> =
                levels().into_iter().map(|level| run(&alu, level, u32::MAX, 0, &[to], &from)).collect();
            assert!(results.iter().all(|result| *result == results[0]), "{alu:?} of {from:x?}");
        }
    }
}
