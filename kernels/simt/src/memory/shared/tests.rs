//! Shared memory, and copies that are not finished.

use std::sync::Arc;

use super::Shared;
use crate::WARP;
use crate::fault::FaultKind;
use crate::memory::{Access, AccessKind, Layout, Resolved, Violation};
use crate::options::Checks;
use crate::ptx::{Order, Scope};

mod model;

fn access(kind: AccessKind, bytes: u32, active: u32, addresses: &[u64; WARP]) -> Access<'_> {
    Access { kind, bytes, active, addresses, order: Order::Weak, scope: Scope::Block, nc: false }
}

fn one(shared: &mut Shared, kind: AccessKind, bytes: u32, address: u64) -> Result<*mut u8, Box<Violation>> {
    let mut resolved = Resolved::new();
    shared.resolve(&access(kind, bytes, 1 << 3, &[address; WARP]), &mut resolved)?;
    Ok(resolved.pointers[3])
}

fn told(result: Result<impl Sized, Box<Violation>>) -> (FaultKind, String) {
    let Err(violation) = result else { panic!("it was allowed") };
    assert_eq!(violation.lane, 3);
    assert_eq!(violation.target.as_ref().map(|target| target.space), Some("shared"));
    (violation.kind, violation.message)
}

/// `tile` of 1024 bytes, `sums` of 100 at 1028, and dynamic shared memory from there to 2048.
fn shared(checks: Checks) -> Shared {
    let names = [("tile".to_owned(), 0, 1024), ("sums".to_owned(), 1028, 100)];
    Shared::new(2048, Arc::new(names), checks)
}

#[test]
fn violations_name_the_variable() {
    let mut shared = shared(Checks::ALL);
    let mut load = |bytes, address| told(one(&mut shared, AccessKind::Load, bytes, address));
    assert_eq!(
        load(4, 128),
        (
            FaultKind::Uninitialised,
            "4-byte read at `tile`[1024 bytes] + 128: bytes 128 to 131 were never written".to_owned()
        )
    );
    assert_eq!(
        load(4, 1030),
        (
            FaultKind::Misaligned,
            "4-byte read at `sums`[100 bytes] + 2 is misaligned: the address must be a multiple of 4"
                .to_owned()
        )
    );
    assert_eq!(
        load(16, 2048),
        (
            FaultKind::OutOfBounds,
            "16-byte read at `dynamic shared memory`[920 bytes] + 920: `shared memory`[2048 bytes] + 2048 is right \
             behind the end of the buffer"
                .to_owned()
        )
    );
    assert_eq!(
        load(4, 1136).1,
        "4-byte read at `dynamic shared memory`[920 bytes] + 8: bytes 8 to 11 were never written"
    );
    assert_eq!(load(1, 1026).1, "1-byte read at `tile`[1024 bytes] + 1026: byte 1026 was never written");
    let violation = one(&mut shared, AccessKind::Store, 4, u64::MAX - 3).unwrap_err();
    assert_eq!(violation.kind, FaultKind::OutOfBounds);
}

#[test]
fn a_variable_of_no_size_is_where_dynamic_memory_begins() {
    let names = [("tile".to_owned(), 0, 100), ("smem".to_owned(), 112, 0)];
    let mut shared = Shared::new(256, Arc::new(names), Checks::ALL);
    assert_eq!(
        told(one(&mut shared, AccessKind::Load, 4, 112)).1,
        "4-byte read at `dynamic shared memory`[144 bytes] + 0: bytes 0 to 3 were never written"
    );
}

#[test]
fn a_reset_forgets_what_was_written() {
    let mut shared = shared(Checks::ALL);
    one(&mut shared, AccessKind::Store, 4, 0).unwrap();
    one(&mut shared, AccessKind::Load, 4, 0).unwrap();
    shared.copy(0, 3, 16, &[1; 16]).unwrap();
    shared.reset();
    assert_eq!(told(one(&mut shared, AccessKind::Load, 4, 0)).0, FaultKind::Uninitialised);
    one(&mut shared, AccessKind::Store, 16, 16).unwrap();
    shared.wait(0, None, &mut |_, _| panic!("it was forgotten"));
}

#[test]
fn a_copy_arrives_when_its_thread_waits() {
    let mut shared = shared(Checks::ALL);
    shared.copy(40, 3, 64, &[7; 8]).unwrap();
    assert_eq!(
        told(one(&mut shared, AccessKind::Load, 4, 68)),
        (
            FaultKind::UnfinishedCopy,
            "4-byte read at `tile`[1024 bytes] + 68: a cp.async may still write bytes 68 to 71; thread 40 neither \
             committed that nor waited for it"
                .to_owned()
        )
    );
    shared.commit(40);
    assert_eq!(
        told(one(&mut shared, AccessKind::Store, 1, 71)).1,
        "1-byte write at `tile`[1024 bytes] + 71: a cp.async may still write bytes 71 to 71; thread 40 committed \
         that and did not wait for it"
    );
    // Another copy to the same bytes, and waits that do not finish it.
    assert_eq!(told(shared.copy(40, 3, 68, &[0; 4])).0, FaultKind::UnfinishedCopy);
    shared.wait(40, Some(1), &mut |_, _| panic!("one group may be pending"));
    shared.wait(41, Some(0), &mut |_, _| panic!("it is another thread's"));
    // Other bytes are free.
    one(&mut shared, AccessKind::Store, 4, 72).unwrap();
    let mut pieces = Vec::new();
    shared.wait(40, Some(0), &mut |offset, bytes| pieces.push((offset, bytes)));
    assert_eq!(pieces, [(64, 8)]);
    let pointer = one(&mut shared, AccessKind::Load, 8, 64).unwrap();
    // SAFETY: it was resolved as a load of 8 bytes.
    assert_eq!(unsafe { pointer.cast::<[u8; 8]>().read() }, [7; 8]);
}

