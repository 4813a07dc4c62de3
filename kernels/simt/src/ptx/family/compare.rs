//! Comparisons and choices (PTX ISA 9.0, sections 9.7.6 and 9.7.7).

use super::super::instruction::{Checked, Inst};
use super::super::operand::{Operand, Value};
use super::super::{Alu, Combine, Comparison, Op, RegisterId, Type};

use Type::{B16, B32, B64, BF16, BF16x2, F16, F16x2, F32, F64, Pred, S16, S32, S64, U16, U32, U64};

const COMPARED: [Type; 15] =
    [B16, B32, B64, U16, U32, U64, S16, S32, S64, F32, F64, F16, F16x2, BF16, BF16x2];
const CHOSEN: [Type; 11] = [B16, B32, B64, U16, U32, U64, S16, S32, S64, F32, F64];

/// The comparisons that a type has (section 9.3).
const fn comparisons(ty: Type) -> &'static [(&'static str, Comparison)] {
    use Comparison::{Eq, Equ, Ge, Geu, Gt, Gtu, Hi, Hs, Le, Leu, Lo, Ls, Lt, Ltu, Nan, Ne, Neu, Num};
    match ty {
        B16 | B32 | B64 => &[("eq", Eq), ("ne", Ne)],
        S16 | S32 | S64 => &[("eq", Eq), ("ne", Ne), ("lt", Lt), ("le", Le), ("gt", Gt), ("ge", Ge)],
        U16 | U32 | U64 => &[
            ("eq", Eq),
            ("ne", Ne),
            ("lt", Lt),
            ("le", Le),
            ("gt", Gt),
            ("ge", Ge),
            ("lo", Lo),
            ("ls", Ls),
            ("hi", Hi),
            ("hs", Hs),
        ],
        _ => &[
            ("eq", Eq),
            ("ne", Ne),
            ("lt", Lt),
            ("le", Le),
            ("gt", Gt),
            ("ge", Ge),
            ("equ", Equ),
            ("neu", Neu),
            ("ltu", Ltu),
            ("leu", Leu),
            ("gtu", Gtu),
            ("geu", Geu),
            ("num", Num),
            ("nan", Nan),
        ],
    }
}

fn ftz(inst: &mut Inst<'_, '_>, ty: Type) -> bool {
    matches!(ty, F32 | F16 | F16x2) && inst.has("ftz")
}

/// `setp`.
pub(super) fn setp(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&COMPARED)?;
    let compare = inst.require(comparisons(ty))?;
    let combine = inst.choose(&[("and", Combine::And), ("or", Combine::Or), ("xor", Combine::Xor)]);
    let ftz = ftz(inst, ty);
    let to = destinations(inst)?;
    let packed = matches!(ty, F16x2 | BF16x2);
    if packed && to.len() != 2 {
        return Err(format!("a comparison of {ty:?} gives two predicates, `p|q`"));
    }
    let mut from = vec![inst.from(ty)?, inst.from(ty)?];
    let combine = match combine {
        None => None,
        Some(combine) => {
            let (predicate, negated) = inst.predicate()?;
            from.push(predicate);
            Some((combine, negated))
        }
    };
    let alu = if to.len() == 2 {
        Alu::SetpBoth { compare, ty, ftz, combine }
    } else {
        Alu::Setp { compare, ty, ftz, combine }
    };
    Ok(Op::Alu { alu, to, from })
}

/// `p` or `p|q`.
fn destinations(inst: &mut Inst<'_, '_>) -> Checked<Vec<RegisterId>> {
    match inst.peek() {
        Some(Operand::Pair(first, second)) => {
            inst.operand()?;
            Ok(vec![inst.written(*first, Pred, false, true)?, inst.written(*second, Pred, false, true)?])
        }
        Some(Operand::Value(Value::Sink)) => {
            inst.operand()?;
            Ok(vec![inst.sink(Pred)?])
        }
        _ => Ok(vec![inst.to(Pred)?]),
    }
}

/// `set`.
pub(super) fn set(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&COMPARED)?;
    let known: &[Type] = match ty {
        F16 => &[F16, U32, S32],
        BF16 => &[BF16, U32, S32],
        F16x2 => &[F16x2, U32, S32],
        BF16x2 => &[BF16x2, U32, S32],
        _ => &[U32, S32, F32],
    };
    let to_type = inst.ty(known)?;
    let compare = inst.require(comparisons(ty))?;
    let ftz = ftz(inst, ty);
    let to = vec![inst.to(to_type)?];
    let from = vec![inst.from(ty)?, inst.from(ty)?];
    Ok(Op::Alu { alu: Alu::Set { compare, to: to_type, ty, ftz }, to, from })
}

/// `selp`.
pub(super) fn selp(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&CHOSEN)?;
    let to = vec![inst.to(ty)?];
    Ok(Op::Alu { alu: Alu::Selp(ty), to, from: vec![inst.from(ty)?, inst.from(ty)?, inst.from(Pred)?] })
}

/// `slct`.
pub(super) fn slct(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let compare_ty = inst.ty(&[S32, F32])?;
    let ty = inst.ty(&CHOSEN)?;
    let ftz = compare_ty == F32 && inst.has("ftz");
    let to = vec![inst.to(ty)?];
    let from = vec![inst.from(ty)?, inst.from(ty)?, inst.from(compare_ty)?];
    Ok(Op::Alu { alu: Alu::Slct { ty, compare_ty, ftz }, to, from })
}
