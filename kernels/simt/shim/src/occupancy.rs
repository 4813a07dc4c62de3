//! How many blocks a multiprocessor takes, as far as threads and shared memory say: registers are not known.

use std::ffi::{c_int, c_uint, c_void};

use simt::{Function, Limits};

use crate::boundary::Out;
use crate::handles::Handle;
use crate::module::kernel;
use crate::session::session;
use crate::status::Status;

/// Shared memory of a block that the system takes, in bytes, from 8.0 on.
pub const RESERVED_SHARED_BYTES: u32 = 1024;

/// Blocks of a kernel that a multiprocessor runs at a time.
#[must_use]
pub fn blocks(limits: &Limits, function: &Function, threads: u32, dynamic: u64) -> u32 {
    let threads = threads.max(1).next_multiple_of(32);
    if threads > function.max_threads().next_multiple_of(32) {
        return 0;
    }
    let shared = u64::from(function.shared_bytes()) + dynamic + u64::from(RESERVED_SHARED_BYTES);
    let by_shared = u64::from(limits.shared_bytes_per_multiprocessor) / shared;
    let by_shared = u32::try_from(by_shared).unwrap_or(u32::MAX);
    limits.max_blocks_per_multiprocessor.min(limits.max_threads_per_multiprocessor / threads).min(by_shared)
}

exports! {
    fn cuOccupancyMaxActiveBlocksPerMultiprocessor(
        count: Out<c_int>, function: Handle, threads: c_int, dynamic: usize,
    ) {
        let session = session()?;
        let (_, _, function) = kernel(&session, function)?;
        let threads = u32::try_from(threads).ok().filter(|threads| *threads > 0).ok_or(Status::INVALID_VALUE)?;
        count.set(blocks(session.device.limits(), &function, threads, dynamic as u64) as c_int)
    }
    fn cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
        count: Out<c_int>, function: Handle, threads: c_int, dynamic: usize, flags: c_uint,
    ) {
        let _ = flags;
        let session = session()?;
        let (_, _, function) = kernel(&session, function)?;
        let threads = u32::try_from(threads).ok().filter(|threads| *threads > 0).ok_or(Status::INVALID_VALUE)?;
        count.set(blocks(session.device.limits(), &function, threads, dynamic as u64) as c_int)
    }
    fn cuOccupancyMaxPotentialBlockSize(
        grid: Out<c_int>, block: Out<c_int>, function: Handle,
        shared_of_block: Option<unsafe extern "C" fn(c_int) -> usize>, dynamic: usize, limit: c_int,
    ) {
        let session = session()?;
        let (_, _, function) = kernel(&session, function)?;
        let limits = session.device.limits();
        let most = match u32::try_from(limit) {
            Ok(limit) if limit > 0 => limit.min(function.max_threads()),
            _ => function.max_threads(),
        };
        // The most threads at a time; of equal ones the largest block.
        let mut best = (0, 0, 0);
        for threads in (1..=most / 32).rev().map(|warps| warps * 32) {
            let dynamic = match shared_of_block {
                Some(of) => {
                    // SAFETY: a function of the caller, which takes the size of a block and returns bytes.
                    let bytes = unsafe { of(threads as c_int) };
                    bytes as u64
                }
                None => dynamic as u64,
            };
            let blocks = blocks(limits, &function, threads, dynamic);
            if blocks * threads > best.0 {
                best = (blocks * threads, threads, blocks);
            }
        }
        grid.set((best.2 * limits.multiprocessors) as c_int)?;
        block.set(best.1 as c_int)
    }
    fn cuOccupancyAvailableDynamicSMemPerBlock(
        bytes: Out<usize>, function: Handle, blocks: c_int, threads: c_int,
    ) {
        let session = session()?;
        let (_, _, function) = kernel(&session, function)?;
        let limits = session.device.limits();
        let blocks = u32::try_from(blocks).ok().filter(|blocks| *blocks > 0).ok_or(Status::INVALID_VALUE)?;
        let threads = u32::try_from(threads).ok().filter(|threads| *threads > 0).ok_or(Status::INVALID_VALUE)?;
        let fits = limits.max_threads_per_multiprocessor / threads.next_multiple_of(32);
        if fits.min(limits.max_blocks_per_multiprocessor) < blocks {
            return bytes.set(0);
        }
        let share = limits.shared_bytes_per_multiprocessor / blocks;
        let taken = function.shared_bytes() + RESERVED_SHARED_BYTES;
        bytes.set(share.saturating_sub(taken).min(limits.max_shared_bytes) as usize)
    }
    fn cuOccupancyMaxActiveClusters(count: Out<c_int>, function: Handle, config: *const c_void) {
        let _ = (count, function, config);
        session()?;
        Err(Status::NOT_SUPPORTED)
    }
}
