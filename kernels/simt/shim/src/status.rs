//! Status codes (`CUresult`).

use std::ffi::{CStr, c_char};

use simt::stream::StreamError;
use simt::{Error, FaultKind};

use crate::boundary::Out;

/// What a call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Status(pub u32);

/// What is done inside a call.
pub type Outcome<T = ()> = Result<T, Status>;

macro_rules! statuses {
    ($($short:ident = $code:literal, $name:literal, $sentence:literal;)*) => {
        impl Status {
            $(#[doc = concat!($name, ": ", $sentence)] pub const $short: Self = Self($code);)*
        }
        /// Every code: number, name, sentence. Each text ends with NUL.
        const KNOWN: &[(u32, &str, &str)] = &[$(($code, concat!($name, "\0"), concat!($sentence, "\0")),)*];
    };
}

statuses! {
    SUCCESS = 0, "CUDA_SUCCESS", "no error";
    INVALID_VALUE = 1, "CUDA_ERROR_INVALID_VALUE", "invalid argument";
    OUT_OF_MEMORY = 2, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory";
    NOT_INITIALIZED = 3, "CUDA_ERROR_NOT_INITIALIZED", "initialization error";
    INVALID_DEVICE = 101, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal";
    INVALID_CONTEXT = 201, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context";
    NO_BINARY_FOR_GPU = 209, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device";
    UNSUPPORTED_LIMIT = 215, "CUDA_ERROR_UNSUPPORTED_LIMIT", "limit is not supported on this architecture";
    PEER_ACCESS_UNSUPPORTED = 217, "CUDA_ERROR_PEER_ACCESS_UNSUPPORTED", "peer access is not supported between these two devices";
    INVALID_PTX = 218, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed";
    UNSUPPORTED_PTX_VERSION = 222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain.";
    FILE_NOT_FOUND = 301, "CUDA_ERROR_FILE_NOT_FOUND", "file not found";
    INVALID_HANDLE = 400, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle";
    ILLEGAL_STATE = 401, "CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state";
    LOSSY_QUERY = 402, "CUDA_ERROR_LOSSY_QUERY", "attempted introspection would be semantically lossy";
    NOT_FOUND = 500, "CUDA_ERROR_NOT_FOUND", "named symbol not found";
    NOT_READY = 600, "CUDA_ERROR_NOT_READY", "device not ready";
    ILLEGAL_ADDRESS = 700, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered";
    LAUNCH_OUT_OF_RESOURCES = 701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch";
    LAUNCH_TIMEOUT = 702, "CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated";
    PRIMARY_CONTEXT_ACTIVE = 708, "CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE", "cannot set while device is active in this process";
    HOST_MEMORY_ALREADY_REGISTERED = 712, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", "part or all of the requested memory range is already mapped";
    HOST_MEMORY_NOT_REGISTERED = 713, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED", "pointer does not correspond to a registered memory region";
    MISALIGNED_ADDRESS = 716, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address";
    LAUNCH_FAILED = 719, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure";
    COOPERATIVE_LAUNCH_TOO_LARGE = 720, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", "too many blocks in cooperative launch";
    NOT_SUPPORTED = 801, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported";
    STREAM_CAPTURE_UNSUPPORTED = 900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing";
    STREAM_CAPTURE_INVALIDATED = 901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture";
    STREAM_CAPTURE_MERGE = 902, "CUDA_ERROR_STREAM_CAPTURE_MERGE", "operation would result in a merge of separate capture sequences";
    STREAM_CAPTURE_UNMATCHED = 903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "capture was not ended in the same stream as it began";
    STREAM_CAPTURE_UNJOINED = 904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "capturing stream has unjoined work";
    STREAM_CAPTURE_ISOLATION = 905, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "dependency created on uncaptured work in another stream";
    STREAM_CAPTURE_IMPLICIT = 906, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT", "operation would make the legacy stream depend on a capturing blocking stream";
    CAPTURED_EVENT = 907, "CUDA_ERROR_CAPTURED_EVENT", "operation not permitted on an event last recorded in a capturing stream";
    STREAM_CAPTURE_WRONG_THREAD = 908, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD", "attempt to terminate a thread-local capture sequence from another thread";
    GRAPH_EXEC_UPDATE_FAILURE = 910, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE", "the graph update was not performed because it included changes which violated constraints specific to instantiated graph update";
    UNKNOWN = 999, "CUDA_ERROR_UNKNOWN", "unknown error";
}

impl Status {
    /// What a GPU says of such a fault, or the nearest that it could say. Undefined behaviour that a GPU lets pass is
    /// [`LAUNCH_FAILED`](Self::LAUNCH_FAILED).
    #[must_use]
    pub const fn of_fault(kind: FaultKind) -> Self {
        match kind {
            FaultKind::OutOfBounds | FaultKind::UseAfterFree | FaultKind::ReadOnly => Self::ILLEGAL_ADDRESS,
            FaultKind::Misaligned => Self::MISALIGNED_ADDRESS,
            FaultKind::Deadlock | FaultKind::EndlessLoop => Self::LAUNCH_TIMEOUT,
            FaultKind::LaunchLimit => Self::LAUNCH_OUT_OF_RESOURCES,
            FaultKind::Unsupported => Self::NOT_SUPPORTED,
            _ => Self::LAUNCH_FAILED,
        }
    }

    /// Of what the device refuses outside a kernel.
    #[must_use]
    pub fn of_error(error: &Error) -> Self {
        match error {
            Error::Decode(_) | Error::Module { .. } => Self::INVALID_PTX,
            Error::Memory { .. } => Self::OUT_OF_MEMORY,
            Error::Address { .. } => Self::INVALID_VALUE,
            Error::Fault(fault) => Self::of_fault(fault.kind),
        }
    }

    /// Of what streams refuse.
    #[must_use]
    pub fn of_stream(error: &StreamError) -> Self {
        match error {
            StreamError::UnknownStream(_) | StreamError::UnknownEvent(_) | StreamError::NoTime(_) => {
                Self::INVALID_HANDLE
            }
            StreamError::Device(error) => Self::of_error(error),
            StreamError::Graph(_) => Self::INVALID_VALUE,
            StreamError::Begun => Self::ILLEGAL_STATE,
            StreamError::Capturing(_) => Self::STREAM_CAPTURE_UNSUPPORTED,
            StreamError::Invalidated => Self::STREAM_CAPTURE_INVALIDATED,
            StreamError::Merge => Self::STREAM_CAPTURE_MERGE,
            StreamError::Unmatched => Self::STREAM_CAPTURE_UNMATCHED,
            StreamError::Unjoined(_) => Self::STREAM_CAPTURE_UNJOINED,
            StreamError::Isolation => Self::STREAM_CAPTURE_ISOLATION,
            StreamError::Implicit => Self::STREAM_CAPTURE_IMPLICIT,
            StreamError::CapturedEvent => Self::CAPTURED_EVENT,
            StreamError::WrongThread => Self::STREAM_CAPTURE_WRONG_THREAD,
        }
    }
}

fn text(
    code: u32,
    pick: impl Fn(&'static (u32, &'static str, &'static str)) -> &'static str,
) -> *const c_char {
    let known = KNOWN.iter().find(|known| known.0 == code).map(pick);
    known
        .and_then(|text| CStr::from_bytes_with_nul(text.as_bytes()).ok())
        .map_or(std::ptr::null(), CStr::as_ptr)
}

exports! {
    fn cuGetErrorName(status: u32, name: Out<*const c_char>) {
        let found = text(status, |known| known.1);
        name.set(found)?;
        if found.is_null() { Err(Status::INVALID_VALUE) } else { Ok(()) }
    }
    fn cuGetErrorString(status: u32, sentence: Out<*const c_char>) {
        let found = text(status, |known| known.2);
        sentence.set(found)?;
        if found.is_null() { Err(Status::INVALID_VALUE) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_name_and_a_sentence_of_its_own() {
        let mut codes: Vec<u32> = KNOWN.iter().map(|known| known.0).collect();
        codes.dedup();
        assert_eq!(codes.len(), KNOWN.len());
        assert!(codes.is_sorted());
        for &(code, ..) in KNOWN {
            assert!(
                !text(code, |known| known.1).is_null() && !text(code, |known| known.2).is_null(),
                "{code}"
            );
        }
        assert!(text(12345, |known| known.1).is_null());
    }
}
