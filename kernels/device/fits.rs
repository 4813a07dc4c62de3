//! Whether a launch stays within limits, and its arguments fit the kernel: the same for every device.

use super::{Argument, Buffer, DeviceError, Launch, Limits};

/// What of a launch leaves the limits.
pub(super) fn launch_problem(
    launch: Launch,
    declared: u32,
    max_threads: u32,
    limits: &Limits,
) -> Option<String> {
    for (axis, (&blocks, &most)) in ["x", "y", "z"].iter().zip(launch.grid.iter().zip(&limits.max_grid)) {
        if blocks == 0 || u64::from(blocks) > most {
            return Some(format!("{blocks} blocks along {axis}, and the device takes 1 to {most}"));
        }
    }
    for (axis, (&threads, &most)) in ["x", "y", "z"].iter().zip(launch.block.iter().zip(&limits.max_block)) {
        if threads == 0 || threads > most {
            return Some(format!("{threads} threads along {axis}, and the device takes 1 to {most}"));
        }
    }
    let threads: u64 = launch.block.iter().map(|&threads| u64::from(threads)).product();
    let most = limits.max_threads_per_block.min(max_threads);
    if threads > u64::from(most) {
        return Some(format!("{threads} threads a block, and with its registers the kernel can have {most}"));
    }
    let shared = u64::from(launch.shared) + u64::from(declared);
    (shared > u64::from(limits.max_shared_bytes)).then(|| {
        format!(
            "{} bytes of dynamic shared memory beside {declared} of its own, and a block has {}",
            launch.shared, limits.max_shared_bytes
        )
    })
}

/// What of the arguments does not fit the parameters of the entry point.
pub(super) fn argument_problem(arguments: &[Argument<'_>], parameters: &[u32]) -> Option<String> {
    if arguments.len() != parameters.len() {
        return Some(format!("{} arguments for {} parameters", arguments.len(), parameters.len()));
    }
    for (index, (argument, &size)) in arguments.iter().zip(parameters).enumerate() {
        let (what, bytes) = match argument {
            Argument::Buffer(buffer, offset) if *offset > buffer.bytes() => {
                return Some(format!("argument {index} begins {offset} bytes into buffer {buffer:?}"));
            }
            Argument::Buffer(..) => ("an address", 8),
            Argument::U32(_) | Argument::F32(_) => ("a 32-bit number", 4),
        };
        if bytes != size {
            return Some(format!(
                "argument {index} is {what} of {bytes} bytes, and the parameter has {size}"
            ));
        }
    }
    None
}

/// The address of a range of a buffer; an error if it leaves the buffer.
pub(super) fn range(
    operation: &'static str,
    buffer: &Buffer,
    offset: u64,
    bytes: u64,
) -> Result<u64, DeviceError> {
    match offset.checked_add(bytes) {
        Some(end) if end <= buffer.bytes() => Ok(buffer.address() + offset),
        _ => Err(DeviceError::Bounds { operation, buffer: format!("{buffer:?}"), offset, bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Target;

    fn problem(launch: Launch) -> Option<String> {
        launch_problem(launch, 1024, 512, &Target::new(9, 0).limits())
    }

    #[test]
    fn every_limit_of_a_launch_is_checked() {
        let fits =
            Launch { grid: [2_147_483_647, 65_535, 1], block: [512, 1, 1], shared: (227 << 10) - 1024 };
        assert_eq!(problem(fits), None);
        for (launch, said) in [
            (
                Launch { grid: [1, 65_536, 1], ..fits },
                "65536 blocks along y, and the device takes 1 to 65535",
            ),
            (Launch { grid: [0, 1, 1], ..fits }, "0 blocks along x"),
            (Launch { block: [1, 1, 65], ..fits }, "65 threads along z"),
            (Launch { block: [0, 1, 1], ..fits }, "0 threads along x"),
            (Launch { block: [32, 17, 1], ..fits }, "544 threads a block"),
            (Launch { shared: fits.shared + 1, ..fits }, "a block has 232448"),
        ] {
            let found = problem(launch).unwrap_or_default();
            assert!(found.contains(said), "{said}: {found}");
        }
    }

    #[test]
    fn arguments_must_fit_the_parameters() {
        let buffer = Buffer::new("x", 0, 16, Box::new(|_| ()));
        let arguments = [Argument::Buffer(&buffer, 16), Argument::U32(3)];
        assert_eq!(argument_problem(&arguments, &[8, 4]), None);
        for (parameters, said) in [
            (&[8][..], "2 arguments for 1 parameters"),
            (&[8, 8], "argument 1 is a 32-bit number of 4 bytes, and the parameter has 8"),
            (&[4, 4], "argument 0 is an address of 8 bytes"),
        ] {
            let found = argument_problem(&arguments, parameters).unwrap_or_default();
            assert!(found.contains(said), "{said}: {found}");
        }
        let beyond = argument_problem(&[Argument::Buffer(&buffer, 17)], &[8]).unwrap_or_default();
        assert!(beyond.contains("17 bytes into buffer x[16 bytes]"), "{beyond}");
    }

    #[test]
    fn a_range_stays_within_its_buffer() {
        let buffer = Buffer::new("x", 4096, 16, Box::new(|_| ()));
        assert_eq!(range("read", &buffer, 8, 8), Ok(4104));
        assert_eq!(range("read", &buffer, 16, 0), Ok(4112));
        for (offset, bytes) in [(8, 9), (17, 0), (u64::MAX, 2)] {
            assert!(
                matches!(range("read", &buffer, offset, bytes), Err(DeviceError::Bounds { .. })),
                "{offset}"
            );
        }
    }
}