#[test]
fn groups_arrive_oldest_first() {
    let mut shared = shared(Checks::ALL);
    let arrived = |shared: &mut Shared, pending| {
        let mut offsets = Vec::new();
        shared.wait(2, pending, &mut |offset, _| offsets.push(offset));
        offsets
    };
    for group in 0..3 {
        shared.copy(2, 3, group * 32, &[0; 16]).unwrap();
        shared.copy(2, 3, group * 32 + 16, &[0; 16]).unwrap();
        shared.commit(2);
    }
    shared.commit(2);
    shared.copy(2, 3, 512, &[0; 4]).unwrap();
    // Four groups, the last one empty.
    assert_eq!(arrived(&mut shared, Some(4)), [0; 0]);
    assert_eq!(arrived(&mut shared, Some(3)), [0, 16]);
    assert_eq!(arrived(&mut shared, Some(1)), [32, 48, 64, 80]);
    assert_eq!(arrived(&mut shared, Some(0)), [0; 0]);
    // Only waiting for everything takes in what was not committed.
    assert_eq!(arrived(&mut shared, None), [512]);
    shared.commit(2);
    assert_eq!(arrived(&mut shared, Some(0)), [0; 0]);
    one(&mut shared, AccessKind::Load, 4, 512).unwrap();
}

#[test]
fn copies_are_checked_as_stores() {
    let mut shared = shared(Checks::ALL);
    assert_eq!(
        told(shared.copy(0, 3, 2040, &[0; 16])).1,
        "16-byte write at `dynamic shared memory`[920 bytes] + 912: `shared memory`[2048 bytes] + 2040 leaves the \
         buffer by 8 bytes"
    );
    assert_eq!(told(shared.copy(0, 3, u64::MAX, &[0; 16])).0, FaultKind::OutOfBounds);
    assert_eq!(told(shared.copy(0, 3, 8, &[0; 16])).0, FaultKind::Misaligned);
    // Beyond 32 bits, where the lowest bits would be inside.
    assert_eq!(told(shared.copy(0, 3, 1 << 32, &[0; 16])).0, FaultKind::OutOfBounds);
}

#[test]
fn checks_can_be_switched_off() {
    let mut shared = shared(Checks::NONE);
    assert!(one(&mut shared, AccessKind::Load, 4, 2046).unwrap().is_null());
    assert!(!one(&mut shared, AccessKind::Load, 4, 2043).unwrap().is_null());
    shared.copy(0, 3, 4096, &[1; 16]).unwrap();
    shared.copy(0, 3, 9, &[1; 16]).unwrap();
    shared.copy(1, 3, 17, &[2; 16]).unwrap();
    one(&mut shared, AccessKind::Store, 4, 16).unwrap();
    let mut pieces = Vec::new();
    (0..2).for_each(|thread| shared.wait(thread, None, &mut |offset, bytes| pieces.push((offset, bytes))));
    assert_eq!(pieces, [(9, 16), (17, 16)]);
    assert!(!shared.copies.any());
    let read = |shared: &mut Shared| {
        let pointer = one(shared, AccessKind::Load, 8, 16).unwrap();
        // SAFETY: it was resolved as a load of 8 bytes.
        unsafe { pointer.cast::<[u8; 8]>().read() }
    };
    assert_eq!(read(&mut shared), [1, 2, 2, 2, 2, 2, 2, 2]);
    // What nobody wrote is the same for each block.
    shared.reset();
    assert_eq!(read(&mut shared), [0; 8]);
}

#[test]
fn misaligned_bytes_are_looked_at_across_words() {
    let mut shared = shared(Checks { alignment: false, ..Checks::ALL });
    let mut resolved = Resolved::new();
    let mut two = |kind, address| {
        let mut addresses = [address; WARP];
        addresses[4] = 256;
        shared.resolve(&access(kind, 4, 0b11000, &addresses), &mut resolved)
    };
    two(AccessKind::Store, 62).unwrap();
    two(AccessKind::Load, 62).unwrap();
    assert_eq!(
        told(two(AccessKind::Load, 63)).1,
        "4-byte read at `tile`[1024 bytes] + 63: byte 66 was never written"
    );
}

#[test]
fn no_memory_at_all_is_out_of_bounds() {
    let mut shared = Shared::new(0, Arc::new([]), Checks::ALL);
    assert_eq!(
        told(one(&mut shared, AccessKind::Load, 4, 0)).1,
        "4-byte read at `dynamic shared memory`[0 bytes] + 0: `shared memory`[0 bytes] + 0 is right behind the end \
         of the buffer"
    );
}

#[test]
fn lanes_lie_as_in_device_memory() {
    let mut shared = shared(Checks::ALL);
    let mut resolved = Resolved::new();
    let row: [u64; WARP] = std::array::from_fn(|lane| lane as u64 * 8);
    shared.resolve(&access(AccessKind::Store, 8, u32::MAX, &row), &mut resolved).unwrap();
    assert_eq!((resolved.layout, resolved.allocation), (Layout::Contiguous, None));
    let begin = resolved.pointers[0];
    let mut back = row;
    back.reverse();
    shared.resolve(&access(AccessKind::Atomic, 8, u32::MAX, &back), &mut resolved).unwrap();
    assert_eq!((resolved.layout, resolved.pointers[31]), (Layout::Scattered, begin));
    shared.resolve(&access(AccessKind::Load, 4, u32::MAX, &[4; WARP]), &mut resolved).unwrap();
    assert_eq!(resolved.layout, Layout::Uniform);
}
