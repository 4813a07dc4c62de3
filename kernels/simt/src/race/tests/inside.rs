//! Inside one block.

use super::world::*;
use crate::ptx::{Order, Scope};

#[test]
fn a_barrier_orders_warps() {
    for shared in [true, false] {
        for with in [true, false] {
            let mut world = World::new(1, 2, false);
            let base = if shared { 0 } else { begin(0) };
            fine(world.warp((0, 0), WRITE, shared, u32::MAX, |lane| base + lane * 4));
            if with {
                world.barrier(0);
            }
            let read = world.warp((0, 1), READ, shared, u32::MAX, |lane| base + (31 - lane) * 4);
            if with {
                fine(read)
            } else {
                races(read)
            }
            if with {
                // The write that comes next must wait for the reads.
                races(world.warp((0, 0), WRITE, shared, u32::MAX, |lane| base + lane * 4));
            }
        }
    }
}

#[test]
fn a_barrier_orders_reads_before_writes() {
    let mut world = World::new(1, 3, false);
    fine(world.warp((0, 0), WRITE, true, u32::MAX, |lane| lane * 4));
    world.barrier(0);
    for warp in 0..3 {
        fine(world.warp((0, warp), READ, true, u32::MAX, |_| 16));
        fine(world.warp((0, warp), READ, true, u32::MAX, |lane| lane / 8 * 4));
        fine(world.warp((0, warp), READ, true, u32::MAX, |lane| lane * 4));
    }
    world.barrier(0);
    fine(world.warp((0, 1), WRITE, true, u32::MAX, |lane| lane * 4));
}

#[test]
fn a_broadcast_read_then_a_write() {
    let mut world = World::new(1, 1, false);
    fine(world.shared((0, 0, 0), WRITE, 0));
    world.barrier(0);
    fine(world.warp((0, 0), READ, true, u32::MAX, |_| 0));
    let violation = world.shared((0, 0, 3), WRITE, 0).expect_err("a race");
    assert!(
        violation.message.contains("by warp 0 lane 3 is not ordered with an earlier read by warp 0 lane 0")
    );
    assert_eq!(violation.other, Some((false, 0, 0)));
    let mut world = World::new(1, 1, false);
    fine(world.warp((0, 0), READ, true, u32::MAX, |_| 0));
    world.blocks[0].warp_sync(0, u32::MAX);
    fine(world.shared((0, 0, 3), WRITE, 0));
}

#[test]
fn named_barriers_order_producer_and_consumer() {
    for with in [true, false] {
        let mut world = World::new(1, 4, false);
        fine(world.shared((0, 0, 1), WRITE, 0));
        if with {
            // Warp 0 only arrives; warp 1 waits.
            world.blocks[0].barrier(0b11, 0b10);
        }
        let read = world.shared((0, 1, 0), READ, 0);
        if with {
            fine(read)
        } else {
            races(read)
        }
        if with {
            races(world.shared((0, 0, 0), WRITE, 0));
        }
    }
    let mut world = World::new(1, 4, false);
    fine(world.shared((0, 0, 1), WRITE, 0));
    world.blocks[0].barrier(0b11, 0b10);
    fine(world.shared((0, 1, 0), READ, 0));
    world.blocks[0].barrier(0b11, 0b01);
    fine(world.shared((0, 0, 0), WRITE, 0));
    // A warp that took no part knows nothing.
    races(world.shared((0, 3, 0), READ, 0));
}

#[test]
fn who_only_arrives_learns_nothing() {
    let mut world = World::new(1, 2, false);
    fine(world.shared((0, 1, 0), WRITE, 0));
    world.blocks[0].barrier(0b11, 0b10);
    races(world.shared((0, 0, 0), READ, 0));
    let mut world = World::new(1, 2, false);
    fine(world.shared((0, 0, 0), WRITE, 0));
    world.blocks[0].barrier(0b11, 0b10);
    races(world.shared((0, 0, 1), READ, 0));
}

#[test]
fn warp_barriers_order_the_lanes_they_name() {
    let cases: [(&[u32], bool); 5] = [
        (&[], false),
        (&[u32::MAX], true),
        (&[0b0011], false),
        // 0 to 1, then 1 to 2.
        (&[0b0011, 0b0110], true),
        (&[0b0110, 0b0011], false),
    ];
    for (masks, ordered) in cases {
        let mut world = World::new(1, 1, false);
        fine(world.shared((0, 0, 0), WRITE, 0));
        masks.iter().for_each(|&lanes| world.blocks[0].warp_sync(0, lanes));
        let read = world.shared((0, 0, 2), READ, 0);
        if ordered { fine(read) } else { races(read) }
    }
}

#[test]
fn two_lanes_of_one_store() {
    for shared in [true, false] {
        let mut world = World::new(1, 1, false);
        let base = if shared { 0 } else { begin(0) };
        for address in [|_| 64, |lane: u64| lane % 16 * 4, |lane: u64| lane / 2 * 4] {
            let checked = world.warp((0, 0), WRITE, shared, u32::MAX, |lane| base + address(lane));
            let violation = checked.expect_err("a race");
            assert!(violation.message.contains("same instruction"), "{}", violation.message);
            world.barrier(0);
        }
        // Volatile stores are strong.
        let volatile = strong(Store, Order::Volatile, Scope::System);
        fine(world.warp((0, 0), volatile, shared, u32::MAX, |_| base + 4096));
    }
}

