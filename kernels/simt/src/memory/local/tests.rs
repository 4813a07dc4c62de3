//! Each lane has its own; verdicts against a model are tested with those of shared memory.

use super::Local;
use crate::WARP;
use crate::fault::FaultKind;
use crate::memory::{Access, AccessKind, Layout, Resolved};
use crate::options::Checks;
use crate::ptx::{Order, Scope};

fn access(kind: AccessKind, active: u32, addresses: &[u64; WARP]) -> Access<'_> {
    Access { kind, bytes: 4, active, addresses, order: Order::Weak, scope: Scope::Block, nc: false }
}

#[test]
fn violations_are_told() {
    let mut local = Local::new(100, Checks::ALL);
    let mut told = |address| {
        let mut resolved = Resolved::new();
        let load = [address; WARP];
        let violation = local.resolve(&access(AccessKind::Load, 1 << 9, &load), &mut resolved).unwrap_err();
        assert_eq!(violation.lane, 9);
        let buffer = Some(("local memory".to_owned(), 100, address as i64));
        assert_eq!(violation.target.and_then(|target| target.buffer), buffer);
        (violation.kind, violation.message)
    };
    assert_eq!(
        told(98),
        (
            FaultKind::OutOfBounds,
            "4-byte read at `local memory`[100 bytes] + 98 leaves the buffer by 2 bytes".to_owned()
        )
    );
    assert_eq!(
        told(100).1,
        "4-byte read at `local memory`[100 bytes] + 100 is right behind the end of the buffer"
    );
    assert_eq!(
        told(2),
        (
            FaultKind::Misaligned,
            "4-byte read at `local memory`[100 bytes] + 2 is misaligned: the address must be a multiple of 4"
                .to_owned()
        )
    );
    assert_eq!(
        told(64),
        (
            FaultKind::Uninitialised,
            "4-byte read at `local memory`[100 bytes] + 64: bytes 64 to 67 were never written".to_owned()
        )
    );
}

#[test]
fn each_lane_has_its_own() {
    let mut local = Local::new(8, Checks::ALL);
    let mut resolved = Resolved::new();
    local.resolve(&access(AccessKind::Store, 0xff, &[4; WARP]), &mut resolved).unwrap();
    assert_eq!((resolved.layout, resolved.allocation), (Layout::Scattered, None));
    let all = access(AccessKind::Load, u32::MAX, &[4; WARP]);
    assert_eq!(local.resolve(&all, &mut resolved).unwrap_err().lane, 8);
}

#[test]
fn misaligned_bytes_are_looked_at_across_words() {
    let mut local = Local::new(256, Checks { alignment: false, ..Checks::ALL });
    let mut resolved = Resolved::new();
    local.resolve(&access(AccessKind::Store, 1, &[62; WARP]), &mut resolved).unwrap();
    local.resolve(&access(AccessKind::Load, 1, &[62; WARP]), &mut resolved).unwrap();
    let violation = local.resolve(&access(AccessKind::Load, 1, &[63; WARP]), &mut resolved).unwrap_err();
    assert_eq!(violation.message, "4-byte read at `local memory`[256 bytes] + 63: byte 66 was never written");
}

#[test]
fn a_reset_makes_it_as_new_whatever_is_checked() {
    let mut local = Local::new(8, Checks::NONE);
    let mut resolved = Resolved::new();
    local.resolve(&access(AccessKind::Store, 1, &[4; WARP]), &mut resolved).unwrap();
    // SAFETY: it was resolved as a store of 4 bytes.
    unsafe { resolved.pointers[0].cast::<u32>().write(7) };
    local.reset();
    local.resolve(&access(AccessKind::Load, 1, &[4; WARP]), &mut resolved).unwrap();
    // SAFETY: it was resolved as a load of 4 bytes.
    assert_eq!(unsafe { resolved.pointers[0].cast::<u32>().read() }, 0);
}
