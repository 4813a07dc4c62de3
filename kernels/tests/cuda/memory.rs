//! Allocation, copies, and their bounds.

use kernels::device::{Device, DeviceError, Mark, PIECE};

use super::{download, open, upload};

#[test]
fn bytes_come_back_as_they_were_written() {
    let device = open();
    let values: Vec<u32> = (0..1 << 20).map(|i: u32| i.wrapping_mul(2_654_435_761)).collect();
    let buffer = upload(&device, "values", &values);
    assert_eq!(download(&device, &buffer), values);
    // A part in the middle, through another buffer.
    let other = device.allocate("other", 64).unwrap();
    device.fill(&other, 0xab).unwrap();
    device.copy((&buffer, 400), (&other, 8), 16).unwrap();
    let mut expected = vec![0xabab_abab; 16];
    expected[2..6].copy_from_slice(&values[100..104]);
    assert_eq!(download(&device, &other), expected);
}

#[test]
fn much_comes_back_in_pieces_and_in_order() {
    let device = open();
    let values: Vec<u32> = (0..5 << 22).map(|i: u32| i.wrapping_mul(2_654_435_761)).collect();
    let buffer = upload(&device, "values", &values);
    let expected: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let all = expected.len();
    // Again over the same memory of the host; from inside; little; nothing.
    for (offset, bytes) in [(0, all), (0, all), (5, all - 9), (7, PIECE), (8, PIECE + 1), (3, 100), (all, 0)]
    {
        let (mut found, mut pieces) = (Vec::new(), Vec::new());
        let with = &mut |piece: &[u8]| {
            found.extend_from_slice(piece);
            pieces.push(piece.len());
        };
        device.read_pieces(&buffer, (offset as u64, bytes as u64), None, with).unwrap();
        assert!(found == expected[offset..offset + bytes], "{offset} {bytes}");
        assert!(pieces.iter().rev().skip(1).all(|&piece| piece == PIECE), "{pieces:?}");
    }
    let beyond =
        device.read_pieces(&buffer, (1, all as u64), None, &mut |_| panic!("nothing was to be copied"));
    assert!(matches!(beyond, Err(DeviceError::Bounds { .. })), "{beyond:?}");
}

#[test]
fn what_was_copied_before_a_mark_comes_back_while_the_device_goes_on() {
    let device = open();
    let values: Vec<u32> = (0..1 << 18).collect();
    let (buffer, aside) = (upload(&device, "values", &values), device.allocate("aside", 2 << 20).unwrap());
    device.copy((&buffer, 0), (&aside, 0), 1 << 20).unwrap();
    let first = device.mark().unwrap();
    device.fill(&buffer, 0xab).unwrap();
    device.copy((&buffer, 0), (&aside, 1 << 20), 1 << 20).unwrap();
    let second = device.mark().unwrap();
    for (at, mark, expected) in [
        (0, Some(&first), values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        (1 << 20, Some(&second), vec![0xab; 1 << 20]),
        (1 << 20, None, vec![0xab; 1 << 20]),
    ] {
        let mut found = Vec::new();
        device.read_pieces(&aside, (at, 1 << 20), mark, &mut |piece| found.extend_from_slice(piece)).unwrap();
        assert!(found == expected, "{at}");
    }
    drop(first);
    let foreign = Mark::new(u64::MAX, Box::new(|_| {}));
    let error =
        device.read_pieces(&aside, (0, 8), Some(&foreign), &mut |_| panic!("nothing was to be copied"));
    assert!(
        matches!(&error, Err(DeviceError::Driver { message, .. }) if message.contains("another device")),
        "{error:?}"
    );
}

#[test]
fn nothing_is_copied_beyond_a_buffer() {
    let device = open();
    let (a, b) = (upload(&device, "a", &[1, 2, 3, 4]), upload(&device, "b", &[5, 6]));
    let mut bytes = [0; 8];
    let errors = [
        device.write(&b, 4, &bytes).unwrap_err(),
        device.read(&b, 1, &mut bytes).unwrap_err(),
        device.copy((&a, 0), (&b, 0), 9).unwrap_err(),
        device.copy((&b, 1), (&a, 0), 8).unwrap_err(),
        device.read(&b, u64::MAX, &mut bytes).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, DeviceError::Bounds { .. }), "{error:?}");
    }
    let overlapping = device.copy((&a, 0), (&a, 4), 8).unwrap_err();
    assert!(overlapping.to_string().contains("overlaps"), "{overlapping}");
    device.copy((&a, 0), (&a, 8), 8).unwrap();
    assert_eq!((download(&device, &a), download(&device, &b)), (vec![1, 2, 1, 2], vec![5, 6]));
}

#[test]
fn nothing_can_be_copied_from_an_empty_buffer_and_that_is_no_error() {
    let device = open();
    let empty = device.allocate("empty", 0).unwrap();
    device.write(&empty, 0, &[]).unwrap();
    device.fill(&empty, 1).unwrap();
    device.read(&empty, 0, &mut []).unwrap();
    assert!(matches!(device.read(&empty, 0, &mut [0]), Err(DeviceError::Bounds { .. })));
}

#[test]
fn too_little_memory_is_said_with_the_numbers_and_the_device_goes_on() {
    let device = open();
    let free = device.free_memory().unwrap();
    let total = device.properties().total_memory;
    assert!(0 < free && free <= total);
    for bytes in [free + (1 << 30), u64::MAX] {
        let error = device.allocate("weights", bytes).unwrap_err();
        let DeviceError::Memory { what, needed, total: said, .. } = &error else { panic!("{error:?}") };
        assert_eq!((what.as_str(), *needed), ("weights", bytes));
        assert!(*said > 0 && error.to_string().contains("free memory on the device"), "{error}");
    }
    assert_eq!(download(&device, &upload(&device, "x", &[7])), [7]);
}

#[test]
fn memory_is_free_again_when_a_buffer_is_dropped() {
    let device = open();
    let before = device.free_memory().unwrap();
    let size = 1 << 30;
    let buffer = device.allocate("large", size).unwrap();
    assert!(device.free_memory().unwrap() + size <= before);
    drop(buffer);
    // Other tests may hold some of their own; this one was much larger.
    assert!(device.free_memory().unwrap() + size / 2 > before);
}
