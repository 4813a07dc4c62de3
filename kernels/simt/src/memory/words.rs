//! How a violation is told: the same words for every space.

use std::ops::Range;

use super::{Access, AccessKind, Violation};
use crate::fault::{FaultKind, Target};

/// A buffer or variable that an address is in, or near.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) begin: u64,
    pub(super) size: u64,
}

impl Named<'_> {
    /// The byte of it at an address.
    pub(super) fn at(&self, address: u64) -> String {
        let Self { name, begin, size } = self;
        match address.checked_sub(*begin) {
            Some(offset) => format!("`{name}`[{size} bytes] + {offset}"),
            None => format!("`{name}`[{size} bytes] - {}", begin - address),
        }
    }

    /// Its end, or the address itself if that is inside.
    pub(super) fn last(&self, address: u64) -> u64 {
        address.min(self.begin + self.size)
    }

    /// Where bytes are that are not all inside.
    pub(super) fn astray(&self, address: u64, bytes: u64) -> String {
        let at = self.at(address);
        let end = self.begin + self.size;
        if address < self.begin {
            format!("{at} is {} before the begin of the buffer", count(self.begin - address))
        } else if address == end {
            format!("{at} is right behind the end of the buffer")
        } else if address > end {
            format!("{at} is {} past the end of the buffer", count(address - end))
        } else {
            format!("{at} leaves the buffer by {}", count(address.saturating_add(bytes) - end))
        }
    }
}

/// A number of bytes.
fn count(bytes: u64) -> String {
    format!("{bytes} byte{}", if bytes == 1 { "" } else { "s" })
}

/// An access in words: its size and what it does.
pub(super) fn access(access: &Access<'_>) -> String {
    let what = match access.kind {
        AccessKind::Load => "read",
        AccessKind::Store => "write",
        AccessKind::Atomic => "atomic access",
    };
    format!("{}-byte {what}", access.bytes)
}

/// `missing` counts from the begin of the buffer.
pub(super) fn unwritten(what: &str, at: &str, missing: &Range<u64>) -> String {
    if missing.end - missing.start == 1 {
        return format!("{what} at {at}: byte {} was never written", missing.start);
    }
    format!("{what} at {at}: bytes {} to {} were never written", missing.start, missing.end - 1)
}

/// An address that is no multiple of the size.
pub(super) fn misaligned(what: &str, at: &str, bytes: u64) -> String {
    format!("{what} at {at} is misaligned: the address must be a multiple of {bytes}")
}

/// What was accessed.
pub(super) fn target(
    space: &'static str,
    access: &Access<'_>,
    address: u64,
    named: Option<&Named<'_>>,
) -> Target {
    let buffer = named.map(|named| {
        let distance = i128::from(address) - i128::from(named.begin);
        let limit = if distance < 0 { i64::MIN } else { i64::MAX };
        (named.name.to_owned(), named.size, i64::try_from(distance).unwrap_or(limit))
    });
    Target { space, address, bytes: access.bytes, buffer }
}

/// A violation of a lane.
pub(super) fn violation(kind: FaultKind, lane: usize, message: String, target: Target) -> Box<Violation> {
    Box::new(Violation { kind, lane: lane as u32, message, target: Some(target), other: None })
}
