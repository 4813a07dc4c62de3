//! What can be wrong with a safetensors file.

use std::io;
use std::path::PathBuf;

use ::safetensors::Dtype;

/// The header length limit that the format's own reader sets.
pub(super) const HEADER_LIMIT: u64 = 100_000_000;

/// Why a safetensors file was refused.
#[derive(Debug, thiserror::Error)]
pub enum SafetensorsError {
    /// The file could not be opened or mapped.
    #[error("cannot read {path}: {source}; check the path and its permissions")]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The path names a folder or a device.
    #[error("{path} is not a regular file; pass a .safetensors file")]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The content is not a valid safetensors file.
    #[error("{path}: {source}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: HeaderError,
    },
}

/// What is wrong with the bytes of a safetensors file.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HeaderError {
    /// Fewer bytes than the header length takes.
    #[error("the file has {length} bytes, fewer than the 8 that hold the header length; fetch it again")]
    TooShort {
        /// Bytes in the file.
        length: usize,
    },
    /// The declared header is longer than any reader accepts.
    #[error(
        "the header length {declared} is over the limit of {HEADER_LIMIT}; this is not a safetensors file, or \
         its first 8 bytes are damaged"
    )]
    HeaderTooLarge {
        /// The length that the file declares.
        declared: u64,
    },
    /// The declared header reaches past the end of the file.
    #[error(
        "the header length {declared} is over the {available} bytes that follow it; fetch the file again"
    )]
    HeaderTruncated {
        /// The length that the file declares.
        declared: u64,
        /// Bytes after the length.
        available: usize,
    },
    /// The header is not text.
    #[error("the header is not UTF-8 at byte {offset}; fetch the file again")]
    HeaderNotUtf8 {
        /// Where, counted from the start of the header.
        offset: usize,
    },
    /// The header is not the JSON that the format asks for.
    #[error("the header is not valid: {message}; fetch the file again")]
    HeaderJson {
        /// What the JSON reader said.
        message: String,
    },
    /// Two entries have the same name, so that one would hide the other.
    #[error("tensor \"{tensor}\" is declared twice; write the file again with distinct names")]
    DuplicateTensor {
        /// The name.
        tensor: String,
    },
    /// The dtype is none of the format's.
    #[error("tensor \"{tensor}\" has the unknown dtype \"{dtype}\"; convert it to BF16, F16, F32, or F64")]
    UnknownDtype {
        /// The tensor.
        tensor: String,
        /// The dtype as written.
        dtype: String,
    },
    /// The number of bytes that the shape asks for cannot be counted.
    #[error("tensor \"{tensor}\" has shape {shape:?}, whose size overflows; fetch the file again")]
    SizeOverflow {
        /// The tensor.
        tensor: String,
        /// Its shape.
        shape: Vec<u64>,
    },
    /// Shape and dtype ask for another number of bytes than the offsets span.
    #[error(
        "tensor \"{tensor}\" of dtype {dtype} and shape {shape:?} takes {expected} bits, but its offsets span \
         {found} bytes; fetch the file again"
    )]
    SizeMismatch {
        /// The tensor.
        tensor: String,
        /// Its dtype.
        dtype: Dtype,
        /// Its shape.
        shape: Vec<u64>,
        /// Bits that dtype and shape ask for (some dtypes are smaller than a byte).
        expected: u64,
        /// Bytes between the offsets.
        found: u64,
    },
    /// The offsets are reversed, or overlap the tensor before, or leave a hole after it.
    #[error(
        "tensor \"{tensor}\" has offsets [{start}, {end}], but the tensor before it ends at {expected}; fetch the \
         file again"
    )]
    Offsets {
        /// The tensor.
        tensor: String,
        /// Where its bytes start.
        start: u64,
        /// Where they end.
        end: u64,
        /// Where they have to start.
        expected: u64,
    },
    /// The tensors do not fill the file exactly: it is truncated, or has bytes that nothing describes.
    #[error("the header describes {declared} bytes of tensors, but {found} follow it; fetch the file again")]
    Coverage {
        /// Bytes that the header describes.
        declared: u64,
        /// Bytes that follow the header.
        found: u64,
    },
    /// Refused by the format's own reader for a reason that this module has no words for.
    #[error("refused: {message}; fetch the file again")]
    Refused {
        /// What the reader said.
        message: String,
    },
}
