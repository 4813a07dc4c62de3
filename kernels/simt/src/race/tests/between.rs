//! Across blocks.

use super::world::*;
use crate::ptx::{Order, Scope};

const ADD: Ask = strong(Atomic, Order::Relaxed, Scope::Device);

#[test]
fn blocks_are_not_ordered() {
    for communicating in [true, false] {
        let mut world = World::new(2, 1, communicating);
        fine(world.global((0, 0, 0), WRITE, 0));
        let violation = world.global((1, 0, 0), READ, 0).expect_err("a race");
        assert!(violation.message.contains("of block 0"), "{}", violation.message);
        assert_eq!(violation.other, Some((true, 0, 0)));
        races(world.global((1, 0, 0), WRITE, 0));
    }
}

/// Each block writes, and the last one reads all; `skip` leaves out one step.
fn last_block(skip: usize, order: Order, scope: Scope) -> Checked {
    let mut world = World::new(4, 2, true);
    for block in 0..4 {
        for warp in 0..2 {
            world.warp((block, warp), WRITE, false, u32::MAX, |lane| {
                begin(0) + block as u64 * 256 + u64::from(warp) * 128 + lane * 4
            })?;
        }
        if skip != 1 {
            world.barrier(block);
        }
        if skip != 2 {
            world.fence((block, 0, 0), order, scope);
        }
        world.global((block, 0, 0), ADD, 4096)?;
    }
    if skip != 3 {
        world.fence((3, 0, 0), order, scope);
    }
    if skip != 4 {
        world.barrier(3);
    }
    for at in 0..4 {
        world.warp((3, 1), READ, false, u32::MAX, |lane| begin(0) + at * 256 + 128 + lane * 4)?;
        world.warp((3, 1), READ, false, u32::MAX, |lane| begin(0) + at * 256 + lane * 4)?;
    }
    Ok(())
}

#[test]
fn the_last_block() {
    for order in [Order::AcquireRelease, Order::SequentiallyConsistent] {
        fine(last_block(0, order, Scope::Device));
        fine(last_block(0, order, Scope::System));
        (1..=4).for_each(|skip| races(last_block(skip, order, Scope::Device)));
        races(last_block(0, order, Scope::Block));
    }
}

#[test]
fn all_threads_fence_before_the_barrier() {
    for (order, ordered) in [(Order::SequentiallyConsistent, true), (Order::AcquireRelease, false)] {
        let mut world = World::new(2, 2, true);
        for block in 0..2 {
            for warp in 0..2 {
                let at = begin(0) + block as u64 * 256 + u64::from(warp) * 128;
                fine(world.warp((block, warp), WRITE, false, u32::MAX, |lane| at + lane * 4));
                world.blocks[block].fence(warp, u32::MAX, order, Scope::Device);
            }
            world.barrier(block);
            fine(world.global((block, 0, 0), ADD, 4096));
        }
        world.fence((1, 0, 0), Order::AcquireRelease, Scope::Device);
        let read = world.global((1, 0, 0), READ, 128);
        if ordered { fine(read) } else { races(read) }
    }
}

#[test]
fn messages_with_qualifiers() {
    let cases = [
        (Order::Release, Order::Acquire, Scope::Device, true),
        (Order::Relaxed, Order::Acquire, Scope::Device, false),
        (Order::Release, Order::Relaxed, Scope::Device, false),
    ];
    for (release, acquire, scope, ordered) in cases {
        let mut world = World::new(2, 1, true);
        fine(world.global((0, 0, 3), WRITE, 0));
        fine(world.global((0, 0, 3), strong(Store, release, scope), 64));
        fine(world.global((1, 0, 4), strong(Load, acquire, scope), 64));
        let read = world.global((1, 0, 4), READ, 0);
        if ordered {
            fine(read)
        } else {
            races(read)
        }
        races(world.global((1, 0, 5), READ, 0));
        // What comes after the release is not released.
        fine(world.global((0, 0, 3), WRITE, 128));
        races(world.global((1, 0, 4), READ, 128));
    }
}

