//! Several threads of the host at once.

use super::super::Global;
use super::access;
use crate::WARP;
use crate::memory::moving::exchange;
use crate::memory::{AccessKind, Resolved};
use crate::options::Checks;

#[test]
fn marks_of_two_threads_are_not_lost() {
    const BYTES: u64 = 3 * (64 << 10) + 40;
    for _ in 0..4 {
        let mut global = Global::new(1 << 20, Checks::ALL);
        let x = global.allocate("x", BYTES, false).unwrap();
        let global = &global;
        std::thread::scope(|scope| {
            for parity in 0..2 {
                scope.spawn(move || {
                    let (mut hint, mut resolved) = (0, Resolved::new());
                    // Bytes of one word, in turns.
                    for row in 0..BYTES.div_ceil(64) {
                        let offset = |lane: usize| row * 64 + lane as u64 * 2 + parity;
                        let inside = (0..WARP).filter(|&lane| offset(lane) < BYTES);
                        let active = inside.fold(0, |mask, lane| mask | 1 << lane);
                        let addresses = std::array::from_fn(|lane| x + offset(lane));
                        let store = access(AccessKind::Store, 1, active, &addresses);
                        global.resolve(&store, &mut hint, &mut resolved).unwrap();
                    }
                });
            }
        });
        let allocation = global.by_number(0).unwrap();
        assert!(allocation.written.contains(0..BYTES));
        // Whoever completed it has seen that, whichever thread it was.
        assert!(allocation.written.all());
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
