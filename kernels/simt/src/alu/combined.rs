//! A comparison combined with a predicate, or written as a number. What is done
//! with the mask of a comparison is a small function around it.

use std::marker::PhantomData;

use super::kernel::{Inputs, Kernel, Map, pick as level_of};
use super::view::{View, gather};
use super::{AluFn, Level};
use crate::WARP;
use crate::registers::{Registers, Slot};

/// Not combined.
pub(super) const NONE: u8 = 0;
/// `and`; one more for the predicate negated.
pub(super) const AND: u8 = 2;
/// `or`; likewise.
pub(super) const OR: u8 = 4;
/// `xor`; likewise.
pub(super) const XOR: u8 = 6;

/// The comparison of all lanes, as a mask.
#[inline(always)]
fn test<M: Map<Out = bool>>(view: &View<'_>, first: usize) -> u32 {
    let readers = M::In::readers(view, first);
    let mut results = [0; WARP];
    for (lane, result) in results.iter_mut().enumerate() {
        // SAFETY: `lane` is less than 32, and the view borrows the registers.
        *result = u8::from(M::apply(unsafe { M::In::read(readers, lane) }));
    }
    gather(&results)
}

/// `setp` without more.
struct Plain<M>(PhantomData<M>);
impl<M: Map<Out = bool>> Kernel for Plain<M> {
    #[inline(always)]
    fn run(view: View<'_>) {
        view.set_mask(0, test::<M>(&view, 1));
    }
}

/// The comparison of all lanes, by what any machine has. Not inlined: all that is rare calls it.
#[inline(never)]
fn masks<M: Map<Out = bool>>(view: &View<'_>, first: usize) -> u32 {
    test::<M>(view, first)
}

/// The comparisons of both halves of all lanes.
#[inline(never)]
fn half_masks<M: Map<Out = (bool, bool)>>(view: &View<'_>) -> (u32, u32) {
    let readers = M::In::readers(view, 2);
    let (mut low, mut high) = (0, 0);
    for lane in 0..WARP {
        // SAFETY: `lane` is less than 32, and the view borrows the registers.
        let (first, second) = M::apply(unsafe { M::In::read(readers, lane) });
        low |= u32::from(first) << lane;
        high |= u32::from(second) << lane;
    }
    (low, high)
}

/// What was found, with the predicate that is combined with it.
#[inline(always)]
fn combined<const CODE: u8>(found: u32, predicate: u32) -> u32 {
    let predicate = if CODE & 1 != 0 { !predicate } else { predicate };
    match CODE & !1 {
        AND => found & predicate,
        OR => found | predicate,
        XOR => found ^ predicate,
        _ => found,
    }
}

/// `setp` with so many destinations, combined.
unsafe fn with<M: Map<Out = bool>, const TO: usize, const CODE: u8>(
    registers: &mut Registers,
    slots: &[Slot],
    active: u32,
) {
    // SAFETY: the caller's promise. The predicate is read before a destination may replace it.
    let view = unsafe { View::new(registers, slots, active) };
    let predicate = if CODE == NONE { 0 } else { view.mask(TO + 2) };
    let found = masks::<M>(&view, TO);
    view.set_mask(0, combined::<CODE>(found, predicate));
    if TO == 2 {
        view.set_mask(1, combined::<CODE>(!found, predicate));
    }
}

/// `setp` of both halves, combined.
unsafe fn with_halves<M: Map<Out = (bool, bool)>, const CODE: u8>(
    registers: &mut Registers,
    slots: &[Slot],
    active: u32,
) {
    // SAFETY: as in `with`.
    let view = unsafe { View::new(registers, slots, active) };
    let predicate = if CODE == NONE { 0 } else { view.mask(4) };
    let (low, high) = half_masks::<M>(&view);
    view.set_mask(0, combined::<CODE>(low, predicate));
    view.set_mask(1, combined::<CODE>(high, predicate));
}

/// `set`, with what stands for true.
unsafe fn set<M: Map<Out = bool>, const ONE: u32>(registers: &mut Registers, slots: &[Slot], active: u32) {
    // SAFETY: the caller's promise.
    let view = unsafe { View::new(registers, slots, active) };
    spread(&view, masks::<M>(&view, 1), ONE);
}

/// A number where a mask has ones, zero elsewhere.
#[inline(never)]
fn spread(view: &View<'_>, mask: u32, one: u32) {
    view.set(0, &std::array::from_fn::<u32, WARP, _>(|lane| if (mask >> lane) & 1 != 0 { one } else { 0 }));
}

/// What is done with a comparison.
#[derive(Clone, Copy)]
pub(super) enum Use {
    /// `setp`, with the number of what it is combined with.
    Setp(u8),
    /// `setp` with two destinations, likewise.
    Both(u8),
    /// `set` with ones for true.
    Mask,
    /// `set` with 1.0 for true.
    One,
}

/// The expression with `CODE` the number of what is combined.
macro_rules! coded {
    ($code:expr, $CODE:ident; $body:expr) => {
        match $code {
            2 => {
                const $CODE: u8 = 2;
                $body
            }
            3 => {
                const $CODE: u8 = 3;
                $body
            }
            4 => {
                const $CODE: u8 = 4;
                $body
            }
            5 => {
                const $CODE: u8 = 5;
                $body
            }
            6 => {
                const $CODE: u8 = 6;
                $body
            }
            7 => {
                const $CODE: u8 = 7;
                $body
            }
            _ => {
                const $CODE: u8 = NONE;
                $body
            }
        }
    };
}

/// The function that compares. Only `setp` without more has code for a level: the rest is rare.
pub(super) fn pick<M: Map<Out = bool>>(level: Level, then: Use) -> AluFn {
    match then {
        Use::Setp(NONE) => level_of::<Plain<M>>(level),
        Use::Setp(code) => coded!(code, CODE; with::<M, 1, CODE>),
        Use::Both(code) => coded!(code, CODE; with::<M, 2, CODE>),
        Use::Mask => set::<M, { u32::MAX }>,
        Use::One => set::<M, 0x3f80_0000>,
    }
}

/// `setp` of two halves.
pub(super) fn pick_pair<M: Map<Out = (bool, bool)>>(code: u8) -> AluFn {
    coded!(code, CODE; with_halves::<M, CODE>)
}