#[test]
fn volatile_with_fences() {
    for fenced in [true, false] {
        let mut world = World::new(2, 1, true);
        let volatile = |kind| strong(kind, Order::Volatile, Scope::System);
        fine(world.global((0, 0, 0), WRITE, 0));
        if fenced {
            world.fence((0, 0, 0), Order::SequentiallyConsistent, Scope::Device);
        }
        fine(world.global((0, 0, 0), volatile(Store), 64));
        fine(world.global((1, 0, 0), volatile(Load), 64));
        world.fence((1, 0, 0), Order::SequentiallyConsistent, Scope::Device);
        let read = world.global((1, 0, 0), volatile(Load), 0);
        if fenced { fine(read) } else { races(read) }
    }
}

#[test]
fn atomics_go_on_with_a_release_and_stores_end_it() {
    for (kind, ordered) in [(Atomic, true), (Store, false)] {
        let mut world = World::new(3, 1, true);
        fine(world.global((0, 0, 0), WRITE, 0));
        fine(world.global((0, 0, 0), strong(Store, Order::Release, Scope::Device), 64));
        fine(world.global((1, 0, 0), strong(kind, Order::Relaxed, Scope::Device), 64));
        fine(world.global((2, 0, 0), strong(Load, Order::Acquire, Scope::Device), 64));
        let read = world.global((2, 0, 0), READ, 0);
        if ordered {
            fine(read)
        } else {
            races(read)
        }
        // The block between learned nothing.
        races(world.global((1, 0, 0), READ, 0));
    }
}

#[test]
fn a_weak_write_over_a_flag_releases_nothing() {
    let mut world = World::new(2, 1, true);
    fine(world.global((0, 0, 0), WRITE, 0));
    fine(world.global((0, 0, 0), strong(Store, Order::Release, Scope::Device), 64));
    fine(world.global((0, 0, 0), WRITE, 64));
    races(world.global((1, 0, 0), strong(Load, Order::Acquire, Scope::Device), 64));
    races(world.global((1, 0, 0), READ, 0));
}

#[test]
fn knowledge_is_handed_on() {
    // 0 tells 1, and 1 tells 2.
    for scope in [Scope::Device, Scope::Block] {
        let mut world = World::new(3, 1, true);
        fine(world.global((0, 0, 0), WRITE, 0));
        fine(world.global((0, 0, 0), strong(Store, Order::Release, Scope::Device), 64));
        fine(world.global((1, 0, 0), strong(Load, Order::Relaxed, Scope::Device), 64));
        world.fence((1, 0, 0), Order::AcquireRelease, scope);
        fine(world.global((1, 0, 0), strong(Store, Order::Release, Scope::Device), 128));
        fine(world.global((2, 0, 0), strong(Load, Order::Acquire, Scope::Device), 128));
        let read = world.global((2, 0, 0), READ, 0);
        if scope == Scope::Device { fine(read) } else { races(read) }
    }
}

#[test]
fn scopes_and_sizes_of_atomics() {
    for (scope, ordered) in [(Scope::Device, true), (Scope::Cluster, false), (Scope::Block, false)] {
        let mut world = World::new(2, 1, true);
        let add = strong(Atomic, Order::Relaxed, scope);
        fine(world.warp((0, 0), add, false, u32::MAX, |_| begin(0)));
        let other = world.warp((1, 0), add, false, u32::MAX, |_| begin(0));
        if ordered {
            fine(other)
        } else {
            races(other)
        }
        // Inside a block, any scope does.
        fine(world.global((0, 0, 9), strong(Atomic, Order::Relaxed, Scope::Block), 64));
        fine(world.global((0, 0, 8), strong(Atomic, Order::Relaxed, Scope::Device), 64));
    }
    let mut world = World::new(2, 1, true);
    fine(world.global((0, 0, 0), Ask { bytes: 8, ..ADD }, 0));
    races(world.global((1, 0, 0), ADD, 4));
    // A weak access is none of them.
    fine(world.global((0, 0, 0), ADD, 64));
    races(world.global((1, 0, 0), READ, 64));
}

