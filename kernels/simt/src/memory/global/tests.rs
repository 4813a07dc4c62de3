//! What is allowed, what is not, and what is said then.

use super::Global;
use crate::WARP;
use crate::device::Error;
use crate::fault::FaultKind;
use crate::memory::{Access, AccessKind, GLOBAL_BASE, LOCAL_WINDOW, Layout, Resolved, Violation};
use crate::options::Checks;
use crate::ptx::{Order, Scope};

mod host;
mod model;
mod threads;

/// An access without any order.
pub(super) fn access(kind: AccessKind, bytes: u32, active: u32, addresses: &[u64; WARP]) -> Access<'_> {
    Access { kind, bytes, active, addresses, order: Order::Weak, scope: Scope::Block, nc: false }
}

/// What an access of one lane finds.
fn one(global: &Global, kind: AccessKind, bytes: u32, address: u64) -> Result<Resolved, Box<Violation>> {
    let (mut hint, mut resolved) = (0, Resolved::new());
    global.resolve(&access(kind, bytes, 1 << 5, &[address; WARP]), &mut hint, &mut resolved)?;
    Ok(resolved)
}

/// The kind and the sentence that an access of one lane is answered with.
fn wrong(global: &Global, kind: AccessKind, bytes: u32, address: u64) -> (FaultKind, String) {
    let violation = one(global, kind, bytes, address).expect_err("it is not allowed");
    assert_eq!(violation.lane, 5);
    let target = violation.target.expect("there is a target");
    assert_eq!((target.space, target.address, target.bytes), ("global", address, bytes));
    (violation.kind, violation.message)
}

/// `x` of 10240 bytes and `kv` of 100, of which the first 130 and 50 bytes are written.
fn two() -> (Global, u64, u64) {
    let mut global = Global::new(1 << 20, Checks::ALL);
    let x = global.allocate("x", 10_240, false).unwrap();
    let kv = global.allocate("kv", 100, false).unwrap();
    global.fill(x, &[7], 130).unwrap();
    global.fill(kv, &[7], 50).unwrap();
    (global, x, kv)
}

#[test]
fn bytes_past_the_end_are_out_of_bounds() {
    let (global, x, _) = two();
    assert_eq!(
        wrong(&global, AccessKind::Store, 16, x + 10_240),
        (
            FaultKind::OutOfBounds,
            "16-byte write at `x`[10240 bytes] + 10240 is right behind the end of the buffer".to_owned()
        )
    );
    assert_eq!(
        wrong(&global, AccessKind::Load, 4, x + 10_248).1,
        "4-byte read at `x`[10240 bytes] + 10248 is 8 bytes past the end of the buffer"
    );
    assert_eq!(
        wrong(&global, AccessKind::Atomic, 4, x + 10_238).1,
        "4-byte atomic access at `x`[10240 bytes] + 10238 leaves the buffer by 2 bytes"
    );
}

#[test]
fn bytes_before_the_begin_belong_to_the_nearest_buffer() {
    let (global, x, kv) = two();
    assert_eq!(
        wrong(&global, AccessKind::Load, 4, kv - 1),
        (
            FaultKind::OutOfBounds,
            "4-byte read at `kv`[100 bytes] - 1 is 1 byte before the begin of the buffer".to_owned()
        )
    );
    let violation = one(&global, AccessKind::Load, 4, x - 8).unwrap_err();
    assert_eq!(violation.target.unwrap().buffer, Some(("x".to_owned(), 10_240, -8)));
}

#[test]
fn a_null_pointer_is_in_no_buffer() {
    let (global, ..) = two();
    assert_eq!(
        wrong(&global, AccessKind::Store, 4, 0x10).1,
        "4-byte write at address 0x10, where no buffer is (a null pointer?)"
    );
    let empty = Global::new(1 << 20, Checks::ALL);
    assert_eq!(
        wrong(&empty, AccessKind::Load, 4, 0x7_0000_0000).1,
        "4-byte read at address 0x700000000, where no buffer is"
    );
    assert_eq!(wrong(&global, AccessKind::Load, 16, u64::MAX - 3).0, FaultKind::OutOfBounds);
}

#[test]
fn a_freed_buffer_is_named() {
    let (mut global, x, _) = two();
    global.release(x).unwrap();
    assert_eq!(
        wrong(&global, AccessKind::Load, 4, x + 16),
        (FaultKind::UseAfterFree, "4-byte read at `x`[10240 bytes] + 16, which was freed".to_owned())
    );
    // New memory lies elsewhere.
    let y = global.allocate("y", 10_240, false).unwrap();
    assert_ne!(x, y);
    assert_eq!(wrong(&global, AccessKind::Store, 4, x).0, FaultKind::UseAfterFree);
}

#[test]
fn misaligned_addresses_are_told() {
    let (global, x, _) = two();
    assert_eq!(
        wrong(&global, AccessKind::Load, 4, x + 130),
        (
            FaultKind::Misaligned,
            "4-byte read at `x`[10240 bytes] + 130 is misaligned: the address must be a multiple of 4"
                .to_owned()
        )
    );
}

