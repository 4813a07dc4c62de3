//! What a warp's accesses to memory cost on the host: checking alone, and checking with moving.

#![expect(clippy::expect_used, reason = "a benchmark that cannot set up has nothing to time")]

use std::sync::Arc;

use divan::{Bencher, black_box};
use simt::memory::moving::{self, Shape};
use simt::memory::{Access, AccessKind, Global, Local, Resolved, Shared};
use simt::ptx::{Order, Scope};
use simt::registers::Registers;
use simt::{Checks, WARP};

/// Bytes of a buffer.
const BYTES: u64 = 1 << 20;

/// How the lanes of a warp lie.
#[derive(Debug, Clone, Copy)]
enum Lanes {
    /// One behind the other.
    Contiguous,
    /// All at one address.
    Uniform,
    /// Anywhere in one buffer.
    Scattered,
    /// One behind the other, and only every second lane takes part.
    Half,
}

const LANES: [Lanes; 4] = [Lanes::Contiguous, Lanes::Uniform, Lanes::Scattered, Lanes::Half];

impl Lanes {
    fn addresses(self, begin: u64, bytes: u64, size: u64) -> [u64; WARP] {
        std::array::from_fn(|lane| {
            let lane = lane as u64;
            match self {
                Self::Contiguous | Self::Half => begin + lane * bytes,
                Self::Uniform => begin + 64,
                Self::Scattered => begin + lane * 7919 * 16 % size,
            }
        })
    }

    const fn active(self) -> u32 {
        match self {
            Self::Half => 0x5555_5555,
            _ => u32::MAX,
        }
    }
}

fn access(kind: AccessKind, lanes: Lanes, bytes: u32, addresses: &[u64; WARP]) -> Access<'_> {
    let (order, scope) = (Order::Weak, Scope::Block);
    Access { kind, bytes, active: lanes.active(), addresses, order, scope, nc: false }
}

/// A buffer of which everything was written, or all but its last byte.
fn global(complete: bool) -> (Global, u64) {
    let mut global = Global::new(1 << 30, Checks::ALL);
    let address = global.allocate("x", BYTES, false).expect("there is room");
    global.fill(address, &[1], BYTES - u64::from(!complete)).expect("it is there");
    (global, address)
}

#[divan::bench(args = LANES)]
fn global_load_resolve(bencher: Bencher<'_, '_>, lanes: Lanes) {
    let (global, address) = global(true);
    let addresses = lanes.addresses(address, 4, BYTES);
    let (mut hint, mut resolved) = (0, Resolved::new());
    let access = access(AccessKind::Load, lanes, 4, &addresses);
    bencher.bench_local(|| global.resolve(black_box(&access), &mut hint, &mut resolved).is_ok());
}

#[divan::bench(args = LANES)]
fn global_load_resolve_partly_written(bencher: Bencher<'_, '_>, lanes: Lanes) {
    let (global, address) = global(false);
    let addresses = lanes.addresses(address, 4, 48 << 10);
    let addresses = addresses.map(|address| address + BYTES - (56 << 10));
    let (mut hint, mut resolved) = (0, Resolved::new());
    let access = access(AccessKind::Load, lanes, 4, &addresses);
    bencher.bench_local(|| global.resolve(black_box(&access), &mut hint, &mut resolved).is_ok());
}

#[divan::bench(args = LANES)]
fn global_load(bencher: Bencher<'_, '_>, lanes: Lanes) {
    let (global, address) = global(true);
    run(bencher, lanes, 4, 1, |hint, resolved| {
        let addresses = lanes.addresses(address, 4, BYTES);
        let access = access(AccessKind::Load, lanes, 4, &addresses);
        let _ = global.resolve(&access, hint, resolved);
    });
}

