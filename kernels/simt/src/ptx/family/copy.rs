//! `cp.async` (PTX ISA 9.0, section 9.7.9.25.3).

use super::super::instruction::{Checked, Inst};
use super::super::{Op, Source, Space, Type};

use Type::{B64, U32};

/// A number that stands in the text.
fn constant(inst: &mut Inst<'_, '_>, what: &str) -> Checked<u32> {
    match inst.from(U32)? {
        Source::Bits(bits) => u32::try_from(bits).map_err(|_| format!("{what} is past 32 bits")),
        _ => Err(format!("{what} is a number")),
    }
}

/// `cp.async` and its groups; copies in bulk are not known.
pub(super) fn copy(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    if !inst.has("async") {
        return Err("only `cp.async` is known of `cp`".to_owned());
    }
    if inst.has("commit_group") {
        return Ok(Op::AsyncCommit);
    }
    if inst.has("wait_all") {
        return Ok(Op::AsyncWait(None));
    }
    if inst.has("wait_group") {
        return Ok(Op::AsyncWait(Some(constant(inst, "the number of groups")?)));
    }
    let only_l2 = inst.require(&[("ca", false), ("cg", true)])?;
    inst.require(&[("shared", ()), ("shared::cta", ())])?;
    inst.require(&[("global", ())])?;
    let policy = inst.has("L2::cache_hint");
    inst.choose(&[("L2::64B", ()), ("L2::128B", ()), ("L2::256B", ())]);
    let to = inst.address(Space::Shared)?;
    let from = inst.address(Space::Global)?;
    let bytes = match constant(inst, "the number of bytes")? {
        4 if !only_l2 => 4,
        8 if !only_l2 => 8,
        16 => 16,
        other => return Err(format!("{other} bytes; .ca copies 4, 8 or 16, .cg copies 16")),
    };
    // What is left are the bytes of the source, then the policy.
    let source_bytes = if inst.left() > usize::from(policy) { Some(inst.from(U32)?) } else { None };
    if let Some(Source::Bits(size)) = source_bytes
        && size > u64::from(bytes)
    {
        return Err(format!("{size} bytes of the source are more than the {bytes} that are copied"));
    }
    if policy {
        inst.from(B64)?;
    }
    Ok(Op::AsyncCopy { bytes, to, from, source_bytes })
}
