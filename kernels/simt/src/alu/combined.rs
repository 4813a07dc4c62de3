//! A comparison combined with a predicate, or written as a number. What is done
//! with the mask of a comparison is a small function around it.

use std::marker::PhantomData;

use super::kernel::{Inputs, Kernel, Map, pick as level_of, pick_portable as level_of_portable};
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

/// `setp` with two destinations.
struct Both<M>(PhantomData<M>);
impl<M: Map<Out = bool>> Kernel for Both<M> {
    #[inline(always)]
    fn run(view: View<'_>) {
        let mask = test::<M>(&view, 2);
        view.set_mask(0, mask);
        view.set_mask(1, !mask);
    }
}

/// `setp` of both halves.
struct Halves<M>(PhantomData<M>);
impl<M: Map<Out = (bool, bool)>> Kernel for Halves<M> {
    #[inline(always)]
    fn run(view: View<'_>) {
        let readers = M::In::readers(&view, 2);
        let (mut low, mut high) = ([0; WARP], [0; WARP]);
        for lane in 0..WARP {
            // SAFETY: `lane` is less than 32, and the view borrows the registers.
            let (first, second) = M::apply(unsafe { M::In::read(readers, lane) });
            low[lane] = u8::from(first);
            high[lane] = u8::from(second);
        }
        view.set_mask(0, gather(&low));
        view.set_mask(1, gather(&high));
    }
}

/// `set`.
struct Set<M, const ONE: u32>(PhantomData<M>);
impl<M: Map<Out = bool>, const ONE: u32> Kernel for Set<M, ONE> {
    #[inline(always)]
    fn run(view: View<'_>) {
        let readers = M::In::readers(&view, 1);
        let mut results = [0; WARP];
        for (lane, result) in results.iter_mut().enumerate() {
            // SAFETY: `lane` is less than 32, and the view borrows the registers.
            *result = if M::apply(unsafe { M::In::read(readers, lane) }) { ONE } else { 0 };
        }
        view.set(0, &results);
    }
}

/// What compares, with as many destinations.
trait Inner: Kernel {
    /// Destinations of the instruction.
    const TO: usize;
}
impl<M: Map<Out = bool>> Inner for Plain<M> {
    const TO: usize = 1;
}
impl<M: Map<Out = bool>> Inner for Both<M> {
    const TO: usize = 2;
}
impl<M: Map<Out = (bool, bool)>> Inner for Halves<M> {
    const TO: usize = 2;
}

/// Compares, and combines what came out.
unsafe fn with<I: Inner, const CODE: u8>(registers: &mut Registers, slots: &[Slot], active: u32) {
    // SAFETY: the caller's promise. The predicate is read before a destination may replace it.
    let view = unsafe { View::new(registers, slots, active) };
    let mask = view.mask(I::TO + 2);
    let mask = if CODE & 1 != 0 { !mask } else { mask };
    // SAFETY: the caller's promise.
    unsafe { level_of_portable::<I>()(registers, slots, active) };
    // SAFETY: as above.
    let view = unsafe { View::new(registers, slots, active) };
    for index in 0..I::TO {
        let found = view.mask(index);
        let result = match CODE & !1 {
            AND => found & mask,
            OR => found | mask,
            _ => found ^ mask,
        };
        view.set_mask(index, result);
    }
}

/// The function that combines. There is one for any level: it is rare, and each is compiled for every comparison.
fn around<I: Inner>(code: u8) -> AluFn {
    match code {
        2 => with::<I, 2>,
        3 => with::<I, 3>,
        4 => with::<I, 4>,
        5 => with::<I, 5>,
        6 => with::<I, 6>,
        7 => with::<I, 7>,
        _ => level_of_portable::<I>(),
    }
}

/// `setp`, with one destination or two.
pub(super) fn pick<M: Map<Out = bool>>(level: Level, code: u8, both: bool) -> AluFn {
    if both {
        around::<Both<M>>(code)
    } else if code == NONE {
        level_of::<Plain<M>>(level)
    } else {
        around::<Plain<M>>(code)
    }
}

/// `setp` of two halves.
pub(super) fn pick_pair<M: Map<Out = (bool, bool)>>(code: u8) -> AluFn {
    around::<Halves<M>>(code)
}

/// `set`, with what stands for true.
pub(super) fn pick_set<M: Map<Out = bool>, const ONE: u32>() -> AluFn {
    level_of_portable::<Set<M, ONE>>()
}