/// Moves after resolving once; `elements` registers of `bytes` bytes in all.
fn run(
    bencher: Bencher<'_, '_>,
    lanes: Lanes,
    element_bytes: u32,
    elements: u32,
    resolve: impl Fn(&mut u32, &mut Resolved),
) {
    let mut registers = Registers::new(16, 0);
    let (mut hint, mut resolved) = (0, Resolved::new());
    resolve(&mut hint, &mut resolved);
    let shape = Shape { element_bytes, elements, register_bytes: element_bytes, sign_extend: false };
    bencher.bench_local(|| {
        // SAFETY: it was resolved as a load of these lanes, and the slots are inside.
        unsafe {
            moving::load(
                black_box(&resolved),
                lanes.active(),
                shape,
                &mut registers,
                black_box(&[0, 2, 4, 6]),
            );
        }
    });
}

#[divan::bench(args = LANES)]
fn global_load_v4(bencher: Bencher<'_, '_>, lanes: Lanes) {
    let (global, address) = global(true);
    run(bencher, lanes, 4, 4, |hint, resolved| {
        let addresses = lanes.addresses(address, 16, BYTES);
        let _ = global.resolve(&access(AccessKind::Load, lanes, 16, &addresses), hint, resolved);
    });
}

#[divan::bench(args = LANES)]
fn global_load_u16(bencher: Bencher<'_, '_>, lanes: Lanes) {
    let (global, address) = global(true);
    run(bencher, lanes, 2, 1, |hint, resolved| {
        let addresses = lanes.addresses(address, 2, BYTES);
        let _ = global.resolve(&access(AccessKind::Load, lanes, 2, &addresses), hint, resolved);
    });
}

#[divan::bench(args = LANES)]
fn global_store(bencher: Bencher<'_, '_>, lanes: Lanes) {
    let (global, address) = global(true);
    let addresses = lanes.addresses(address, 4, BYTES);
    let access = access(AccessKind::Store, lanes, 4, &addresses);
    let (mut hint, mut resolved) = (0, Resolved::new());
    global.resolve(&access, &mut hint, &mut resolved).expect("it is there");
    let registers = Registers::new(16, 0);
    let shape = Shape { element_bytes: 4, elements: 1, register_bytes: 4, sign_extend: false };
    bencher.bench_local(|| {
        // SAFETY: it was resolved as a store of these lanes, and the slot is inside.
        unsafe { moving::store(black_box(&resolved), lanes.active(), shape, &registers, black_box(&[0])) }
    });
}

#[divan::bench(args = LANES)]
fn shared_load_resolve(bencher: Bencher<'_, '_>, lanes: Lanes) {
    let mut shared = Shared::new(48 << 10, Arc::new([]), Checks::ALL);
    let mut resolved = Resolved::new();
    let all: [u64; WARP] = std::array::from_fn(|lane| lane as u64 * 16);
    for row in 0..96 {
        let addresses = all.map(|address| address + row * 512);
        let store = access(AccessKind::Store, Lanes::Contiguous, 16, &addresses);
        shared.resolve(&store, &mut resolved).expect("it is there");
    }
    let addresses = lanes.addresses(0, 4, 48 << 10);
    let access = access(AccessKind::Load, lanes, 4, &addresses);
    bencher.bench_local(|| shared.resolve(black_box(&access), &mut resolved).is_ok());
}

#[divan::bench]
fn shared_reset(bencher: Bencher<'_, '_>) {
    let mut shared = Shared::new(48 << 10, Arc::new([]), Checks::ALL);
    bencher.bench_local(|| shared.reset());
}

#[divan::bench]
fn shared_copy_and_wait(bencher: Bencher<'_, '_>) {
    let mut shared = Shared::new(48 << 10, Arc::new([]), Checks::ALL);
    bencher.bench_local(|| {
        for thread in 0..32 {
            let _ = shared.copy(thread, thread, u64::from(thread) * 16, &[7; 16]);
        }
        (0..32).for_each(|thread| shared.commit(thread));
        (0..32).for_each(|thread| shared.wait(thread, Some(0), &mut |_, _| ()));
    });
}

#[divan::bench]
fn local_store_resolve(bencher: Bencher<'_, '_>) {
    let mut local = Local::new(256, Checks::ALL);
    let addresses = [64; WARP];
    let access = access(AccessKind::Store, Lanes::Uniform, 4, &addresses);
    let mut resolved = Resolved::new();
    bencher.bench_local(|| local.resolve(black_box(&access), &mut resolved).is_ok());
}

fn main() {
    divan::main();
}
