//! What holds before any kernel runs, and of graphs; kernels on it are for the claims of the lane simt.

mod graphs;

use ::simt::{Fault, FaultKind, Options};

use super::*;
use crate::device::PIECE;

#[test]
fn it_says_what_it_plays() {
    let device = SimtDevice::new(Options::default());
    let properties = device.properties();
    assert_eq!(properties.name, "virtual device (sm_90)");
    assert_eq!(properties.target, TARGET);
    assert_eq!(properties.total_memory, 8 << 30);
    assert!(properties.driver.starts_with("simt "), "{}", properties.driver);
    assert_eq!(device.counts(), Counts::default());
}

#[test]
fn the_limits_of_a_target_are_those_of_the_virtual_device() {
    for target in Target::ALL {
        let (ours, theirs) = (target.limits(), ::simt::Limits::of(target.major, target.minor));
        assert_eq!(ours.max_shared_bytes, theirs.max_shared_bytes, "{target}");
        assert_eq!(ours.max_block, theirs.max_block, "{target}");
        assert_eq!(ours.max_threads_per_block, theirs.max_threads_per_block, "{target}");
        assert_eq!(ours.max_grid, theirs.max_grid.map(u64::from), "{target}");
    }
}

#[test]
fn much_comes_back_in_pieces() {
    let device = SimtDevice::new(Options::default());
    let expected: Vec<u8> = (0..PIECE + 9).map(|at| (at % 251) as u8).collect();
    let buffer = device.allocate("x", expected.len() as u64).unwrap();
    device.write(&buffer, 0, &expected).unwrap();
    for (offset, bytes) in [(0, PIECE + 9), (4, PIECE), (2, 5), (9, 0)] {
        let (mut found, mut pieces) = (Vec::new(), 0);
        let with = &mut |piece: &[u8]| {
            found.extend_from_slice(piece);
            pieces += 1;
        };
        device.read_pieces(&buffer, (offset as u64, bytes as u64), None, with).unwrap();
        assert!(found == expected[offset..offset + bytes], "{offset} {bytes}");
        assert_eq!(pieces, bytes.div_ceil(PIECE));
    }
    let beyond =
        device.read_pieces(&buffer, (10, PIECE as u64), None, &mut |_| panic!("nothing was to be copied"));
    assert!(matches!(beyond, Err(DeviceError::Bounds { .. })), "{beyond:?}");
}

#[test]
fn nothing_is_computed_after_a_fault_and_a_refused_launch_changes_nothing() {
    let device = SimtDevice::new(Options::default());
    let error = |kind| ::simt::Error::Fault(Box::new(Fault::refused(kind, "planted".to_owned())));
    let refused = device.watch("rope", error(FaultKind::LaunchLimit));
    assert!(matches!(refused, DeviceError::Launch { .. }), "{refused:?}");
    let unknown = device.watch("rope", error(FaultKind::Unsupported));
    assert!(matches!(unknown, DeviceError::Virtual { .. }), "{unknown:?}");
    assert_eq!(device.synchronize(), Ok(()));
    let fault = device.watch("rope", error(FaultKind::Race));
    assert_eq!(fault, DeviceError::Fault("race: planted".to_owned()));
    assert_eq!(device.synchronize(), Err(fault.clone()));
    assert_eq!(device.allocate("x", 4).err(), Some(fault));
    let kinds: Vec<FaultKind> = device.faults().iter().map(|fault| fault.kind).collect();
    assert_eq!(kinds, [FaultKind::LaunchLimit, FaultKind::Unsupported, FaultKind::Race]);
}