#[test]
fn neighbours_in_one_word() {
    for shared in [true, false] {
        let mut world = World::new(1, 2, false);
        let base = if shared { 0 } else { begin(0) };
        fine(world.warp((0, 0), WRITE, shared, u32::MAX, |lane| base + lane * 4));
        world.barrier(0);
        fine(world.warp((0, 0), weak(Store, 2), shared, u32::MAX, |lane| base + lane * 4));
        fine(world.warp((0, 1), weak(Store, 2), shared, u32::MAX, |lane| base + lane * 4 + 2));
        fine(world.warp((0, 1), weak(Store, 1), shared, 1, |_| base + 256));
        fine(world.warp((0, 0), weak(Store, 1), shared, 2, |_| base + 257));
        races(world.warp((0, 0), weak(Load, 2), shared, 1, |_| base + 256));
    }
}

#[test]
fn an_old_record_of_a_lane_survives_a_newer_one_that_does_not_cover_it() {
    let mut world = World::new(1, 2, false);
    // Lanes 0 and 1 read; a barrier tells warp 1 of warp 0; lane 1 reads again.
    fine(world.shared((0, 0, 0), READ, 0));
    fine(world.shared((0, 0, 1), READ, 0));
    world.blocks[0].barrier(0b01, 0b10);
    fine(world.shared((0, 0, 1), READ, 0));
    races(world.shared((0, 1, 0), WRITE, 0));
    let mut world = World::new(1, 2, false);
    fine(world.shared((0, 0, 0), READ, 0));
    fine(world.shared((0, 1, 1), READ, 0));
    // Warp 0 alone is waited for; warp 1's read is still open.
    world.blocks[0].barrier(0b01, 0b10);
    races(world.shared((0, 1, 2), WRITE, 0));
}

#[test]
fn what_arrives_late_is_a_write() {
    let mut world = World::new(1, 2, false);
    fine(world.blocks[0].copy_arrives(0, 3, 64, 16));
    races(world.shared((0, 0, 4), READ, 76));
    world.barrier(0);
    fine(world.shared((0, 1, 4), READ, 76));
    races(world.blocks[0].copy_arrives(0, 3, 64, 16));
}

#[test]
fn a_block_that_follows_starts_afresh() {
    let mut world = World::new(1, 2, false);
    fine(world.shared((0, 0, 1), WRITE, 0));
    fine(world.shared((0, 0, 1), READ, 4));
    world.launch.next_block(&mut world.blocks[0], 1);
    fine(world.shared((0, 1, 2), READ, 0));
    fine(world.shared((0, 1, 2), WRITE, 4));
    races(world.shared((0, 0, 1), WRITE, 0));
}

#[test]
fn flags_in_shared_memory() {
    // Warp 0 writes, fences, sets a flag; warp 1 sees it, fences, reads.
    for (release, acquire) in [(true, true), (false, true), (true, false)] {
        let mut world = World::new(1, 2, true);
        fine(world.shared((0, 0, 5), WRITE, 64));
        if release {
            world.fence((0, 0, 5), Order::AcquireRelease, Scope::Block);
        }
        fine(world.shared((0, 0, 5), strong(Store, Order::Relaxed, Scope::Block), 0));
        fine(world.shared((0, 1, 7), strong(Load, Order::Relaxed, Scope::Block), 0));
        if acquire {
            world.fence((0, 1, 7), Order::AcquireRelease, Scope::Block);
        }
        let read = world.shared((0, 1, 7), READ, 64);
        if release && acquire {
            fine(read)
        } else {
            races(read)
        }
        if release && acquire {
            // Another lane learns of it by a warp barrier only.
            races(world.shared((0, 1, 8), READ, 64));
            world.blocks[0].warp_sync(1, 0b11 << 7);
            fine(world.shared((0, 1, 8), READ, 64));
            races(world.shared((0, 1, 9), READ, 64));
            world.blocks[0].warp_sync(1, u32::MAX);
            fine(world.shared((0, 1, 9), READ, 64));
        }
    }
}

#[test]
fn what_follows_an_arrival_is_not_ordered_by_it() {
    let arrived = || {
        let mut world = World::new(1, 2, false);
        fine(world.shared((0, 0, 1), WRITE, 0));
        world.blocks[0].arrive(0, 1);
        // Of another barrier, which does not open.
        fine(world.shared((0, 0, 1), WRITE, 4));
        world.blocks[0].arrive(0, 2);
        fine(world.shared((0, 0, 1), WRITE, 8));
        world
    };
    for (barrier, address, ordered) in
        [(1, 0, true), (1, 4, false), (1, 8, false), (2, 4, true), (2, 8, false)]
    {
        let mut world = arrived();
        world.blocks[0].opens(barrier, 0b11, 0b10);
        let read = world.shared((0, 1, 0), READ, address);
        if ordered {
            fine(read)
        } else {
            races(read)
        }
        // The one that arrived goes on as it was.
        fine(world.shared((0, 0, 1), READ, 8));
    }
}
