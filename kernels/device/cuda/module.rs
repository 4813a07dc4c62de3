//! Kernels on the device: loaded machine code, and what its entry points take.

use std::collections::HashMap;
use std::ffi::{CString, c_uint, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cudarc::driver::sys::{
    self, CUfunction, CUfunction_attribute as Attribute, CUjit_option, CUmodule, CUresult,
};

use super::context::Context;
use super::driver::check;
use super::image::is_whole;
use super::slot::Slot;
use crate::device::fits::{argument_problem, launch_problem};
use crate::device::ptx::Early;
use crate::device::{Argument, DeviceError, Function, Launch, Limits, parameter_sizes};
use crate::jit::Artifact;
use crate::launch::tiles::{self, PARAMETER_BYTES, Tiles};

/// Bytes of the loader's error log that are kept.
const LOG_BYTES: usize = 8192;

/// A loaded kernel.
#[derive(Clone)]
pub(super) struct Loaded {
    module: CUmodule,
    pub(super) function: CUfunction,
    /// Shared memory that the kernel declares itself, in bytes.
    pub(super) shared: u32,
    /// Threads of a block that its registers allow.
    pub(super) max_threads: u32,
    /// The size of what is passed for each parameter.
    parameters: Vec<u32>,
    /// Which parameters are tensor maps; those are passed a buffer.
    tiles: Vec<Option<Tiles>>,
    /// What it says of the kernels around its launch.
    pub(super) early: Early,
}

// SAFETY: both handles belong to the primary context, which every thread makes current before it uses them.
unsafe impl Send for Loaded {}

/// Everything that was loaded onto a device. It is unloaded when neither the device nor a graph needs it any more.
pub(super) struct Code {
    context: Arc<Context>,
    modules: Mutex<Modules>,
}

impl Code {
    /// Nothing yet.
    pub(super) fn new(context: Arc<Context>) -> Self {
        Self { context, modules: Mutex::default() }
    }

    pub(super) fn modules(&self) -> MutexGuard<'_, Modules> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        if self.context.enter().is_ok() && self.context.wait().is_ok() {
            self.modules.get_mut().unwrap_or_else(PoisonError::into_inner).unload();
        }
    }
}

/// Everything that was loaded, by number and by key.
#[derive(Default)]
pub(super) struct Modules {
    loaded: Vec<Loaded>,
    by_key: HashMap<String, u64>,
}

impl Modules {
    /// The number of the kernel of this artifact, loading it if it is new. The context must be current.
    pub(super) fn load(&mut self, artifact: &Artifact, limits: &Limits) -> Result<u64, DeviceError> {
        if let Some(&number) = self.by_key.get(&artifact.key) {
            return Ok(number);
        }
        let loaded = Loaded::new(artifact, limits)?;
        let number = self.loaded.len() as u64;
        self.loaded.push(loaded);
        self.by_key.insert(artifact.key.clone(), number);
        Ok(number)
    }

    /// The kernel of a number.
    pub(super) fn get(&self, number: u64) -> Option<&Loaded> {
        self.loaded.get(usize::try_from(number).ok()?)
    }

    /// The kernel of a launch that is allowed.
    pub(super) fn checked(
        &self,
        function: &Function,
        launch: Launch,
        arguments: &[Argument<'_>],
        limits: &Limits,
    ) -> Result<&Loaded, DeviceError> {
        let refused = |problem: String| DeviceError::Launch { kernel: function.kernel.clone(), problem };
        let loaded = self.get(function.handle);
        let loaded = loaded.ok_or_else(|| refused("it is not loaded on this device".to_owned()))?;
        loaded.problem(launch, arguments, limits).map_or(Ok(loaded), |problem| Err(refused(problem)))
    }

    /// Unloads everything. The context must be current, and nothing may run any more.
    pub(super) fn unload(&mut self) {
        self.by_key.clear();
        for loaded in self.loaded.drain(..) {
            // SAFETY: the module was loaded in this context and is unloaded once.
            let _ = unsafe { sys::cuModuleUnload(loaded.module) };
        }
    }
}

impl Loaded {
    fn new(artifact: &Artifact, limits: &Limits) -> Result<Self, DeviceError> {
        let kernel = &artifact.spec.kernel;
        let refused =
            |message: String| DeviceError::Driver { operation: format!("load of {kernel}"), message };
        let mut parameters = parameter_sizes(&artifact.ptx, kernel)
            .ok_or_else(|| refused(format!("its PTX has no readable entry `{kernel}`")))?;
        let tiles = tiles::all(&artifact.spec);
        for (at, (size, tiles)) in parameters.iter_mut().zip(&tiles).enumerate() {
            match (tiles, *size) {
                (None, _) => {}
                (Some(_), PARAMETER_BYTES) => *size = 8,
                (Some(_), size) => {
                    return Err(refused(format!(
                        "parameter {at} is a tensor map of {PARAMETER_BYTES} bytes, and its PTX says {size}"
                    )));
                }
            }
        }
        let entry =
            CString::new(kernel.as_str()).map_err(|_| refused("its name has a zero byte".to_owned()))?;
        let module = load_artifact(artifact).map_err(|error| match error {
            DeviceError::Driver { message, .. } => refused(message),
            other => other,
        })?;
        let mut loaded = Self {
            module,
            function: ptr::null_mut(),
            shared: 0,
            max_threads: 0,
            parameters,
            tiles,
            early: Early::of(&artifact.ptx),
        };
        // SAFETY: the module is loaded, the name ends with NUL, and the pointer is valid for a write.
        let status =
            unsafe { sys::cuModuleGetFunction(&raw mut loaded.function, loaded.module, entry.as_ptr()) };
        let finished = check("cuModuleGetFunction", status).and_then(|()| loaded.prepare(limits));
        if let Err(error) = finished {
            // SAFETY: the module was loaded just now, and nothing uses it.
            let _ = unsafe { sys::cuModuleUnload(loaded.module) };
            return Err(error);
        }
        Ok(loaded)
    }