#[test]
fn an_atomic_does_not_hide_an_earlier_write() {
    let mut world = World::new(2, 1, true);
    fine(world.global((0, 0, 0), WRITE, 0));
    world.barrier(0);
    fine(world.global((0, 0, 1), ADD, 0));
    races(world.global((1, 0, 0), ADD, 0));
    // Nor does one atomic another.
    let mut world = World::new(3, 1, true);
    fine(world.global((0, 0, 0), ADD, 0));
    fine(world.global((1, 0, 0), Ask { order: Order::Release, ..ADD }, 0));
    fine(world.global((2, 0, 0), strong(Load, Order::Acquire, Scope::Device), 0));
    races(world.global((2, 0, 0), READ, 0));
}

#[test]
fn reads_before_writes_are_found_by_running_again() {
    let mut world = World::new(2, 1, false);
    for run in 0..2 {
        fine(world.warp((0, 0), READ, false, u32::MAX, |lane| begin(0) + 8192 + lane * 4));
        let write = world.warp((1, 0), WRITE, false, u32::MAX, |lane| begin(0) + 8192 + lane * 4);
        if run == 1 {
            races(write);
            break;
        }
        fine(write);
        world.memory.0[0][8192..8320].fill(7);
        assert!(world.launch.must_run_again_over(&world.memory));
        assert!(world.memory.0[0].iter().all(|&byte| byte == 0), "memory is as before");
        (0..2).for_each(|block| world.launch.next_block(&mut world.blocks[block], block as u32));
    }
}

#[test]
fn an_update_in_place() {
    let mut hints = Vec::new();
    for runs in [2, 1] {
        let mut world = World::with(1, 1, false, &hints);
        for run in 1.. {
            for at in 0..20 {
                fine(world.warp((0, 0), READ, false, u32::MAX, |lane| begin(1) + at * 128 + lane * 4));
                fine(world.warp((0, 0), READ, false, u32::MAX, |lane| begin(2) + at * 128 + lane * 4));
                fine(world.warp((0, 0), WRITE, false, u32::MAX, |lane| begin(1) + at * 128 + lane * 4));
            }
            if !world.launch.must_run_again_over(&world.memory) {
                assert_eq!(run, runs);
                break;
            }
            world.launch.next_block(&mut world.blocks[0], 0);
        }
        hints = world.launch.hints();
        assert_eq!(hints, [1]);
        let totals = world.launch.totals();
        assert_eq!(totals.written_bytes, 2560);
        assert!(totals.shadow_bytes < 8 * 2560, "{totals:?}");
    }
}

#[test]
fn the_read_only_cache() {
    let mut world = World::new(1, 1, false);
    fine(world.global((0, 0, 0), WRITE, 0));
    stale(world.global((0, 0, 0), NC, 0));
    world.barrier(0);
    stale(world.warp((0, 0), NC, false, u32::MAX, |lane| begin(0) + lane * 4));
    // The other way round takes a second run.
    let mut world = World::new(1, 1, false);
    fine(world.global((0, 0, 0), NC, 0));
    fine(world.global((0, 0, 0), READ, 0));
    fine(world.global((0, 0, 0), WRITE, 0));
    assert!(world.launch.must_run_again_over(&world.memory));
    world.launch.next_block(&mut world.blocks[0], 0);
    fine(world.global((0, 0, 0), NC, 0));
    world.barrier(0);
    fine(world.global((0, 0, 0), READ, 0));
    stale(world.global((0, 0, 0), WRITE, 0));
}

#[test]
fn memory_that_is_only_read_has_no_records() {
    let mut world = World::new(1, 1, false);
    for at in 0..512 {
        fine(world.warp((0, 0), READ, false, u32::MAX, |lane| begin(0) + at * 128 + lane * 4));
    }
    assert!(world.launch.totals().shadow_bytes <= 8, "{:?}", world.launch.totals());
}
