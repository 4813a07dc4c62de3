//! Modules: PTX only.

use std::ffi::{c_int, c_uint, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use simt::{Error, Function, Module};

use crate::boundary::{Host, In, Out, Text};
use crate::handles::{Handle, Kind, handle, parts};
use crate::report;
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// The newest PTX that version 13.0 of CUDA knows.
const NEWEST_PTX: (u32, u32) = (9, 0);

/// A module, with what was set for its kernels.
pub struct Loaded {
    /// The module.
    pub module: Arc<Module>,
    /// The PTX that it was made from: its version, 90 for 9.0.
    pub version: u32,
    /// The most dynamic shared memory that was asked for, by kernel.
    dynamic: Vec<AtomicU32>,
}

/// Not asked for.
const UNSET: u32 = u32::MAX;

impl Loaded {
    /// The most dynamic shared memory that was asked for, if it was.
    #[must_use]
    pub fn dynamic(&self, kernel: usize) -> Option<u32> {
        self.dynamic.get(kernel).map(|bytes| bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes != UNSET)
    }

    /// Asks for dynamic shared memory.
    pub fn set_dynamic(&self, kernel: usize, bytes: u32) {
        if let Some(known) = self.dynamic.get(kernel) {
            known.store(bytes, Ordering::Relaxed);
        }
    }

    /// The number of a kernel.
    fn kernel(&self, name: &str) -> Option<usize> {
        self.module.functions().iter().position(|function| function.name() == name)
    }
}

/// The kernel of a handle, with its module and its number there.
///
/// # Errors
/// [`Status::INVALID_HANDLE`].
pub fn kernel(session: &Session, function: Handle) -> Outcome<(Arc<Loaded>, usize, Function)> {
    let (module, number) = parts(Kind::Function, function)?;
    let loaded = session.modules.with_number(module, |loaded| Arc::clone(loaded))?;
    let number = number as usize;
    let function = loaded.module.functions().get(number).cloned().ok_or(Status::INVALID_HANDLE)?;
    Ok((loaded, number, function))
}

/// The handle of a kernel by name.
///
/// # Errors
/// [`Status::INVALID_HANDLE`], [`Status::NOT_FOUND`].
pub fn named(session: &Session, module: Handle, name: Text) -> Outcome<Handle> {
    let name = name.get()?;
    let number = session.modules.with(module, |loaded| loaded.kernel(&name))?.ok_or(Status::NOT_FOUND)?;
    Ok(handle(Kind::Function, parts(Kind::Module, module)?.0, number as u64))
}

/// The kernels of a module, from the first on.
///
/// # Errors
/// [`Status::INVALID_HANDLE`].
pub fn handles(session: &Session, module: Handle) -> Outcome<Vec<Handle>> {
    let count = session.modules.with(module, |loaded| loaded.module.functions().len())?;
    let owner = parts(Kind::Module, module)?.0;
    Ok((0..count).map(|number| handle(Kind::Function, owner, number as u64)).collect())
}

/// What the program wants to know of a load that fails (`CUjit_option`).
#[derive(Default)]
struct Log {
    error: (Host2, usize),
    info: (Host2, usize),
}

/// A buffer of the host, or none.
type Host2 = Option<Host>;

impl Log {
    /// From options and their values, which are numbers in the place of pointers.
    fn of(count: c_uint, options: In<c_int>, values: In<Host>) -> Outcome<Self> {
        let mut log = Self::default();
        let count = count as usize;
        for (option, value) in options.list(count)?.into_iter().zip(values.list(count)?) {
            match option {
                3 => log.info.0 = Some(value),
                // A 32-bit number: the upper half of the place need not be set.
                4 => log.info.1 = value.address() as u32 as usize,
                5 => log.error.0 = Some(value),
                6 => log.error.1 = value.address() as u32 as usize,
                // How to compile, which happens to no machine code here.
                _ => {}
            }
        }
        Ok(log)
    }

    /// Ends the logs: the one of errors with a text.
    fn write(&self, text: &str) {
        for ((buffer, room), text) in [(self.error, text), (self.info, "")] {
            if let (Some(buffer), Some(room)) = (buffer, room.checked_sub(1)) {
                let mut bytes: Vec<u8> = text.bytes().take(room).collect();
                bytes.push(0);
                buffer.write(&bytes);
            }
        }
    }
}

/// `.version 9.0` as (9, 0).
fn version(ptx: &str) -> Option<(u32, u32)> {
    let line = ptx.lines().map(str::trim).find_map(|line| line.strip_prefix(".version"))?;
    let (major, minor) = line.split_whitespace().next()?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Loads an image: text that ends with NUL. Machine code, alone or in a fat binary, is for another device.
///
/// # Errors
/// [`Status::NO_BINARY_FOR_GPU`], [`Status::UNSUPPORTED_PTX_VERSION`], [`Status::INVALID_PTX`],
/// [`Status::OUT_OF_MEMORY`].
fn load(session: &Session, call: &str, image: Host, log: &Log) -> Outcome<Handle> {
    let refuse = |status: Status, text: &str| {
        report::note(&format!("{call}: {text}"));
        log.write(text);
        status
    };
    if image.is_null() {
        return Err(Status::INVALID_VALUE);
    }
    let mut magic = [0; 4];
    for (at, byte) in magic.iter_mut().enumerate() {
        // One after the other: a text may end before the fourth.
        image.skip(at as u64).read(std::slice::from_mut(byte));
        if *byte == 0 {
            break;
        }
    }
    // ELF; `fatBinaryCtl` and the fat binary itself.
    if magic == *b"\x7fELF" || matches!(u32::from_le_bytes(magic), 0x466243b1 | 0xba55ed50) {
        let text = "this is machine code, and the virtual device runs PTX: compile to PTX (nvcc --ptx, or NVRTC with \
                    --gpu-architecture=compute_90)";
        // A program that asks for the log may have PTX to try next: it is told there, and nobody else.
        if log.error.0.is_some() {
            log.write(text);
            return Err(Status::NO_BINARY_FOR_GPU);
        }
        return Err(refuse(Status::NO_BINARY_FOR_GPU, text));
    }
    let ptx = image.text()?;
    let found = version(&ptx);
    if let Some((major, minor)) = found.filter(|found| *found > NEWEST_PTX) {
        let (newest, of) = NEWEST_PTX;
        let text =
            format!("PTX {major}.{minor} is newer than {newest}.{of}: compile with CUDA 13.0 or older");
        return Err(refuse(Status::UNSUPPORTED_PTX_VERSION, &text));
    }
    match session.device.load(&ptx) {
        Ok(module) => {
            log.write("");
            let dynamic = module.functions().iter().map(|_| AtomicU32::new(UNSET)).collect();
            let (major, minor) = found.unwrap_or((0, 0));
            Ok(session.modules.insert(Arc::new(Loaded { module, version: major * 10 + minor, dynamic })))
        }
        Err(error @ Error::Memory { .. }) => Err(refuse(Status::OUT_OF_MEMORY, &error.to_string())),
        Err(error) => Err(refuse(Status::of_error(&error), &error.to_string())),
    }
}

/// The same, into a place for the handle.
///
/// # Errors
/// As above.
pub fn load_into(
    call: &'static str,
    module: Out<Handle>,
    image: Host,
    options: (c_uint, In<c_int>, In<Host>),
) -> Outcome {
    let session = session()?;
    session.of_stream(call, session.streams.forbid(call, false))?;
    if module.is_null() {
        return Err(Status::INVALID_VALUE);
    }
    let log = Log::of(options.0, options.1, options.2)?;
    module.set(load(&session, call, image, &log)?)
}

exports! {
    fn cuModuleLoadData(module: Out<Handle>, image: Host) {
        load_into("cuModuleLoadData", module, image, (0, In::NONE, In::NONE))
    }
    fn cuModuleLoadDataEx(module: Out<Handle>, image: Host, count: c_uint, options: In<c_int>, values: In<Host>) {
        load_into("cuModuleLoadDataEx", module, image, (count, options, values))
    }
    fn cuModuleLoadFatBinary(module: Out<Handle>, image: *const c_void) {
        let _ = (module, image);
        session()?;
        report::note("cuModuleLoadFatBinary: the virtual device runs PTX; load its text by cuModuleLoadData");
        Err(Status::NO_BINARY_FOR_GPU)
    }
    fn cuModuleLoad(module: Out<Handle>, path: Text) {
        let mut bytes = std::fs::read(path.get()?).map_err(|_| Status::FILE_NOT_FOUND)?;
        bytes.push(0);
        load_into("cuModuleLoad", module, Host::of(&mut bytes), (0, In::NONE, In::NONE))
    }
    fn cuModuleUnload(module: Handle) {
        let session = session()?;
        session.of_stream("cuModuleUnload", session.streams.forbid("cuModuleUnload", false))?;
        session.modules.remove(module).map(|_| ())
    }
    fn cuModuleGetFunction(function: Out<Handle>, module: Handle, name: Text) {
        function.set(named(&*session()?, module, name)?)
    }
    fn cuModuleGetFunctionCount(count: Out<c_uint>, module: Handle) {
        count.set(handles(&*session()?, module)?.len() as c_uint)
    }
    fn cuModuleEnumerateFunctions(functions: Out<Handle>, count: c_uint, module: Handle) {
        functions.list(handles(&*session()?, module)?.into_iter().take(count as usize));
        Ok(())
    }
    fn cuModuleGetGlobal_v2(address: Out<u64>, bytes: Out<usize>, module: Handle, name: Text) {
        let name = name.get()?;
        let found = session()?.modules.with(module, |loaded| loaded.module.variable(&name))?;
        let (at, size) = found.ok_or(Status::NOT_FOUND)?;
        address.offer(at);
        bytes.offer(usize::try_from(size).unwrap_or(usize::MAX));
        Ok(())
    }
    fn cuModuleGetLoadingMode(mode: Out<c_int>) {
        // Eager: a module is decoded when it is loaded.
        mode.set(1)
    }
}