    /// Asks what the kernel takes, and lets it have all the shared memory that a block can have: without that the
    /// driver allows 48 KiB (CUDA C++ Programming Guide 13.0, section 20.6.3).
    fn prepare(&mut self, limits: &Limits) -> Result<(), DeviceError> {
        self.shared = self.attribute(Attribute::CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES)?;
        self.max_threads = self.attribute(Attribute::CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK)?;
        let dynamic = i32::try_from(limits.max_shared_bytes.saturating_sub(self.shared)).unwrap_or(i32::MAX);
        // SAFETY: the function is alive.
        let status = unsafe {
            sys::cuFuncSetAttribute(
                self.function,
                Attribute::CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                dynamic,
            )
        };
        check("cuFuncSetAttribute", status)
    }

    fn attribute(&self, attribute: Attribute) -> Result<u32, DeviceError> {
        let mut value = 0;
        // SAFETY: the function is alive and the pointer valid for a write.
        let status = unsafe { sys::cuFuncGetAttribute(&raw mut value, attribute, self.function) };
        check("cuFuncGetAttribute", status)?;
        Ok(u32::try_from(value).unwrap_or(0))
    }

    /// Why a launch is not allowed, if it is not.
    fn problem(&self, launch: Launch, arguments: &[Argument<'_>], limits: &Limits) -> Option<String> {
        launch_problem(launch, self.shared, self.max_threads, limits)
            .or_else(|| argument_problem(arguments, &self.parameters))
    }

    /// Arguments as the driver takes them, of a launch that was checked.
    ///
    /// # Errors
    /// Why no tensor map can be made of a buffer.
    pub(super) fn slots(&self, arguments: &[Argument<'_>]) -> Result<Vec<Slot>, String> {
        let tiles = self.tiles.iter().copied().chain(std::iter::repeat(None));
        arguments.iter().zip(tiles).map(|(argument, tiles)| Slot::new(argument, tiles)).collect()
    }
}

/// Loads the machine code of an artifact, or its PTX where the driver answers that the code is for another device: the
/// driver then compiles it (CUDA C++ Programming Guide 13.0, section 3.1.1.2).
fn load_artifact(artifact: &Artifact) -> Result<CUmodule, DeviceError> {
    if !is_whole(&artifact.cubin) {
        return Err(DeviceError::Driver {
            operation: "cuModuleLoadDataEx".to_owned(),
            message: format!("{} bytes that are no whole ELF file", artifact.cubin.len()),
        });
    }
    match load_data(&artifact.cubin)? {
        Some(module) => Ok(module),
        None => {
            let mut text = artifact.ptx.clone().into_bytes();
            text.push(0);
            load_data(&text)?.ok_or_else(|| DeviceError::Driver {
                operation: "cuModuleLoadDataEx".to_owned(),
                message: "the driver takes neither the machine code nor the PTX".to_owned(),
            })
        }
    }
}

/// Loads an image into the current context: a whole cubin, or PTX that ends with NUL. `None` where the driver answers
/// that it is for another device.
fn load_data(image: &[u8]) -> Result<Option<CUmodule>, DeviceError> {
    let mut log = vec![0u8; LOG_BYTES];
    let mut options =
        [CUjit_option::CU_JIT_ERROR_LOG_BUFFER, CUjit_option::CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
    // The driver takes numbers as pointers here.
    let mut values: [*mut c_void; 2] = [log.as_mut_ptr().cast(), ptr::without_provenance_mut(LOG_BYTES)];
    let mut module = ptr::null_mut();
    // SAFETY: the image is a whole cubin, whose size stands in its header, or a text that ends with NUL; two options with two values; the log
    // buffer has the size that is given and outlives the call.
    let status = unsafe {
        sys::cuModuleLoadDataEx(
            &raw mut module,
            image.as_ptr().cast(),
            options.len() as c_uint,
            options.as_mut_ptr(),
            values.as_mut_ptr(),
        )
    };
    if status == CUresult::CUDA_ERROR_NO_BINARY_FOR_GPU {
        return Ok(None);
    }
    check("cuModuleLoadDataEx", status).map_err(|error| match error {
        DeviceError::Driver { operation, message } => {
            let said = log.split(|byte| *byte == 0).next().map(String::from_utf8_lossy).unwrap_or_default();
            DeviceError::Driver { operation, message: format!("{message} {said}").trim_end().to_owned() }
        }
        other => other,
    })?;
    Ok(Some(module))
}
