//! Launches.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::Arc;

use simt::Launch;
use simt::graph::{Kernel, Work};

use crate::boundary::{Host, In};
use crate::handles::{Handle, stream_id};
use crate::module::kernel;
use crate::occupancy::blocks;
use crate::report;
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// `CUlaunchConfig`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Config {
    grid: [c_uint; 3],
    block: [c_uint; 3],
    shared: c_uint,
    stream: Handle,
    attributes: In<Attribute>,
    attribute_count: c_uint,
}

/// `CUlaunchAttribute`: which one, and a value of up to 64 bytes that begins at a multiple of 8.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Attribute {
    id: c_uint,
    padding: [c_char; 4],
    value: [u64; 8],
}

/// How a launch was written down.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Blocks.
    pub grid: [u32; 3],
    /// Threads of a block.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub shared: u32,
    /// Whether all blocks run at the same time.
    pub cooperative: bool,
}

/// The bytes of all parameters: from a pointer for each, or from one buffer (`extra`).
fn parameters(function: &simt::Function, each: In<Host>, extra: In<Host>) -> Outcome<Vec<u8>> {
    let wanted = function.parameters();
    let bytes =
        wanted.iter().map(|parameter| (parameter.offset + parameter.bytes) as usize).max().unwrap_or(0);
    let mut values = vec![0; bytes];
    if !extra.is_null() {
        if !each.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        let given = buffer(extra)?;
        if given.len() < bytes {
            report::note(&format!(
                "{} takes {bytes} bytes of parameters, and the buffer has {}",
                function.name(),
                given.len()
            ));
            return Err(Status::INVALID_VALUE);
        }
        values.copy_from_slice(given.get(..bytes).ok_or(Status::INVALID_VALUE)?);
        return Ok(values);
    }
    for (parameter, pointer) in wanted.iter().zip(each.list(wanted.len())?) {
        if pointer.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        let begin = parameter.offset as usize;
        let place = values.get_mut(begin..begin + parameter.bytes as usize).ok_or(Status::INVALID_VALUE)?;
        pointer.read(place);
    }
    Ok(values)
}

/// The buffer that `extra` leads to: pairs of a number and a value, up to 0.
fn buffer(extra: In<Host>) -> Outcome<Vec<u8>> {
    let (mut pointer, mut size) = (None, None);
    for index in 0..8 {
        let key = extra.at(2 * index)?.address();
        if key == 0 {
            break;
        }
        let value = extra.at(2 * index + 1)?;
        match key {
            1 => pointer = Some(value),
            2 => size = Some(In::<usize>::untyped(value).get()?),
            _ => return Err(Status::INVALID_VALUE),
        }
    }
    let (Some(pointer), Some(size)) = (pointer, size) else { return Err(Status::INVALID_VALUE) };
    // More than any kernel takes is no size.
    let mut bytes = vec![0; Some(size).filter(|size| *size <= 1 << 16).ok_or(Status::INVALID_VALUE)?];
    pointer.read(&mut bytes);
    Ok(bytes)
}

/// Checks a launch as the driver does before anything runs, and makes it work.
///
/// # Errors
/// [`Status::INVALID_HANDLE`], [`Status::INVALID_VALUE`] for sizes beyond the device,
/// [`Status::LAUNCH_OUT_OF_RESOURCES`] beyond the kernel, [`Status::COOPERATIVE_LAUNCH_TOO_LARGE`].
pub fn prepare(
    session: &Session,
    function: Handle,
    shape: Shape,
    each: In<Host>,
    extra: In<Host>,
) -> Outcome<Kernel> {
    let (loaded, number, function) = kernel(session, function)?;
    let limits = session.device.limits();
    let refuse = |status: Status, problem: String| {
        report::note(&format!("launch of {}: {problem}", function.name()));
        Err(status)
    };
    let within = |sizes: [u32; 3], most: [u32; 3]| {
        sizes.iter().zip(most).all(|(&size, most)| (1..=most).contains(&size))
    };
    let threads: u64 = shape.block.iter().map(|&threads| u64::from(threads)).product();
    if !within(shape.grid, limits.max_grid)
        || !within(shape.block, limits.max_block)
        || threads > u64::from(limits.max_threads_per_block)
    {
        let problem = format!(
            "{:?} blocks of {:?} threads, and the device takes up to {:?} of {:?}, {} in all",
            shape.grid, shape.block, limits.max_grid, limits.max_block, limits.max_threads_per_block
        );
        return refuse(Status::INVALID_VALUE, problem);
    }
    if threads > u64::from(function.max_threads()) {
        let problem = format!("{threads} threads a block, and the kernel takes {}", function.max_threads());
        return refuse(Status::LAUNCH_OUT_OF_RESOURCES, problem);
    }
    let dynamic = loaded
        .dynamic(number)
        .unwrap_or_else(|| limits.default_shared_bytes.saturating_sub(function.shared_bytes()));
    if shape.shared > dynamic {
        let problem = format!(
            "{} bytes of dynamic shared memory, and {dynamic} are allowed: ask for more by cuFuncSetAttribute",
            shape.shared
        );
        return refuse(Status::INVALID_VALUE, problem);
    }
    if shape.cooperative {
        let at_once = u64::from(blocks(limits, &function, threads as u32, u64::from(shape.shared)))
            * u64::from(limits.multiprocessors);
        let wanted: u64 = shape.grid.iter().map(|&blocks| u64::from(blocks)).product();
        if wanted > at_once {
            let problem = format!("{wanted} cooperative blocks, and {at_once} run at a time");
            return refuse(Status::COOPERATIVE_LAUNCH_TOO_LARGE, problem);
        }
    }
    let parameters = parameters(&function, each, extra)?;
    let launch = Launch {
        grid: shape.grid,
        block: shape.block,
        shared: shape.shared,
        cooperative: shape.cooperative,
        max_dynamic_shared: Some(dynamic),
    };
    Ok(Kernel { function, launch, parameters })
}

