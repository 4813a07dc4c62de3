//! Registers, as an instruction sees them: the only place that reads and writes them by pointer.

use std::marker::PhantomData;

use super::half::{Bf16, F16, Pair};
use crate::WARP;
use crate::registers::{Lanes, Registers, Slot};

/// The registers of a warp, the slots of one instruction, and the lanes that it computes for.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    lanes: *mut Lanes,
    predicates: *mut u32,
    slots: &'a [Slot],
    /// The lanes whose results count.
    pub(super) active: u32,
    registers: PhantomData<&'a Registers>,
}

impl<'a> View<'a> {
    /// Of an instruction.
    ///
    /// # Safety
    /// There are as many slots as what reads the view takes, and each is inside `registers`, as
    /// [`AluFn`](super::AluFn) says.
    #[inline(always)]
    pub(super) unsafe fn new(registers: &'a mut Registers, slots: &'a [Slot], active: u32) -> Self {
        Self {
            lanes: registers.lanes.as_mut_ptr(),
            predicates: registers.predicates.as_mut_ptr(),
            slots,
            active,
            registers: PhantomData,
        }
    }

    #[inline(always)]
    fn slot(&self, index: usize) -> usize {
        if cfg!(debug_assertions) && index >= self.slots.len() {
            missing(index, self.slots.len());
        }
        // SAFETY: whoever made the view gave it every slot that is asked for.
        unsafe { *self.slots.get_unchecked(index) as usize }
    }

    /// The lanes of an operand.
    #[inline(always)]
    fn pointer(&self, index: usize) -> *mut Lanes {
        // SAFETY: every slot is inside the registers, as was promised to `new`.
        unsafe { self.lanes.add(self.slot(index)) }
    }

    /// The mask of a predicate operand.
    #[inline(always)]
    pub(super) fn mask(&self, index: usize) -> u32 {
        // SAFETY: every slot is inside the predicates, as was promised to `new`.
        unsafe { *self.predicates.add(self.slot(index)) }
    }

    /// Sets a predicate operand for the active lanes.
    #[inline(always)]
    pub(super) fn set_mask(&self, index: usize, value: u32) {
        let value = (value & self.active) | (self.mask(index) & !self.active);
        // SAFETY: as in `mask`; no reference to the predicates is alive.
        unsafe { *self.predicates.add(self.slot(index)) = value }
    }

    /// Every lane of an operand of up to 32 bits.
    #[inline(always)]
    pub(super) fn words(&self, index: usize) -> [u32; WARP] {
        // SAFETY: inside the registers; read by value.
        unsafe { (*self.pointer(index)).0 }
    }

    /// Every lane of an operand of 64 bits.
    #[inline(always)]
    pub(super) fn wide(&self, index: usize) -> [u64; WARP] {
        // SAFETY: the two neighbours are 256 bytes, aligned to 64; read by value.
        unsafe { *self.pointer(index).cast::<[u64; WARP]>() }
    }

    /// Sets the active lanes of an operand.
    #[inline(always)]
    pub(super) fn set<T: Copy>(&self, index: usize, values: &[T; WARP]) {
        const { assert!(size_of::<T>() == 4 || size_of::<T>() == 8, "a lane has 4 or 8 bytes") };
        let to = self.pointer(index).cast::<T>();
        if self.active == u32::MAX {
            // SAFETY: the operand is inside the registers and `values` is elsewhere.
            unsafe { std::ptr::copy_nonoverlapping(values.as_ptr(), to, WARP) }
        } else {
            // SAFETY: as above.
            unsafe { set_some(to, values, self.active) }
        }
    }
}

/// Sets some lanes. Not inlined: thousands of functions end with this, and would take long to build.
///
/// # Safety
/// `to` has 32 lanes, which nothing else refers to.
#[inline(never)]
unsafe fn set_some<T: Copy>(to: *mut T, values: &[T; WARP], active: u32) {
    for (lane, &value) in values.iter().enumerate() {
        // SAFETY: the caller's promise; each lane is read and written by itself.
        unsafe {
            let old = *to.add(lane);
            *to.add(lane) = if (active >> lane) & 1 != 0 { value } else { old };
        }
    }
}

/// Says that an instruction came with too few slots; only where assertions are on.
#[cold]
#[inline(never)]
#[expect(clippy::panic, reason = "an assertion: whoever decodes instructions gives every slot")]
fn missing(index: usize, count: usize) -> ! {
    panic!("operand {index} of {count}")
}

/// A type of an operand.
pub(super) trait Operand: Copy {
    /// Where the lanes are read.
    type Reader: Copy;
    /// The results of all lanes, before they are stored.
    type Results;
    /// Results to fill.
    const EMPTY: Self::Results;

