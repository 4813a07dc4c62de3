//! `ld`, `st` and prefetches (PTX ISA 9.0, sections 9.7.9.8 to 9.7.9.17).

use super::super::instruction::{Checked, Inst};
use super::super::{Op, Order, Scope, Source, Space, Type, VariableId};

use Type::{B8, B16, B32, B64, F32, F64, S8, S16, S32, S64, U8, U16, U32, U64};

const TYPES: [Type; 14] = [B8, B16, B32, B64, U8, U16, U32, U64, S8, S16, S32, S64, F32, F64];
const SCOPES: [(&str, Scope); 3] = [("cta", Scope::Block), ("gpu", Scope::Device), ("sys", Scope::System)];
/// Bytes of one access.
const MAX_BYTES: usize = 16;

/// How an access is ordered, from `.weak` or `.acquire.gpu`.
fn ordering(inst: &mut Inst<'_, '_>, strong: (&str, Order)) -> Checked<(Order, Scope)> {
    let order = inst.choose(&[
        ("weak", Order::Weak),
        ("volatile", Order::Volatile),
        ("relaxed", Order::Relaxed),
        strong,
    ]);
    match order {
        None | Some(Order::Weak) => Ok((Order::Weak, Scope::Block)),
        Some(Order::Volatile) => Ok((Order::Volatile, Scope::System)),
        Some(order) => Ok((order, inst.require(&SCOPES)?)),
    }
}

/// Hints to caches: they change no result. A policy, where there is one, is an operand at the end.
pub(super) fn hints(inst: &mut Inst<'_, '_>) -> bool {
    inst.choose(&[
        ("L1::evict_normal", ()),
        ("L1::evict_unchanged", ()),
        ("L1::evict_first", ()),
        ("L1::evict_last", ()),
        ("L1::no_allocate", ()),
    ]);
    inst.choose(&[("L2::evict_normal", ()), ("L2::evict_first", ()), ("L2::evict_last", ())]);
    let policy = inst.has("L2::cache_hint");
    inst.choose(&[("L2::64B", ()), ("L2::128B", ()), ("L2::256B", ())]);
    policy
}

fn vector(inst: &mut Inst<'_, '_>, ty: Type) -> Checked<usize> {
    let count = inst.choose(&[("v2", 2), ("v4", 4)]).unwrap_or(1);
    if count * ty.bytes() as usize > MAX_BYTES {
        return Err(format!("{count} elements of {ty:?} are more than {MAX_BYTES} bytes"));
    }
    Ok(count)
}

/// `ld`.
pub(super) fn load(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let space = inst.choose(&[
        ("global", Space::Global),
        ("shared", Space::Shared),
        ("shared::cta", Space::Shared),
        ("local", Space::Local),
        ("const", Space::Const),
        ("param", Space::Param),
        ("param::entry", Space::Param),
        ("param::func", Space::Param),
    ]);
    let space = space.unwrap_or(Space::Generic);
    let (order, scope) = ordering(inst, ("acquire", Order::Acquire))?;
    let plain = order == Order::Weak;
    if !plain && matches!(space, Space::Const | Space::Param) {
        return Err(format!("accesses to {space:?} memory have no order"));
    }
    let nc = plain && space == Space::Global && inst.has("nc");
    if plain {
        inst.choose(&[("ca", ()), ("cg", ()), ("cs", ()), ("lu", ()), ("cv", ())]);
    }
    let policy = hints(inst);
    let ty = inst.ty(&TYPES)?;
    let count = vector(inst, ty)?;
    let to = inst.to_vector(ty, count, true)?;
    let address = inst.address(space)?;
    if policy {
        inst.from(B64)?;
    }
    Ok(Op::Load { space, order, scope, nc, ty, to, address })
}

/// `st`.
pub(super) fn store(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let space = inst.choose(&[
        ("global", Space::Global),
        ("shared", Space::Shared),
        ("shared::cta", Space::Shared),
        ("local", Space::Local),
        ("param", Space::Param),
        ("param::func", Space::Param),
    ]);
    let space = space.unwrap_or(Space::Generic);
    let (order, scope) = ordering(inst, ("release", Order::Release))?;
    if order == Order::Weak {
        inst.choose(&[("wb", ()), ("cg", ()), ("cs", ()), ("wt", ())]);
    } else if space == Space::Param {
        return Err("accesses to parameters have no order".to_owned());
    }
    let policy = hints(inst);
    let ty = inst.ty(&TYPES)?;
    let count = vector(inst, ty)?;
    let address = inst.address(space)?;
    if let Source::Address { variable: VariableId::Local(index), .. } = address.base
        && (index as usize) < inst.around.parameters
    {
        return Err("a function does not write its own parameters".to_owned());
    }
    let from = inst.from_vector(ty, count, true)?;
    if policy {
        inst.from(B64)?;
    }
    Ok(Op::Store { space, order, scope, ty, address, from })
}

/// `prefetch` and `prefetchu`: hints.
pub(super) fn prefetch(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    if inst.name == "prefetchu" {
        inst.require(&[("L1", ())])?;
        inst.address(Space::Generic)?;
        return Ok(Op::Prefetch);
    }
    let space = inst.choose(&[("global", Space::Global), ("local", Space::Local)]);
    inst.require(&[("L1", ()), ("L2", ()), ("L2::evict_last", ()), ("L2::evict_normal", ())])?;
    inst.address(space.unwrap_or(Space::Generic))?;
    Ok(Op::Prefetch)
}
