//! What a warp's access costs. Run with `--ignored --nocapture`.

use std::hint::black_box;

use super::world::*;
use crate::WARP;
use crate::memory::{Access, AccessKind, Layout, Resolved};
use crate::ptx::{Order, Scope};

const TIMES: u64 = 200_000;

/// What, bytes, layout, and where each lane reads.
type Case = (&'static str, u32, Layout, fn(u64) -> u64);

/// Nanoseconds that this thread has had of a processor: other work on the machine does not count.
fn now() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn addresses(place: impl Fn(u64) -> u64) -> [u64; WARP] {
    std::array::from_fn(|lane| place(lane as u64))
}

fn access<'a>(kind: AccessKind, bytes: u32, addresses: &'a [u64; WARP]) -> Access<'a> {
    Access { kind, bytes, active: u32::MAX, addresses, order: Order::Weak, scope: Scope::Block, nc: false }
}

fn report(what: &str, begun: u64, times: u64) {
    println!("{what:50} {:7.1} ns", (now() - begun) as f64 / times as f64);
}

fn resolved(layout: Layout) -> Resolved {
    Resolved { pointers: [std::ptr::null_mut(); WARP], layout, allocation: Some(0) }
}

#[test]
#[ignore = "prints times, checks nothing"]
fn loads_and_stores_of_global_memory() {
    let memory = || Memory(vec![vec![0; 4 << 20].into()]);
    let world = || World { memory: memory(), ..World::new(1, 8, false) };
    let fresh = |world: &World| super::super::Launch::over(&world.memory, 8, false, &[]);
    for (what, layout, stride) in [
        ("load, nothing written, uniform", Layout::Uniform, 0),
        ("load, nothing written, contiguous", Layout::Contiguous, 4),
        ("load, nothing written, scattered", Layout::Scattered, 516),
    ] {
        let world = world();
        let launch = fresh(&world);
        let mut block = launch.block(0, 1024);
        let resolved = resolved(layout);
        let begun = now();
        for time in 0..TIMES {
            let at = addresses(|lane| begin(0) + (time % 16_000) * 128 + lane * stride);
            fine(launch.global_over(
                &world.memory,
                &mut block,
                0,
                &access(Load, 4, black_box(&at)),
                &resolved,
            ));
        }
        report(what, begun, TIMES);
    }
    for (what, kind, bytes) in [
        ("store of 4 bytes, fresh, contiguous", Store, 4),
        ("store of 2 bytes, fresh, contiguous", Store, 2),
        ("store of 16 bytes, fresh, contiguous", Store, 16),
        ("load of 4 bytes, as just written", Load, 4),
    ] {
        let world = world();
        // Once before, so that the allocator has its memory already.
        for warm in [true, false] {
            let launch = fresh(&world);
            let mut block = launch.block(0, 1024);
            let resolved = resolved(Layout::Contiguous);
            let times = (4 << 20) / (32 * u64::from(bytes));
            let place = |time: u64| addresses(|lane| begin(0) + (time * 32 + lane) * u64::from(bytes));
            if kind == Load {
                for time in 0..times {
                    let at = place(time);
                    fine(launch.global_over(
                        &world.memory,
                        &mut block,
                        0,
                        &access(Store, bytes, &at),
                        &resolved,
                    ));
                }
            }
            let begun = now();
            for time in 0..times {
                let at = place(time);
                fine(launch.global_over(
                    &world.memory,
                    &mut block,
                    0,
                    &access(kind, bytes, black_box(&at)),
                    &resolved,
                ));
            }
            if warm {
                continue;
            }
            report(what, begun, times);
            let totals = launch.totals();
            let ratio = totals.shadow_bytes as f64 / totals.written_bytes as f64;
            println!("{:50} {ratio:7.2} bytes for each byte written", "");
        }
    }
}

#[test]
#[ignore = "prints times, checks nothing"]
fn loads_of_shared_memory() {
    let world = World::new(1, 8, false);
    let mut block = world.launch.block(0, 32 << 10);
    const ROUNDS: u64 = 20_000;
    // The writes and barriers around what is measured: their share is taken off.
    let write = |block: &mut super::super::Block| {
        for at in 0..8 {
            let at = addresses(|lane| at * 512 + lane * 16);
            fine(block.shared(0, &access(Store, 16, &at), Layout::Contiguous));
        }
        block.barrier(0xff, 0xff);
    };
    let begun = now();
    for _ in 0..ROUNDS {
        write(&mut block);
        block.barrier(0xff, 0xff);
    }
    let rest = now() - begun;
    println!(
        "{:40} {:7.1} ns",
        "shared store of 16 bytes, with its barriers",
        rest as f64 / (8 * ROUNDS) as f64
    );
    let cases: [Case; 5] = [
        ("shared load of 4 bytes, contiguous", 4, Layout::Contiguous, |lane| lane * 4),
        ("shared load of 4 bytes, permuted", 4, Layout::Scattered, |lane| (lane ^ 5) * 4),
        ("shared load of 4 bytes, uniform", 4, Layout::Uniform, |_| 0),
        ("shared load of 4 bytes, four words", 4, Layout::Scattered, |lane| lane / 8 * 4),
        ("shared load of 16 bytes, contiguous", 16, Layout::Contiguous, |lane| lane * 16),
    ];
    for (what, bytes, layout, place) in cases {
        for warps in [1, 8] {
            let mut begun = now();
            let mut times = 0;
            for _ in 0..ROUNDS {
                write(&mut block);
                for at in 0..8 {
                    for warp in 0..warps {
                        let at = addresses(|lane| at * 512 + place(lane));
                        fine(block.shared(warp, &access(Load, bytes, black_box(&at)), layout));
                        times += 1;
                    }
                }
                block.barrier(0xff, 0xff);
            }
            begun = (now() - begun).saturating_sub(rest);
            println!("{what:40} {warps} warps {:7.1} ns", begun as f64 / times as f64);
        }
    }
    let begun = now();
    for _ in 0..TIMES {
        block.barrier(0xff, 0xff);
    }
    report("barrier of 8 warps", begun, TIMES);
}
