//! Several threads of the host at once.

use std::sync::Barrier;

use super::super::Global;
use super::access;
use crate::WARP;
use crate::memory::moving::exchange;
use crate::memory::{AccessKind, Resolved};
use crate::options::Checks;

const BYTES: u64 = (64 << 10) + 40;

/// Two threads store single bytes, at the same time: which ones of each 64 is said by the thread's number and the lane.
/// Bytes from `end` on are left out.
fn store_by_two(global: &Global, x: u64, end: u64, byte: impl Fn(u64, u64) -> u64 + Sync) {
    let (start, byte) = (Barrier::new(2), &byte);
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let start = &start;
            scope.spawn(move || {
                let (mut hint, mut resolved) = (0, Resolved::new());
                start.wait();
                for row in 0..BYTES.div_ceil(64) {
                    let offsets: [u64; WARP] =
                        std::array::from_fn(|lane| row * 64 + byte(thread, lane as u64));
                    let active =
                        (0..WARP).fold(0, |mask, lane| mask | u32::from(offsets[lane] < end) << lane);
                    if active != 0 {
                        let addresses = offsets.map(|offset| x + offset);
                        let store = access(AccessKind::Store, 1, active, &addresses);
                        global.resolve(&store, &mut hint, &mut resolved).unwrap();
                    }
                }
            });
        }
    });
}

#[test]
fn marks_of_two_threads_are_not_lost() {
    for _ in 0..60 {
        let mut global = Global::new(1 << 20, Checks::ALL);
        let x = global.allocate("x", BYTES, false).unwrap();
        store_by_two(&global, x, BYTES, |thread, lane| lane * 2 + thread);
        let allocation = global.by_number(0).unwrap();
        assert!(allocation.written.contains(0..BYTES));
        // Whoever completed it has seen that, whichever thread it was.
        assert!(allocation.written.all());
    }
}

#[test]
fn marks_of_two_threads_are_not_counted_twice() {
    for _ in 0..60 {
        let mut global = Global::new(1 << 20, Checks::ALL);
        let x = global.allocate("x", BYTES, false).unwrap();
        // Both store the same bytes; of the first chunk, the last word stays as it is.
        global.fill(x, &[0], BYTES).unwrap();
        let chunk = 64 << 10;
        let Some(Some(allocation)) = global.allocations.get_mut(0) else { panic!("it is there") };
        allocation.written.clear(0..chunk);
        store_by_two(&global, x, chunk - 1, |_, lane| lane);
        store_by_two(&global, x, chunk - 1, |_, lane| lane + 32);
        let allocation = global.by_number(0).unwrap();
        assert!(allocation.written.contains(0..chunk - 1));
        assert!(!allocation.written.contains(chunk - 1..chunk));
    }
}

#[test]
fn atomics_of_two_threads_are_not_lost() {
    let mut global = Global::new(1 << 10, Checks::ALL);
    let x = global.allocate("x", 8, false).unwrap();
    global.fill(x, &[0], 8).unwrap();
    let global = &global;
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(move || {
                let (_, _, pointer) = global.allocation(0).unwrap();
                for _ in 0..10_000 {
                    // SAFETY: it has 8 bytes, aligned, which both threads change by this function alone.
                    unsafe { exchange(pointer.wrapping_add(2), |old: u16| old.wrapping_add(1)) };
                }
            });
        }
    });
    let mut bytes = [0; 8];
    global.read(x, &mut bytes).unwrap();
    assert_eq!(bytes, [0, 0, 0x20, 0x4e, 0, 0, 0, 0]);
}
