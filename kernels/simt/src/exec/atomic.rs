//! `atom` and `red`: lanes one after the other, the lowest first.

use half::{bf16, f16};

use super::core::Core;
use super::program::Shape;
use super::run::each;
use super::warp::Warp;
use crate::ptx::{AtomicOp, Space, Type};
use crate::registers::Slot;

/// Updates memory that was resolved, and gives back what was there.
pub(super) fn run(
    core: &Core<'_>,
    warp: &mut Warp,
    (op, ty, space): (AtomicOp, Type, Space),
    shape: &Shape,
    to: &[Slot],
    from: &[Slot],
    lanes: u32,
) {
    let (elements, bytes) = (shape.moved.elements as usize, shape.moved.element_bytes);
    for lane in each(lanes) {
        let pointer = core.resolved.pointers[lane as usize];
        for element in 0..elements {
            let operand = |index: usize| {
                let slot = from.get(index * elements + element).copied().unwrap_or(0);
                if bytes == 8 {
                    warp.registers.wide(slot, lane)
                } else {
                    u64::from(warp.registers.narrow(slot, lane))
                }
            };
            let (value, second) = (operand(0), operand(1));
            let mut old = 0;
            if !pointer.is_null() {
                // SAFETY: the access was resolved for all elements, and the address is a multiple of its size. Kernels
                // with atomics run on one thread of the host.
                unsafe {
                    let at = pointer.add(element * bytes as usize);
                    match bytes {
                        2 => {
                            old = u64::from(at.cast::<u16>().read_unaligned());
                            at.cast::<u16>()
                                .write_unaligned(updated((op, ty, space), old, value, second) as u16);
                        }
                        4 => {
                            old = u64::from(at.cast::<u32>().read_unaligned());
                            at.cast::<u32>()
                                .write_unaligned(updated((op, ty, space), old, value, second) as u32);
                        }
                        _ => {
                            old = at.cast::<u64>().read_unaligned();
                            at.cast::<u64>().write_unaligned(updated((op, ty, space), old, value, second));
                        }
                    }
                }
            }
            if let Some(&slot) = to.get(element) {
                if bytes == 8 {
                    warp.registers.set_wide(slot, 1 << lane, |_| old);
                } else {
                    warp.registers.set_narrow(slot, 1 << lane, |_| old as u32);
                }
            }
        }
    }
}

/// What is in memory afterwards (PTX ISA 9.0, section 9.7.13.5).
fn updated((op, ty, space): (AtomicOp, Type, Space), old: u64, value: u64, second: u64) -> u64 {
    use AtomicOp as A;
    match (op, ty) {
        (A::Exch, _) => value,
        (A::Cas, _) => {
            if old == value {
                second
            } else {
                old
            }
        }
        (A::And, _) => old & value,
        (A::Or, _) => old | value,
        (A::Xor, _) => old ^ value,
        (A::Inc, _) => {
            if old as u32 >= value as u32 {
                0
            } else {
                old + 1
            }
        }
        (A::Dec, _) => {
            let (old, value) = (old as u32, value as u32);
            u64::from(if old == 0 || old > value { value } else { old - 1 })
        }
        (A::Add, Type::F32) => u64::from(float_sum(old as u32, value as u32, space != Space::Shared)),
        (A::Add, Type::F64) => double_sum(old, value, space != Space::Shared),
        (A::Add, Type::F16) => u64::from(half_sum(old as u16, value as u16)),
        (A::Add, Type::BF16) => u64::from(bfloat_sum(old as u16, value as u16)),
        (A::Add, Type::F16x2) => pairs(old, value, half_sum),
        (A::Add, Type::BF16x2) => pairs(old, value, bfloat_sum),
        (A::Add, _) if ty.bytes() == 4 => u64::from((old as u32).wrapping_add(value as u32)),
        (A::Add, _) => old.wrapping_add(value),
        (A::Min, Type::S32) => u64::from((old as i32).min(value as i32) as u32),
        (A::Max, Type::S32) => u64::from((old as i32).max(value as i32) as u32),
        (A::Min, Type::S64) => (old as i64).min(value as i64) as u64,
        (A::Max, Type::S64) => (old as i64).max(value as i64) as u64,
        (A::Min, _) => old.min(value),
        (A::Max, _) => old.max(value),
    }
}

/// The sum of two `f32`; a NaN is 0x7fffffff. In global memory what is subnormal, before and after, is a zero of its
/// sign. In shared memory the addition is an ordinary one, whose result is exchanged for what was there.
fn float_sum(a: u32, b: u32, global: bool) -> u32 {
    let flush = |bits: u32| if global && bits & 0x7f80_0000 == 0 { bits & 0x8000_0000 } else { bits };
    let sum = f32::from_bits(flush(a)) + f32::from_bits(flush(b));
    if sum.is_nan() { 0x7fff_ffff } else { flush(sum.to_bits()) }
}

/// The sum of two `f64`. A NaN is the operand that is one: in global memory what is added before what was there, as it
/// is; in shared memory what was there first, made quiet as an ordinary addition does.
fn double_sum(old: u64, value: u64, global: bool) -> u64 {
    const QUIET: u64 = 0x0008_0000_0000_0000;
    let nan = |bits: u64| f64::from_bits(bits).is_nan();
    let sum = f64::from_bits(old) + f64::from_bits(value);
    match (nan(old), nan(value), global) {
        (_, true, true) => value,
        (true, _, true) => old,
        (true, _, false) => old | QUIET,
        (_, true, false) => value | QUIET,
        _ if sum.is_nan() => 0xfff8_0000_0000_0000,
        _ => sum.to_bits(),
    }
}

fn half_sum(a: u16, b: u16) -> u16 {
    let sum = f16::from_f32(f16::from_bits(a).to_f32() + f16::from_bits(b).to_f32());
    if sum.is_nan() { 0x7fff } else { sum.to_bits() }
}

fn bfloat_sum(a: u16, b: u16) -> u16 {
    // The sum in f64 is exact unless the exponents are far apart, and then the smaller one only breaks ties.
    let sum = f64::from(bf16::from_bits(a).to_f32()) + f64::from(bf16::from_bits(b).to_f32());
    let sum = bf16::from_f64(sum);
    if sum.is_nan() { 0x7fff } else { sum.to_bits() }
}

fn pairs(a: u64, b: u64, sum: fn(u16, u16) -> u16) -> u64 {
    u64::from(sum(a as u16, b as u16)) | u64::from(sum((a >> 16) as u16, (b >> 16) as u16)) << 16
}
