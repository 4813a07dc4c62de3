//! What a warp's access costs. Run with `--ignored --nocapture`.

use std::hint::black_box;
use std::time::Instant;

use super::world::*;
use crate::WARP;
use crate::memory::{Access, AccessKind, Layout, Resolved};
use crate::ptx::{Order, Scope};

const TIMES: u64 = 200_000;

fn addresses(place: impl Fn(u64) -> u64) -> [u64; WARP] {
    std::array::from_fn(|lane| place(lane as u64))
}

fn access<'a>(kind: AccessKind, bytes: u32, addresses: &'a [u64; WARP]) -> Access<'a> {
    Access { kind, bytes, active: u32::MAX, addresses, order: Order::Weak, scope: Scope::Block, nc: false }
}

fn report(what: &str, begun: Instant, times: u64) {
    println!("{what:50} {:7.1} ns", begun.elapsed().as_nanos() as f64 / times as f64);
}

fn resolved(layout: Layout) -> Resolved {
    Resolved { pointers: [std::ptr::null_mut(); WARP], layout, allocation: Some(0) }
}

#[test]
#[ignore = "prints times, checks nothing"]
fn loads_and_stores_of_global_memory() {
    let memory = || Memory(vec![vec![0; 32 << 20].into()]);
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
        let begun = Instant::now();
        for time in 0..TIMES {
            let at = addresses(|lane| begin(0) + (time % 100_000) * 128 + lane * stride);
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
        let launch = fresh(&world);
        let mut block = launch.block(0, 1024);
        let resolved = resolved(Layout::Contiguous);
        let times = (32 << 20) / (32 * u64::from(bytes));
        let place = |time: u64| addresses(|lane| begin(0) + (time * 32 + lane) * u64::from(bytes));
        if kind == Load {
            for time in 0..times {
                let at = place(time);
                fine(launch.global_over(&world.memory, &mut block, 0, &access(Store, bytes, &at), &resolved));
            }
        }
        let begun = Instant::now();
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
        report(what, begun, times);
        let totals = launch.totals();
        let ratio = totals.shadow_bytes as f64 / totals.written_bytes as f64;
        println!("{:50} {ratio:7.2} bytes for each byte written", "");
    }
}

#[test]
#[ignore = "prints times, checks nothing"]
fn loads_of_shared_memory() {
    let world = World::new(1, 8, false);
    let mut block = world.launch.block(0, 32 << 10);
    let cases: [(&str, u32, Layout, fn(u64) -> u64); 5] = [
        ("shared load of 4 bytes, contiguous", 4, Layout::Contiguous, |lane| lane * 4),
        ("shared load of 4 bytes, permuted", 4, Layout::Scattered, |lane| (lane ^ 5) * 4),
        ("shared load of 4 bytes, uniform", 4, Layout::Uniform, |_| 0),
        ("shared load of 4 bytes, four words", 4, Layout::Scattered, |lane| lane / 8 * 4),
        ("shared load of 16 bytes, contiguous", 16, Layout::Contiguous, |lane| lane * 16),
    ];
    for (what, bytes, layout, place) in cases {
        for warps in [1, 8] {
            let mut begun = std::time::Duration::ZERO;
            let mut times = 0;
            for _ in 0..2000 {
                for at in 0..8 {
                    let at = addresses(|lane| at * 512 + lane * 16);
                    fine(block.shared(0, &access(Store, 16, &at), Layout::Contiguous));
                }
                block.barrier(0xff, 0xff);
                let start = Instant::now();
                for at in 0..8 {
                    for warp in 0..warps {
                        let at = addresses(|lane| at * 512 + place(lane));
                        fine(block.shared(warp, &access(Load, bytes, black_box(&at)), layout));
                        times += 1;
                    }
                }
                begun += start.elapsed();
                block.barrier(0xff, 0xff);
            }
            println!("{what:40} {warps} warps {:7.1} ns", begun.as_nanos() as f64 / times as f64);
        }
    }
    let begun = Instant::now();
    for _ in 0..TIMES {
        block.barrier(0xff, 0xff);
    }
    report("barrier of 8 warps", begun, TIMES);
}
