//! What of a launch leaves the limits of the named GPU.

use super::{Function, Launch};
use crate::fault::{Fault, FaultKind};
use crate::options::Options;

/// The fault of a launch, if it has one.
pub(super) fn check(
    options: &Options,
    function: &Function,
    launch: &Launch,
    parameter_bytes: usize,
) -> Result<(), Box<Fault>> {
    let problem = possible(function, launch, parameter_bytes)
        .map(|problem| (FaultKind::LaunchLimit, problem))
        .or_else(|| countable(launch).map(|problem| (FaultKind::Unsupported, problem)))
        .or_else(|| {
            let problem = options.checks.limits.then(|| allowed(options, function, launch)).flatten()?;
            Some((FaultKind::LaunchLimit, problem))
        });
    match problem {
        None => Ok(()),
        Some((kind, problem)) => {
            Err(Box::new(Fault::refused(kind, format!("kernel {}: {problem}", function.name()))))
        }
    }
}

/// What no device of any kind takes.
fn possible(function: &Function, launch: &Launch, parameter_bytes: usize) -> Option<String> {
    for (what, counts) in [("blocks", launch.grid), ("threads", launch.block)] {
        if let Some((axis, _)) = ["x", "y", "z"].iter().zip(counts).find(|(_, count)| *count == 0) {
            return Some(format!("0 {what} along {axis}"));
        }
    }
    let threads: u64 = launch.block.iter().map(|&count| u64::from(count)).product();
    if threads > 1024 {
        return Some(format!("{threads} threads a block, and the device takes 1024"));
    }
    let needed = function.parameter_bytes() as usize;
    if parameter_bytes != needed {
        return Some(format!("{parameter_bytes} bytes of parameters, and the kernel takes {needed}"));
    }
    let declared = u64::from(function.shared_bytes());
    let shared = declared + u64::from(launch.shared);
    (shared > 1 << 20).then(|| format!("{shared} bytes of shared memory"))
}

/// What cannot be counted here.
fn countable(launch: &Launch) -> Option<String> {
    let blocks = launch.grid.iter().map(|&count| u128::from(count)).product::<u128>();
    let limit = if launch.cooperative { 1 << 16 } else { u128::from(u32::MAX) };
    (blocks > limit).then(|| format!("{blocks} blocks; at most {limit} are run"))
}

/// What the named GPU does not take.
fn allowed(options: &Options, function: &Function, launch: &Launch) -> Option<String> {
    let limits = &options.limits;
    for (what, counts, most) in
        [("blocks", launch.grid, limits.max_grid), ("threads", launch.block, limits.max_block)]
    {
        for (axis, (count, most)) in ["x", "y", "z"].iter().zip(counts.into_iter().zip(most)) {
            if count > most {
                return Some(format!("{count} {what} along {axis}, and the device takes 1 to {most}"));
            }
        }
    }
    let threads: u32 = launch.block.iter().product();
    if threads > limits.max_threads_per_block {
        return Some(format!(
            "{threads} threads a block, and the device takes {}",
            limits.max_threads_per_block
        ));
    }
    let program = function.program();
    if let Some(required) = program.required_threads
        && required != launch.block
    {
        return Some(format!("a block of {:?} threads, and the kernel requires {required:?}", launch.block));
    }
    if threads > function.max_threads() {
        return Some(format!(
            "{threads} threads a block, and the kernel was compiled for {}",
            function.max_threads()
        ));
    }
    let declared = function.shared_bytes();
    let shared =
        if launch.shared == 0 { declared } else { program.dynamic_shared.saturating_add(launch.shared) };
    if shared > limits.max_shared_bytes {
        return Some(format!(
            "{} bytes of dynamic shared memory beside {declared} of its own, and a block has {}",
            launch.shared, limits.max_shared_bytes
        ));
    }
    if let Some(most) = launch.max_dynamic_shared
        && launch.shared > most
    {
        return Some(format!("{} bytes of dynamic shared memory, and {most} were asked for", launch.shared));
    }
    for (what, bytes, most) in [
        ("parameters", function.parameter_bytes(), limits.max_parameter_bytes),
        ("constant memory", function.const_bytes(), limits.max_const_bytes),
        ("local memory a thread", function.local_bytes(), limits.max_local_bytes),
    ] {
        if bytes > most {
            return Some(format!("{bytes} bytes of {what}, and the device takes {most}"));
        }
    }
    launch.cooperative.then(|| resident(options, threads, shared, launch)).flatten()
}

/// Blocks of a cooperative launch must all be on the device at once.
fn resident(options: &Options, threads: u32, shared: u32, launch: &Launch) -> Option<String> {
    let limits = &options.limits;
    let by_threads = limits.max_threads_per_multiprocessor / threads.next_multiple_of(32);
    // A block takes 1 KiB beside its own (CUDA C++ Programming Guide 13.0, section 20.7.3).
    let by_shared = limits.shared_bytes_per_multiprocessor / (shared + 1024);
    let each = by_threads.min(by_shared).min(limits.max_blocks_per_multiprocessor);
    let most = u64::from(each) * u64::from(limits.multiprocessors);
    let blocks: u64 = launch.grid.iter().map(|&count| u64::from(count)).product();
    (blocks > most)
        .then(|| format!("{blocks} blocks in a cooperative launch, and {most} fit on the device at once"))
}