#[test]
fn what_was_never_written_cannot_be_read() {
    let (global, x, kv) = two();
    assert_eq!(
        wrong(&global, AccessKind::Load, 4, x + 128),
        (
            FaultKind::Uninitialised,
            "4-byte read at `x`[10240 bytes] + 128: bytes 130 to 131 were never written".to_owned()
        )
    );
    assert_eq!(
        wrong(&global, AccessKind::Atomic, 1, kv + 50).1,
        "1-byte atomic access at `kv`[100 bytes] + 50: byte 50 was never written"
    );
    // A store is what writes.
    one(&global, AccessKind::Store, 2, x + 130).unwrap();
    one(&global, AccessKind::Load, 4, x + 128).unwrap();
}

#[test]
fn the_first_lane_with_a_fault_is_the_one_told() {
    let (global, x, _) = two();
    let mut addresses: [u64; WARP] = std::array::from_fn(|lane| x + lane as u64 * 4);
    addresses[9] = x + 2;
    addresses[12] = 0;
    let (mut hint, mut resolved) = (0, Resolved::new());
    let load = |active| access(AccessKind::Load, 4, active, &addresses);
    let violation = global.resolve(&load(u32::MAX), &mut hint, &mut resolved).unwrap_err();
    assert_eq!((violation.lane, violation.kind), (9, FaultKind::Misaligned));
    let violation = global.resolve(&load(!(1 << 9)), &mut hint, &mut resolved).unwrap_err();
    assert_eq!((violation.lane, violation.kind), (12, FaultKind::OutOfBounds));
    // Lanes that do not take part have any address.
    global.resolve(&load(!(1 << 9 | 1 << 12)), &mut hint, &mut resolved).unwrap();
}

#[test]
fn layouts_are_found() {
    let (mut global, x, kv) = two();
    global.fill(x, &[0], 10_240).unwrap();
    let begin = global.allocation(0).unwrap().2;
    let check = |active, addresses: &[u64; WARP], layout| {
        let (mut hint, mut resolved) = (77, Resolved::new());
        global.resolve(&access(AccessKind::Load, 4, active, addresses), &mut hint, &mut resolved).unwrap();
        assert_eq!((resolved.layout, resolved.allocation, hint), (layout, Some(0), 0));
        for lane in (0..WARP).filter(|lane| active >> lane & 1 != 0) {
            assert_eq!(resolved.pointers[lane], begin.wrapping_add((addresses[lane] - x) as usize));
        }
    };
    let row: [u64; WARP] = std::array::from_fn(|lane| x + 64 + lane as u64 * 4);
    check(u32::MAX, &row, Layout::Contiguous);
    check(u32::MAX >> 1, &row, Layout::Scattered);
    check(1 << 7, &row, Layout::Uniform);
    check(u32::MAX, &[x + 8; WARP], Layout::Uniform);
    check(u32::MAX, &row.map(|address| x + (address - x) * 2), Layout::Scattered);
    // Two allocations at once.
    let mut addresses = row;
    addresses[3] = kv;
    let (mut hint, mut resolved) = (0, Resolved::new());
    global.resolve(&access(AccessKind::Load, 4, u32::MAX, &addresses), &mut hint, &mut resolved).unwrap();
    assert_eq!((resolved.layout, resolved.allocation), (Layout::Scattered, None));
    assert_eq!(resolved.pointers[3], global.allocation(1).unwrap().2);
}

#[test]
fn checks_can_be_switched_off() {
    let mut global = Global::new(1 << 20, Checks::NONE);
    let x = global.allocate("x", 64, false).unwrap();
    let gone = global.allocate("gone", 64, false).unwrap();
    global.release(gone).unwrap();
    for address in [x + 61, x + 64, gone, 0, u64::MAX] {
        let resolved = one(&global, AccessKind::Load, 4, address).unwrap();
        assert!(resolved.pointers[5].is_null(), "{address:#x}");
        assert_eq!((resolved.layout, resolved.allocation), (Layout::Scattered, None));
    }
    let resolved = one(&global, AccessKind::Load, 4, x + 57).unwrap();
    assert_eq!(resolved.pointers[5], global.allocation(0).unwrap().2.wrapping_add(57));
    // Freed memory alone can be looked for.
    let mut global = Global::new(1 << 20, Checks { lifetime: true, ..Checks::NONE });
    let x = global.allocate("x", 64, false).unwrap();
    global.release(x).unwrap();
    assert_eq!(wrong(&global, AccessKind::Load, 4, x).0, FaultKind::UseAfterFree);
    let mut global = Global::new(1 << 20, Checks { lifetime: false, ..Checks::ALL });
    let x = global.allocate("x", 64, false).unwrap();
    global.release(x).unwrap();
    assert_eq!(wrong(&global, AccessKind::Load, 4, x).0, FaultKind::OutOfBounds);
}

#[test]
fn addresses_are_used_again_at_the_end() {
    let mut global = Global::new(1 << 20, Checks::ALL);
    let kept = global.allocate("kept", 1000, false).unwrap();
    let freed = global.allocate("freed", 1000, false).unwrap();
    assert_eq!(kept, GLOBAL_BASE);
    global.release(freed).unwrap();
    global.space.move_cursor(LOCAL_WINDOW - 1024);
    let again = global.allocate("again", 1000, false).unwrap();
    assert_eq!(again, freed);
    // It is not taken for what lay there before.
    assert_eq!(wrong(&global, AccessKind::Load, 4, again).0, FaultKind::Uninitialised);
    assert!(matches!(global.allocate("big", 1 << 21, false), Err(Error::Memory { free: 1_046_576, .. })));
}
