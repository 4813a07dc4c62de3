//! Elements of memory, read and written by relaxed atomic operations of the host.

use std::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};

/// An unsigned integer of 1, 2, 4 or 8 bytes in memory.
pub trait Element: Copy + Default + PartialEq {
    /// With zeros above.
    fn widen(self) -> u64;

    /// The lowest bits.
    fn narrow(value: u64) -> Self;

    /// Whether an address is a multiple of the size.
    #[inline(always)]
    fn is_aligned(pointer: *const u8) -> bool {
        pointer.addr().is_multiple_of(size_of::<Self>())
    }

    /// Reads.
    ///
    /// # Safety
    /// The pointer is aligned and good for reads of the size, and others access the bytes only by atomic operations.
    unsafe fn load(pointer: *const u8) -> Self;

    /// Writes.
    ///
    /// # Safety
    /// As for [`load`](Self::load), and good for writes.
    unsafe fn store(pointer: *mut u8, value: Self);

    /// One attempt to write `new` where `old` is; whether it succeeded, and otherwise what was there.
    ///
    /// # Safety
    /// As for [`store`](Self::store).
    unsafe fn replace(pointer: *mut u8, old: Self, new: Self) -> Result<(), Self>;

    /// Reads, also where the address is not aligned.
    ///
    /// # Safety
    /// As for [`load`](Self::load) but for alignment.
    #[inline(always)]
    unsafe fn load_any(pointer: *const u8) -> Self {
        if Self::is_aligned(pointer) {
            // SAFETY: as the caller promises, and it is aligned.
            return unsafe { Self::load(pointer) };
        }
        let bytes = (0..size_of::<Self>()).fold(0, |value, byte| {
            // SAFETY: single bytes of what the caller promises.
            value | u64::from(unsafe { u8::load(pointer.add(byte)) }) << (8 * byte)
        });
        Self::narrow(bytes)
    }

    /// Writes, also where the address is not aligned.
    ///
    /// # Safety
    /// As for [`store`](Self::store) but for alignment.
    #[inline(always)]
    unsafe fn store_any(pointer: *mut u8, value: Self) {
        if Self::is_aligned(pointer) {
            // SAFETY: as the caller promises, and it is aligned.
            return unsafe { Self::store(pointer, value) };
        }
        for byte in 0..size_of::<Self>() {
            // SAFETY: single bytes of what the caller promises.
            unsafe { u8::store(pointer.add(byte), (value.widen() >> (8 * byte)) as u8) };
        }
    }
}

macro_rules! element {
    ($type:ty, $atomic:ty) => {
        impl Element for $type {
            #[inline(always)]
            fn widen(self) -> u64 {
                u64::from(self)
            }

            #[inline(always)]
            fn narrow(value: u64) -> Self {
                value as Self
            }

            #[inline(always)]
            unsafe fn load(pointer: *const u8) -> Self {
                // SAFETY: aligned and good, and accessed atomically by all, as the caller promises.
                unsafe { <$atomic>::from_ptr(pointer.cast_mut().cast()) }.load(Relaxed)
            }

            #[inline(always)]
            unsafe fn store(pointer: *mut u8, value: Self) {
                // SAFETY: aligned and good, and accessed atomically by all, as the caller promises.
                unsafe { <$atomic>::from_ptr(pointer.cast()) }.store(value, Relaxed);
            }

            #[inline(always)]
            unsafe fn replace(pointer: *mut u8, old: Self, new: Self) -> Result<(), Self> {
                // SAFETY: aligned and good, and accessed atomically by all, as the caller promises.
                let atomic = unsafe { <$atomic>::from_ptr(pointer.cast()) };
                atomic.compare_exchange_weak(old, new, Relaxed, Relaxed).map(drop)
            }
        }
    };
}

element!(u8, AtomicU8);
element!(u16, AtomicU16);
element!(u32, AtomicU32);
element!(u64, AtomicU64);

/// Reads, computes and writes as one step; gives what was there before. `change` may be called several times. A null
/// pointer reads zero and takes no write. A misaligned address (only where that check is off) is changed in two steps.
///
/// # Safety
/// The pointer is null or good for reads and writes of the size, and others access the bytes only by atomic operations.
#[inline]
pub unsafe fn exchange<T: Element>(pointer: *mut u8, mut change: impl FnMut(T) -> T) -> T {
    if pointer.is_null() {
        return T::default();
    }
    if !T::is_aligned(pointer) {
        // SAFETY: as the caller promises.
        unsafe {
            let old = T::load_any(pointer);
            T::store_any(pointer, change(old));
            return old;
        }
    }
    // SAFETY: as the caller promises, and it is aligned.
    unsafe {
        let mut old = T::load(pointer);
        while let Err(found) = T::replace(pointer, old, change(old)) {
            old = found;
        }
        old
    }
}
