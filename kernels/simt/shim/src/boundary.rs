//! Pointers from outside, and panics that must not leave.
//!
//! The types here are what the functions of the API take in place of raw pointers. They are made by C callers alone:
//! nothing in this crate makes one. Whoever calls a function of the API promises that its pointers are null or lead to
//! what the API says is there (that is the "Safety" of every one of them); the methods rely on that promise and on
//! nothing else.

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::report;
use crate::status::{Outcome, Status};

/// Runs the body of a call. A panic ends here: unwinding into C is undefined.
pub fn guard(name: &str, body: impl FnOnce() -> Outcome) -> Status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => Status::SUCCESS,
        Ok(Err(status)) => status,
        Err(_) => {
            report::note(&format!(
                "{name} panicked, which is an error of the virtual device: please report it"
            ));
            Status::UNKNOWN
        }
    }
}

/// Functions of the API, and `entries`, the table of their addresses by name.
macro_rules! exports {
    ($(fn $name:ident($($argument:ident: $ty:ty),* $(,)?) $body:block)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "` of the CUDA driver API.")]
            ///
            /// # Safety
            /// Every pointer is null or leads to what the driver API says is there, for as long as it says.
            // SAFETY: the name is one of the CUDA driver API, which nothing else here defines.
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name($($argument: $ty),*) -> $crate::status::Status {
                $crate::boundary::guard(stringify!($name), move || $body)
            }
        )*

        /// The functions of this module, by name.
        #[must_use]
        pub fn entries() -> Vec<(&'static str, usize)> {
            vec![$((stringify!($name), $name as *const () as usize)),*]
        }
    };
}

/// Where a result goes.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Nothing is asked for.
    pub const NONE: Self = Self(std::ptr::null_mut());

    /// A place whose type another argument says.
    #[must_use]
    pub const fn untyped(place: *mut c_void) -> Self {
        Self(place.cast())
    }

    /// Writes a result that was asked for.
    ///
    /// # Errors
    /// [`Status::INVALID_VALUE`] for null.
    pub fn set(self, value: T) -> Outcome {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        self.offer(value);
        Ok(())
    }

    /// Writes a result that need not be wanted.
    pub fn offer(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not null, so valid for a write of `T` (the promise of the caller); alignment is not relied on.
            unsafe { self.0.write_unaligned(value) };
        }
    }

    /// Whether nothing is asked for.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// Writes a list from here on.
    pub fn list(self, values: impl IntoIterator<Item = T>) {
        if !self.0.is_null() {
            for (index, value) in values.into_iter().enumerate() {
                // SAFETY: not null, so valid for as many as the caller said (its promise), which callers of this
                // method keep to.
                unsafe { self.0.add(index).write_unaligned(value) };
            }
        }
    }
}

impl<T: Copy> Out<T> {
    /// Reads what is there: a length that the caller gives and gets.
    ///
    /// # Errors
    /// [`Status::INVALID_VALUE`] for null.
    pub fn get(self) -> Outcome<T> {
        In(self.0.cast_const()).get()
    }
}

/// Where an argument is.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct In<T>(*const T);

impl<T: Copy> In<T> {
    /// Nothing.
    pub const NONE: Self = Self(std::ptr::null());

    /// What is there.
    ///
    /// # Errors
    /// [`Status::INVALID_VALUE`] for null.
    pub fn get(self) -> Outcome<T> {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: not null, so valid for a read of `T` (the promise of the caller); alignment is not relied on.
        Ok(unsafe { self.0.read_unaligned() })
    }

    /// What is there, further on in a list that says itself where it ends.
    ///
    /// # Errors
    /// [`Status::INVALID_VALUE`] for null.
    pub fn at(self, index: usize) -> Outcome<T> {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: as `get`; whoever asks has seen that the list goes on to here.
        Ok(unsafe { self.0.add(index).read_unaligned() })
    }

    /// A place whose type another argument says.
    #[must_use]
    pub const fn untyped(place: Host) -> Self {
        Self(place.0.cast_const().cast())
    }

    /// A list of so many.
    ///
    /// # Errors
    /// [`Status::INVALID_VALUE`] for null, unless the list is empty.
    pub fn list(self, count: usize) -> Outcome<Vec<T>> {
        if count > 0 && self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: as `get`, for as many as the caller says.
        Ok((0..count).map(|index| unsafe { self.0.add(index).read_unaligned() }).collect())
    }

    /// Whether nothing is given.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0.is_null()
    }
}

/// A text that ends with NUL.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Text(*const c_char);

impl Text {
    /// The text.
    ///
    /// # Errors
    /// [`Status::INVALID_VALUE`] for null, and for what is not UTF-8.
    pub fn get(self) -> Outcome<String> {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: not null, so it ends with NUL (the promise of the caller).
        let text = unsafe { CStr::from_ptr(self.0) };
        text.to_str().map(str::to_owned).map_err(|_| Status::INVALID_VALUE)
    }
}

/// Memory of the host whose size another argument says.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Host(*mut c_void);

// SAFETY: an address. The API lets work of a stream use the memory later and from any thread; the caller promises that
// it stays until that work is done.
unsafe impl Send for Host {}
// SAFETY: as above.
unsafe impl Sync for Host {}

impl Host {
    /// From its address: of a structure, or of `cuMemcpy`, which takes host and device addresses alike.
    #[must_use]
    pub fn at(address: u64) -> Self {
        Self(std::ptr::with_exposed_provenance_mut(address as usize))
    }

    /// Memory of our own.
    #[must_use]
    pub fn of(bytes: &mut [u8]) -> Self {
        Self(bytes.as_mut_ptr().cast())
    }

    /// The text that begins here and ends with NUL.
    ///
    /// # Errors
    /// [`Status::INVALID_VALUE`] for null. Bytes that are no UTF-8 are replaced: whoever reads the text refuses it.
    pub fn text(self) -> Outcome<String> {
        if self.0.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        // SAFETY: not null, so it ends with NUL (the promise of the caller).
        let text = unsafe { CStr::from_ptr(self.0.cast()) };
        Ok(text.to_string_lossy().into_owned())
    }

    /// The address.
    #[must_use]
    pub fn address(self) -> u64 {
        self.0.addr() as u64
    }

    /// The pointer, for the caller's own functions.
    #[must_use]
    pub const fn pointer(self) -> *mut c_void {
        self.0
    }

    /// Whether it is null.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The address, further on.
    #[must_use]
    pub fn skip(self, bytes: u64) -> Self {
        Self(self.0.wrapping_byte_add(bytes as usize))
    }

    /// Copies from it.
    pub fn read(self, into: &mut [u8]) {
        if !self.0.is_null() {
            // SAFETY: the caller promised as many bytes as it said, and `into` is as long. It is memory of our own, so
            // the two do not overlap.
            unsafe { std::ptr::copy_nonoverlapping(self.0.cast::<u8>(), into.as_mut_ptr(), into.len()) };
        }
    }

    /// Copies to it.
    pub fn write(self, from: &[u8]) {
        if !self.0.is_null() {
            // SAFETY: as `read`.
            unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), self.0.cast::<u8>(), from.len()) };
        }
    }
}