    /// Where operand `index` is read.
    fn reader(view: &View<'_>, index: usize) -> Self::Reader;
    /// The value of a lane.
    ///
    /// # Safety
    /// `lane` is less than 32 and the registers are still there.
    unsafe fn read(reader: Self::Reader, lane: usize) -> Self;
    /// Keeps the result of a lane.
    fn keep(results: &mut Self::Results, lane: usize, value: Self);
    /// Writes the results of the active lanes.
    fn store(view: &View<'_>, index: usize, results: &Self::Results);
}

/// Types that lie in their register as they are.
macro_rules! whole {
    ($($ty:ty),*) => {$(
        impl Operand for $ty {
            type Reader = *const $ty;
            type Results = [$ty; WARP];
            // SAFETY: numbers, for which zeros are a value.
            const EMPTY: Self::Results = unsafe { std::mem::zeroed() };

            #[inline(always)]
            fn reader(view: &View<'_>, index: usize) -> Self::Reader {
                view.pointer(index).cast::<$ty>()
            }
            #[inline(always)]
            unsafe fn read(reader: Self::Reader, lane: usize) -> Self {
                // SAFETY: the operand has 32 lanes.
                unsafe { *reader.add(lane) }
            }
            #[inline(always)]
            fn keep(results: &mut Self::Results, lane: usize, value: Self) {
                results[lane] = value;
            }
            #[inline(always)]
            fn store(view: &View<'_>, index: usize, results: &Self::Results) {
                view.set(index, results);
            }
        }
    )*};
}
whole!(u32, i32, f32, u64, i64, f64);

/// Types that lie zero-extended in 32 bits, or that are written as another.
macro_rules! narrow {
    ($($ty:ty: |$word:ident| $from:expr, |$value:ident| $to:expr;)*) => {$(
        impl Operand for $ty {
            type Reader = *const u32;
            type Results = [u32; WARP];
            const EMPTY: Self::Results = [0; WARP];

            #[inline(always)]
            fn reader(view: &View<'_>, index: usize) -> Self::Reader {
                view.pointer(index).cast::<u32>()
            }
            #[inline(always)]
            unsafe fn read(reader: Self::Reader, lane: usize) -> Self {
                // SAFETY: the operand has 32 lanes.
                let $word = unsafe { *reader.add(lane) };
                $from
            }
            #[inline(always)]
            fn keep(results: &mut Self::Results, lane: usize, $value: Self) {
                results[lane] = $to;
            }
            #[inline(always)]
            fn store(view: &View<'_>, index: usize, results: &Self::Results) {
                view.set(index, results);
            }
        }
    )*};
}
narrow! {
    u8: |word| word as u8, |value| u32::from(value);
    // Registers for 8 bits have 16, and the sign goes through all of them.
    i8: |word| word as i8, |value| u32::from(i16::from(value) as u16);
    u16: |word| word as u16, |value| u32::from(value);
    i16: |word| word as i16, |value| u32::from(value as u16);
    F16: |word| F16(word as u16), |value| u32::from(value.0);
    Bf16: |word| Bf16(word as u16), |value| u32::from(value.0);
    Pair<F16>: |word| Pair(F16(word as u16), F16((word >> 16) as u16)),
        |value| u32::from(value.0.0) | (u32::from(value.1.0) << 16);
    Pair<Bf16>: |word| Pair(Bf16(word as u16), Bf16((word >> 16) as u16)),
        |value| u32::from(value.0.0) | (u32::from(value.1.0) << 16);
}

/// A predicate.
impl Operand for bool {
    type Reader = u32;
    type Results = [u8; WARP];
    const EMPTY: Self::Results = [0; WARP];

    #[inline(always)]
    fn reader(view: &View<'_>, index: usize) -> Self::Reader {
        view.mask(index)
    }
    #[inline(always)]
    unsafe fn read(reader: Self::Reader, lane: usize) -> Self {
        (reader >> lane) & 1 != 0
    }
    #[inline(always)]
    fn keep(results: &mut Self::Results, lane: usize, value: Self) {
        results[lane] = u8::from(value);
    }
    #[inline(always)]
    fn store(view: &View<'_>, index: usize, results: &Self::Results) {
        view.set_mask(index, gather(results));
    }
}

/// The mask of 32 bytes that are 0 or 1.
#[inline(always)]
pub(super) fn gather(bytes: &[u8; WARP]) -> u32 {
    // The product moves byte i to bit 56 + i; nothing else reaches the top byte.
    const SPREAD: u64 = 0x0102_0408_1020_4080;
    let mut mask = 0;
    let (chunks, _) = bytes.as_chunks::<8>();
    for (index, &chunk) in chunks.iter().enumerate() {
        let eight = u64::from_le_bytes(chunk).wrapping_mul(SPREAD) >> 56;
        mask |= (eight as u32) << (8 * index);
    }
    mask
}
