//! Several threads of the host run blocks of one launch.

use super::world::*;

#[test]
fn several_host_threads_run_blocks() {
    // Each block reads its own part and then its neighbour's, which somebody writes: a race in every order.
    for overlap in [false, true] {
        let world = World::with(0, 1, false, &[0]);
        let found = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for number in 0..4_u64 {
                let (launch, memory, found) = (&world.launch, &world.memory, &found);
                scope.spawn(move || {
                    let block = launch.block(number as u32, 0);
                    let mut mine = Alone { launch, memory, block };
                    for at in 0..200 {
                        let place = begin(0) + at * 128 + if overlap { 0 } else { number * 8 };
                        let read = mine.one(READ, place);
                        if read.and_then(|()| mine.one(WRITE, place)).is_err() {
                            found.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        let found = found.into_inner();
        if overlap { assert!(found >= 600, "{found}") } else { assert_eq!(found, 0) }
    }
}
