//! `cp.async`: from device memory to shared memory, at some time before it is waited for.

use std::sync::atomic::{AtomicU8, Ordering};

use super::core::Core;
use super::program::Where;
use super::reach::{Outcome, addresses, plain, reach};
use super::warp::Warp;
use crate::memory::AccessKind;
use crate::ptx::Space;

/// `cp.async` of one lane: the source is read now, what comes after `source_bytes` is zero.
pub(super) fn copy(
    core: &mut Core<'_>,
    warp: &mut Warp,
    lane: u32,
    bytes: u32,
    to: Where,
    from: Where,
    source_bytes: Option<u32>,
) -> Outcome {
    let mut data = [0u8; 16];
    let given = source_bytes.unwrap_or(bytes).min(bytes);
    let source = addresses(&warp.registers, from);
    // In one piece where it is whole, otherwise byte by byte.
    let piece = if given == bytes { bytes } else { 1 };
    let mut at = 0;
    while at < given {
        let mut addresses = source;
        addresses[lane as usize] = source[lane as usize].wrapping_add(u64::from(at));
        reach(core, warp, Space::Global, &plain(AccessKind::Load, piece, 1 << lane, &addresses))?;
        let pointer = core.resolved.pointers[lane as usize];
        if !pointer.is_null()
            && let Some(to) = data.get_mut(at as usize..(at + piece) as usize)
        {
            for (index, byte) in to.iter_mut().enumerate() {
                // SAFETY: the access was resolved for `piece` bytes; other threads of the host write atomically.
                *byte = unsafe { (*pointer.add(index).cast::<AtomicU8>()).load(Ordering::Relaxed) };
            }
        }
        at += piece;
    }
    let offset = addresses(&warp.registers, to)[lane as usize];
    core.shared.copy(warp.thread(lane), lane, offset, data.get(..bytes as usize).unwrap_or_default())
}
