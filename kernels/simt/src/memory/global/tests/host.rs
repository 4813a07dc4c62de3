//! What the host does with memory of the device.

use super::super::Global;
use super::{one, wrong};
use crate::device::Error;
use crate::fault::FaultKind;
use crate::memory::AccessKind;
use crate::options::Checks;

/// What is wrong with an address, in words.
fn problem(result: Result<(), Error>) -> String {
    match result {
        Err(Error::Address { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn memory_is_counted() {
    let mut global = Global::new(1000, Checks::ALL);
    let x = global.allocate("x", 600, false).unwrap();
    assert_eq!(global.free_and_total(), (400, 1000));
    let error = global.allocate("y", 401, false).unwrap_err();
    assert_eq!(error.to_string(), "y needs 401 bytes, and 400 of 1000 are free");
    global.release(x).unwrap();
    assert_eq!(global.free_and_total(), (1000, 1000));
    global.allocate("y", 401, false).unwrap();
}

#[test]
fn more_than_the_host_has_is_refused() {
    let mut global = Global::new(u64::MAX, Checks::ALL);
    for bytes in [1 << 62, u64::MAX] {
        assert!(matches!(global.allocate("x", bytes, false), Err(Error::Memory { .. })));
    }
    assert_eq!(global.free_and_total().0, u64::MAX);
}

#[test]
fn no_bytes_have_an_address_too() {
    let mut global = Global::new(1000, Checks::ALL);
    let (a, b) = (global.allocate("a", 0, false).unwrap(), global.allocate("b", 0, true).unwrap());
    assert_ne!(a, b);
    assert_eq!(global.buffer_at(a), None);
    assert_eq!(wrong(&global, AccessKind::Load, 1, a).0, FaultKind::OutOfBounds);
    global.write(a, &[]).unwrap();
    assert_eq!(global.leaks().len(), 1);
    global.release(a).unwrap();
    global.release(b).unwrap();
}

#[test]
fn only_what_was_allocated_can_be_freed_and_only_once() {
    let mut global = Global::new(1000, Checks::ALL);
    let x = global.allocate("x", 64, false).unwrap();
    assert_eq!(
        problem(global.release(x + 4)),
        format!("`x`[64 bytes] + 4 is inside a buffer; it is freed by where it begins, {x:#x}")
    );
    global.release(x).unwrap();
    assert_eq!(problem(global.release(x)), "`x` was freed already");
    assert_eq!(problem(global.release(8)), "address 0x8, where no buffer is (a null pointer?)");
}

#[test]
fn copies_stay_within_a_buffer() {
    let mut global = Global::new(1000, Checks::ALL);
    let x = global.allocate("x", 64, false).unwrap();
    global.write(x + 8, &[1, 2, 3]).unwrap();
    let mut bytes = [0; 5];
    global.read(x + 7, &mut bytes).unwrap();
    assert_eq!(bytes, [0, 1, 2, 3, 0]);
    assert_eq!(problem(global.write(x + 62, &[0; 4])), "`x`[64 bytes] + 62 leaves the buffer by 2 bytes");
    assert_eq!(
        problem(global.read(x + 80, &mut bytes)),
        "`x`[64 bytes] + 80 is 16 bytes past the end of the buffer"
    );
    assert_eq!(problem(global.fill(x, &[0, 0], 33)), "`x`[64 bytes] + 0 leaves the buffer by 2 bytes");
    assert!(global.fill(x, &[0, 0, 0, 0], u64::MAX).is_err());
    global.release(x).unwrap();
    assert_eq!(problem(global.read(x, &mut bytes)), "`x`[64 bytes] + 0 was freed");
}

#[test]
fn patterns_fill() {
    let mut global = Global::new(1000, Checks::ALL);
    let x = global.allocate("x", 8, false).unwrap();
    let mut bytes = [0; 8];
    global.fill(x, &[1, 2], 4).unwrap();
    global.read(x, &mut bytes).unwrap();
    assert_eq!(bytes, [1, 2, 1, 2, 1, 2, 1, 2]);
    global.fill(x + 4, &[9, 8, 7, 6], 1).unwrap();
    global.read(x, &mut bytes).unwrap();
    assert_eq!(bytes, [1, 2, 1, 2, 9, 8, 7, 6]);
}

#[test]
fn what_was_not_written_stays_so_when_copied() {
    let mut global = Global::new(1000, Checks::ALL);
    let (x, y) = (global.allocate("x", 256, false).unwrap(), global.allocate("y", 256, false).unwrap());
    global.fill(x, &[5], 100).unwrap();
    global.fill(y, &[6], 256).unwrap();
    global.copy(x + 90, y + 3, 20).unwrap();
    one(&global, AccessKind::Load, 1, y + 12).unwrap();
    one(&global, AccessKind::Load, 1, y + 23).unwrap();
    for byte in 13..23 {
        assert_eq!(wrong(&global, AccessKind::Load, 1, y + byte).0, FaultKind::Uninitialised);
    }
}

#[test]
fn numbers_and_leaks() {
    let mut global = Global::new(1000, Checks::ALL);
    let addresses: Vec<u64> =
        ["a", "b", "c"].map(|name| global.allocate(name, 16, name == "b").unwrap()).to_vec();
    global.release(addresses[0]).unwrap();
    assert_eq!((global.allocations(), global.allocation(0)), (3, None));
    assert_eq!(global.allocation_at(addresses[2] + 15), Some(2));
    assert_eq!(global.allocation_at(addresses[2] + 16), None);
    let leaks: Vec<String> = global.leaks().into_iter().map(|leak| leak.name).collect();
    assert_eq!(leaks, ["c"]);
    let d = global.allocate("d", 16, false).unwrap();
    assert_eq!((global.allocations(), global.allocation_at(d)), (3, Some(0)));
    assert_eq!(global.buffer_at(d + 3), Some(("d".to_owned(), d, 16)));
}
