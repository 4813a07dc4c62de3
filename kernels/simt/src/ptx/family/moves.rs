//! `mov`, `cvta`, `isspacep` (PTX ISA 9.0, sections 9.7.9.3 and 9.7.9.19 to 20).

use super::super::cursor::shorten;
use super::super::instruction::{Checked, Inst};
use super::super::operand::{Operand, Value};
use super::super::{Alu, Op, Source, Space, Type};

use Type::{B8, B16, B32, B64, F32, F64, Pred, S16, S32, S64, U16, U32, U64};

/// `mov`: of a value, of an address, of the parts of a value.
pub(super) fn mov(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let ty = inst.ty(&[B16, B32, B64, U16, U32, U64, S16, S32, S64, F32, F64, Pred])?;
    if let Some(Operand::Vector(parts)) = inst.peek() {
        let (part, parts) = part(ty, parts.len())?;
        let to = inst.to_vector(part, usize::from(parts), false)?;
        return Ok(Op::Alu { alu: Alu::Unpack { part, parts }, to, from: vec![inst.from(ty)?] });
    }
    let to = vec![inst.to(ty)?];
    if let Some(Operand::Vector(parts)) = inst.peek() {
        let (part, parts) = part(ty, parts.len())?;
        let from = inst.from_vector(part, usize::from(parts), false)?;
        return Ok(Op::Alu { alu: Alu::Pack { part, parts }, to, from });
    }
    let from = vec![value_or_address(inst, ty)?];
    Ok(Op::Alu { alu: Alu::Mov(ty), to, from })
}

/// The type of the parts of a vector that is moved at once.
fn part(ty: Type, parts: usize) -> Checked<(Type, u8)> {
    match (ty, parts) {
        (B64, 2) => Ok((B32, 2)),
        (B64, 4) => Ok((B16, 4)),
        (B32, 2) => Ok((B16, 2)),
        (B32, 4) => Ok((B8, 4)),
        (B16, 2) => Ok((B8, 2)),
        _ => Err(format!("{ty:?} has no {parts} parts; .b16 has 2, .b32 and .b64 have 2 or 4")),
    }
}

/// A value, or the address of a variable: of 64 bits, or of 32 where its space is that small.
fn value_or_address(inst: &mut Inst<'_, '_>, ty: Type) -> Checked<Source> {
    let Some(Operand::Value(Value::Variable(variable, offset))) = inst.peek() else { return inst.from(ty) };
    inst.operand()?;
    let found = inst.variable(*variable)?;
    let small = !matches!(found.space, Space::Global | Space::Generic);
    let fits = matches!(ty, B64 | U64 | S64) || (small && matches!(ty, B32 | U32 | S32));
    if !fits {
        let name = shorten(&found.name);
        return Err(format!("the address of `{name}` in {:?} memory does not go with {ty:?}", found.space));
    }
    Ok(Source::Address { variable: *variable, offset: *offset, generic: false })
}

const SPACES: [(&str, Space); 5] = [
    ("global", Space::Global),
    ("shared", Space::Shared),
    ("shared::cta", Space::Shared),
    ("local", Space::Local),
    ("const", Space::Const),
];

/// `cvta`.
pub(super) fn cvta(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    inst.ty(&[U64])?;
    let to_space = inst.has("to");
    let space = inst.require(&SPACES)?;
    let to = inst.to(U64)?;
    let from = value_or_address(inst, U64)?;
    if let Source::Address { variable, .. } = from {
        let found = inst.variable(variable)?;
        if to_space || found.space != space {
            let (name, place) = (shorten(&found.name), found.space);
            return Err(format!("`{name}` lies in {place:?} memory; its address is no generic one"));
        }
    }
    Ok(Op::Cvta { space, to_space, to, from })
}

/// `isspacep`.
pub(super) fn isspacep(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let space = inst.require(&SPACES)?;
    Ok(Op::IsSpace { space, to: inst.to(Pred)?, from: inst.from(U64)? })
}
