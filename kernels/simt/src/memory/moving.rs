//! Moving data between registers and memory that was resolved.
//!
//! Memory is read and written by relaxed atomic operations of the element's width, because other threads of the host
//! may run other blocks on the same bytes. Where the check of alignment is off and an address is misaligned, bytes are
//! copied one after the other; that is not atomic, as on no hardware.

use super::{Layout, Resolved};
use crate::WARP;
use crate::registers::{Registers, Slot};

mod element;

pub use element::{Element, exchange};

/// What of each lane is moved between memory and registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Bytes of an element in memory: 1, 2, 4 or 8.
    pub element_bytes: u32,
    /// How many elements follow each other; each has a register of its own.
    pub elements: u32,
    /// Bytes of such a register: 1, 2, 4 or 8. A load fills all of it; a store takes the lowest bytes.
    pub register_bytes: u32,
    /// Whether a load into a wider register extends the sign; otherwise it extends with zeros.
    pub sign_extend: bool,
}

/// Loads: lanes in `active` get what their bytes are, and zeros where the pointer is null; the others keep what they
/// have. Bits of a slot above the register's width become zero. `slots` has a slot for each element.
///
/// # Safety
/// `resolved` came from resolving a load or an atomic access of `element_bytes * elements` bytes by these lanes, and the
/// memory is still there. Nobody accesses these bytes at the same time but by atomic operations. Every slot is inside
/// `registers` (two [`Lanes`](crate::registers::Lanes) for registers of 8 bytes).
pub unsafe fn load(
    resolved: &Resolved,
    active: u32,
    shape: Shape,
    registers: &mut Registers,
    slots: &[Slot],
) {
    // SAFETY: as the caller promises.
    unsafe {
        match shape.element_bytes {
            1 => load_elements::<u8>(resolved, active, shape, registers, slots),
            2 => load_elements::<u16>(resolved, active, shape, registers, slots),
            4 => load_elements::<u32>(resolved, active, shape, registers, slots),
            _ => load_elements::<u64>(resolved, active, shape, registers, slots),
        }
    }
}

/// Stores what the registers of lanes in `active` hold; nothing where the pointer is null. Where lanes have one
/// address, the highest lane's value stays (the ISA leaves open whose).
///
/// # Safety
/// As for [`load`], with a store resolved.
pub unsafe fn store(resolved: &Resolved, active: u32, shape: Shape, registers: &Registers, slots: &[Slot]) {
    // SAFETY: as the caller promises.
    unsafe {
        match shape.element_bytes {
            1 => store_elements::<u8>(resolved, active, shape, registers, slots),
            2 => store_elements::<u16>(resolved, active, shape, registers, slots),
            4 => store_elements::<u32>(resolved, active, shape, registers, slots),
            _ => store_elements::<u64>(resolved, active, shape, registers, slots),
        }
    }
}

/// How an element becomes what a register holds.
#[derive(Clone, Copy)]
struct Extension {
    /// Up and down again with the sign.
    shift: u32,
    /// The bits of the register.
    mask: u64,
}

impl Extension {
    fn of<T: Element>(shape: Shape) -> Self {
        let shift = if shape.sign_extend { 64 - 8 * size_of::<T>() as u32 } else { 0 };
        Self { shift, mask: u64::MAX >> (64 - 8 * shape.register_bytes.clamp(1, 8)) }
    }

    const fn apply(self, value: u64) -> u64 {
        ((value << self.shift).cast_signed() >> self.shift).cast_unsigned() & self.mask
    }
}

/// # Safety
/// As for [`load`].
unsafe fn load_elements<T: Element>(
    resolved: &Resolved,
    active: u32,
    shape: Shape,
    registers: &mut Registers,
    slots: &[Slot],
) {
    let plain = size_of::<T>() as u32 == shape.register_bytes;
    let extension = Extension::of::<T>(shape);
    for (element, &slot) in slots.iter().take(shape.elements as usize).enumerate() {
        let at = element * size_of::<T>();
        // SAFETY: the slot is inside, as the caller promises.
        let target = unsafe { registers.lanes.as_mut_ptr().add(slot as usize) };
        // SAFETY: the pointers are those of the access, `at` is inside it, and the register is as wide as asked.
        unsafe {
            match (shape.register_bytes == 8, plain) {
                (true, true) => fill::<T, u64>(resolved, active, shape, at, target.cast(), T::widen),
                (true, false) => {
                    fill::<T, u64>(resolved, active, shape, at, target.cast(), |v| {
                        extension.apply(v.widen())
                    });
                }
                (false, true) => {
                    fill::<T, u32>(resolved, active, shape, at, target.cast(), |v| v.widen() as u32);
                }
                (false, false) => fill::<T, u32>(resolved, active, shape, at, target.cast(), |v| {
                    extension.apply(v.widen()) as u32
                }),
            }
        }
    }
}