fn launch(
    call: &str,
    function: Handle,
    shape: Shape,
    stream: Handle,
    each: In<Host>,
    extra: In<Host>,
) -> Outcome {
    let session = session()?;
    let stream = stream_id(stream)?;
    if !session.streams.is_stream(stream) {
        return Err(Status::INVALID_HANDLE);
    }
    let kernel = prepare(&session, function, shape, each, extra)?;
    session.submit(call, stream, Work::Kernel(kernel))
}

exports! {
    fn cuLaunchKernel(
        function: Handle, grid_x: c_uint, grid_y: c_uint, grid_z: c_uint, block_x: c_uint, block_y: c_uint,
        block_z: c_uint, shared: c_uint, stream: Handle, each: In<Host>, extra: In<Host>,
    ) {
        let shape =
            Shape { grid: [grid_x, grid_y, grid_z], block: [block_x, block_y, block_z], shared, cooperative: false };
        launch("cuLaunchKernel", function, shape, stream, each, extra)
    }
    fn cuLaunchCooperativeKernel(
        function: Handle, grid_x: c_uint, grid_y: c_uint, grid_z: c_uint, block_x: c_uint, block_y: c_uint,
        block_z: c_uint, shared: c_uint, stream: Handle, each: In<Host>,
    ) {
        let shape =
            Shape { grid: [grid_x, grid_y, grid_z], block: [block_x, block_y, block_z], shared, cooperative: true };
        launch("cuLaunchCooperativeKernel", function, shape, stream, each, In::NONE)
    }
    fn cuLaunchKernelEx(config: In<Config>, function: Handle, each: In<Host>, extra: In<Host>) {
        let config = config.get()?;
        let mut shape =
            Shape { grid: config.grid, block: config.block, shared: config.shared, cooperative: false };
        for attribute in config.attributes.list(config.attribute_count as usize)? {
            let [value, ..] = attribute.value;
            match attribute.id {
                // Nothing; hints for caches, priorities and the split of shared memory; memory domains.
                0 | 1 | 3 | 8..=10 | 14 => {}
                2 => shape.cooperative = value as u32 != 0,
                // The kernel may begin before the one before it has ended. Here it does not.
                6 => {}
                // Clusters: one block each is no cluster.
                4 if value == 1 | 1 << 32 && attribute.value[1] as u32 == 1 => {}
                id => {
                    report::note(&format!("cuLaunchKernelEx: launch attribute {id} is not supported"));
                    return Err(Status::NOT_SUPPORTED);
                }
            }
        }
        launch("cuLaunchKernelEx", function, shape, config.stream, each, extra)
    }
    fn cuLaunchHostFunc(stream: Handle, function: Option<unsafe extern "C" fn(*mut c_void)>, data: Host) {
        let work = host_work(function, data)?;
        session()?.submit("cuLaunchHostFunc", stream_id(stream)?, work)
    }
    fn cuStreamAddCallback(
        stream: Handle,
        function: Option<unsafe extern "C" fn(Handle, c_int, *mut c_void)>, data: Host, flags: c_uint,
    ) {
        let _ = flags;
        let function = function.ok_or(Status::INVALID_VALUE)?;
        let session = session()?;
        let id = stream_id(stream)?;
        // Unlike a function of the host it cannot be captured.
        session.of_stream("cuStreamAddCallback", session.streams.synchronize(id, "cuStreamAddCallback"))?;
        // SAFETY: a function of the caller with the data that it gave.
        unsafe { function(stream, 0, data.pointer()) };
        Ok(())
    }
}

/// A call of the host as work.
///
/// # Errors
/// [`Status::INVALID_VALUE`] for null.
pub fn host_work(function: Option<unsafe extern "C" fn(*mut c_void)>, data: Host) -> Outcome<Work> {
    let function = function.ok_or(Status::INVALID_VALUE)?;
    // SAFETY: a function of the caller with the data that it gave; both stay until the work, or the graph, is done with.
    Ok(Work::Host(Arc::new(move || unsafe { function(data.pointer()) })))
}
