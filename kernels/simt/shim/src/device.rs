//! Devices: there is one.

use std::ffi::{c_char, c_int, c_uint, c_void};

use crate::boundary::Out;
use crate::session::process;
use crate::settings::Settings;
use crate::status::{Outcome, Status};
use crate::{attributes, report};

/// The version of the API: 13.0.
pub const DRIVER_VERSION: c_int = 13_000;

/// `CUdevprop`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct Properties {
    max_threads_per_block: c_int,
    max_threads: [c_int; 3],
    max_grid: [c_int; 3],
    shared_bytes: c_int,
    const_bytes: c_int,
    warp: c_int,
    pitch: c_int,
    registers: c_int,
    clock: c_int,
    texture_alignment: c_int,
}

// SAFETY: the C library has this function, with this signature (C17, section 7.22.4.2).
unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> c_int;
}

/// Says what was not freed when the program ends without releasing its contexts.
extern "C" fn at_exit() {
    let _ = std::panic::catch_unwind(|| {
        let ended = process().end_anyway();
        drop(ended);
    });
}

/// The device of an ordinal; an error for any but 0.
///
/// # Errors
/// [`Status::NOT_INITIALIZED`], [`Status::INVALID_DEVICE`].
pub fn device(ordinal: c_int) -> Outcome {
    process().settings()?;
    if ordinal == 0 { Ok(()) } else { Err(Status::INVALID_DEVICE) }
}

/// Identifies the device: the same for every program.
const UUID: [u8; 16] = *b"simt virtual gpu";

exports! {
    fn cuInit(flags: c_uint) {
        if flags != 0 {
            return Err(Status::INVALID_VALUE);
        }
        let mut process = process();
        if process.settings.is_none() {
            let settings = Settings::of(|name| std::env::var(name).ok()).map_err(|problem| {
                report::note(&problem);
                Status::INVALID_VALUE
            })?;
            process.settings = Some(settings);
            // SAFETY: the function takes nothing, returns nothing, does not unwind, and lives as long as the process:
            // the library is never unloaded (`-z nodelete`).
            let _ = unsafe { atexit(at_exit) };
        }
        Ok(())
    }
    fn cuDriverGetVersion(version: Out<c_int>) {
        version.set(DRIVER_VERSION)
    }
    fn cuDeviceGet(found: Out<c_int>, ordinal: c_int) {
        device(ordinal)?;
        found.set(0)
    }
    fn cuDeviceGetCount(count: Out<c_int>) {
        process().settings()?;
        count.set(1)
    }
    fn cuDeviceGetName(name: Out<c_char>, bytes: c_int, ordinal: c_int) {
        device(ordinal)?;
        let room = usize::try_from(bytes).ok().filter(|room| *room > 0).ok_or(Status::INVALID_VALUE)?;
        if name.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        let limits = process().settings()?.options.limits;
        let text = format!("Touchstone virtual device (sm_{}{})", limits.major, limits.minor);
        name.list(text.bytes().take(room - 1).chain([0]).map(|byte| byte as c_char));
        Ok(())
    }
    fn cuDeviceGetUuid(uuid: Out<[u8; 16]>, ordinal: c_int) {
        device(ordinal)?;
        uuid.set(UUID)
    }
    fn cuDeviceGetUuid_v2(uuid: Out<[u8; 16]>, ordinal: c_int) {
        device(ordinal)?;
        uuid.set(UUID)
    }
    fn cuDeviceTotalMem_v2(bytes: Out<usize>, ordinal: c_int) {
        device(ordinal)?;
        bytes.set(usize::try_from(process().settings()?.options.memory).unwrap_or(usize::MAX))
    }
    fn cuDeviceComputeCapability(major: Out<c_int>, minor: Out<c_int>, ordinal: c_int) {
        device(ordinal)?;
        let limits = process().settings()?.options.limits;
        major.set(limits.major as c_int)?;
        minor.set(limits.minor as c_int)
    }
    fn cuDeviceGetAttribute(value: Out<c_int>, attribute: c_int, ordinal: c_int) {
        device(ordinal)?;
        let limits = process().settings()?.options.limits;
        value.set(attributes::value(&limits, attribute).ok_or(Status::INVALID_VALUE)?)
    }
    fn cuDeviceGetProperties(properties: Out<Properties>, ordinal: c_int) {
        device(ordinal)?;
        let limits = process().settings()?.options.limits;
        let value = |attribute| attributes::value(&limits, attribute).unwrap_or(0);
        properties.set(Properties {
            max_threads_per_block: value(1),
            max_threads: [value(2), value(3), value(4)],
            max_grid: [value(5), value(6), value(7)],
            shared_bytes: value(8),
            const_bytes: value(9),
            warp: value(10),
            pitch: value(11),
            registers: value(12),
            clock: value(13),
            texture_alignment: value(14),
        })
    }
    fn cuDeviceGetPCIBusId(text: Out<c_char>, bytes: c_int, ordinal: c_int) {
        device(ordinal)?;
        let room = usize::try_from(bytes).ok().filter(|room| *room > 0).ok_or(Status::INVALID_VALUE)?;
        if text.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        text.list("0000:00:00.0".bytes().take(room - 1).chain([0]).map(|byte| byte as c_char));
        Ok(())
    }
    fn cuDeviceCanAccessPeer(can: Out<c_int>, ordinal: c_int, peer: c_int) {
        device(ordinal)?;
        device(peer)?;
        can.set(0)
    }
    fn cuGetExportTable(table: Out<*const c_void>, id: *const c_void) {
        let _ = id;
        // Tables that are not documented. The runtime library (libcudart) asks for them: it is not served.
        table.offer(std::ptr::null());
        report::note("cuGetExportTable: the runtime library's private tables are not there; use the driver API");
        Err(Status::NOT_FOUND)
    }
    fn cuProfilerStart() {
        Ok(())
    }
    fn cuProfilerStop() {
        Ok(())
    }
}