/// Fills one register of all lanes from the element `at` bytes into each access.
///
/// # Safety
/// As for [`load`]; `target` is the register's 32 values.
#[inline(always)]
unsafe fn fill<T: Element, R: Copy + Default>(
    resolved: &Resolved,
    active: u32,
    shape: Shape,
    at: usize,
    target: *mut R,
    convert: impl Fn(T) -> R,
) {
    let stride = (shape.element_bytes * shape.elements) as usize;
    let first = resolved.pointers[active.trailing_zeros() as usize % WARP];
    // SAFETY: `at` is inside the access; pointers are good or null, and with these layouts none is null.
    unsafe {
        match resolved.layout {
            Layout::Contiguous if T::is_aligned(first) => {
                let first = first.add(at);
                // The same loop twice: where the step is known, the addresses need no arithmetic.
                if stride == size_of::<T>() {
                    let first = first.cast::<T>();
                    for lane in 0..WARP {
                        target.add(lane).write(convert(T::load(first.add(lane).cast())));
                    }
                } else {
                    for lane in 0..WARP {
                        target.add(lane).write(convert(T::load(first.add(lane * stride))));
                    }
                }
            }
            Layout::Uniform => {
                let value = convert(T::load_any(first.add(at)));
                each(active, |lane| target.add(lane).write(value));
            }
            _ => {
                each(active, |lane| {
                    let pointer = resolved.pointers[lane];
                    let value =
                        if pointer.is_null() { R::default() } else { convert(T::load_any(pointer.add(at))) };
                    target.add(lane).write(value);
                });
            }
        }
    }
}

/// # Safety
/// As for [`store`].
unsafe fn store_elements<T: Element>(
    resolved: &Resolved,
    active: u32,
    shape: Shape,
    registers: &Registers,
    slots: &[Slot],
) {
    for (element, &slot) in slots.iter().take(shape.elements as usize).enumerate() {
        let at = element * size_of::<T>();
        // SAFETY: the slot is inside, as the caller promises.
        let source = unsafe { registers.lanes.as_ptr().add(slot as usize) };
        // SAFETY: as in `load_elements`.
        unsafe {
            if shape.register_bytes == 8 {
                spill::<T, u64>(resolved, active, shape, at, source.cast(), T::narrow);
            } else {
                spill::<T, u32>(resolved, active, shape, at, source.cast(), |v| T::narrow(u64::from(v)));
            }
        }
    }
}

/// Stores one register of all lanes to the element `at` bytes into each access.
///
/// # Safety
/// As for [`store`]; `source` is the register's 32 values.
#[inline(always)]
unsafe fn spill<T: Element, R: Copy>(
    resolved: &Resolved,
    active: u32,
    shape: Shape,
    at: usize,
    source: *const R,
    convert: impl Fn(R) -> T,
) {
    let stride = (shape.element_bytes * shape.elements) as usize;
    // SAFETY: as in `fill`.
    unsafe {
        match resolved.layout {
            Layout::Contiguous if T::is_aligned(resolved.pointers[0]) => {
                let first = resolved.pointers[0].add(at);
                for lane in 0..WARP {
                    T::store(first.add(lane * stride), convert(source.add(lane).read()));
                }
            }
            _ => {
                each(active, |lane| {
                    let pointer = resolved.pointers[lane];
                    if !pointer.is_null() {
                        T::store_any(pointer.add(at), convert(source.add(lane).read()));
                    }
                });
            }
        }
    }
}

/// For each lane of a mask, lowest first.
#[inline(always)]
fn each(active: u32, mut run: impl FnMut(usize)) {
    // A loop of known length is quicker than finding the next bit.
    if active == u32::MAX {
        (0..WARP).for_each(run);
    } else {
        lanes(active).for_each(&mut run);
    }
}

/// The lanes of a mask, lowest first.
#[inline(always)]
pub(super) fn lanes(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (mask != 0).then(|| {
            let lane = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            lane
        })
    })
}
