//! A form on a GPU, through the driver. Its text goes to the driver, whose compiler makes machine code of it.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;

use cudarc::driver::sys::{self, CUdevice_attribute as Attribute, CUjit_option, CUresult};

use crate::form::{BLOCK, Form};

/// Why a form did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HardwareError {
    /// There is no driver.
    #[error("the dynamic loader finds no libcuda.so.1; run this where an NVIDIA driver is")]
    NoDriver,
    /// A call of the driver failed.
    #[error("{call} answers {status}{log}")]
    Call {
        /// Which.
        call: &'static str,
        /// Name and number of its status.
        status: String,
        /// The compiler's log, where there is one.
        log: String,
    },
}

/// The first GPU.
pub struct Gpu {
    device: sys::CUdevice,
    /// As the driver names it.
    pub name: String,
    /// 9.0 of an H200.
    pub compute_capability: String,
    /// As its makers number it, or empty.
    pub driver: String,
    /// The newest CUDA version that it supports.
    pub cuda: String,
}

const LOG_BYTES: usize = 4096;

fn check(call: &'static str, status: CUresult) -> Result<(), HardwareError> {
    if status == CUresult::CUDA_SUCCESS {
        return Ok(());
    }
    let mut text: *const c_char = ptr::null();
    // SAFETY: the pointer is valid for a write; a status that is not known leaves it null.
    let known =
        unsafe { sys::cuGetErrorName(status, &raw mut text) } == CUresult::CUDA_SUCCESS && !text.is_null();
    let mut name = String::new();
    if known {
        // SAFETY: a string that ends with NUL and is never freed.
        name = unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned();
    }
    Err(HardwareError::Call { call, status: format!("{name} ({})", status as u32), log: String::new() })
}

impl Gpu {
    /// Opens it.
    ///
    /// # Errors
    /// [`HardwareError`].
    pub fn open() -> Result<Self, HardwareError> {
        // SAFETY: opens the library and closes it again; its initialisers have no preconditions.
        if !unsafe { sys::is_culib_present() } {
            return Err(HardwareError::NoDriver);
        }
        // SAFETY: the library is there; the only flag defined is 0.
        check("cuInit", unsafe { sys::cuInit(0) })?;
        let (mut device, mut version) = (0, 0);
        // SAFETY: both pointers are valid for a write.
        check("cuDeviceGet", unsafe { sys::cuDeviceGet(&raw mut device, 0) })?;
        // SAFETY: likewise.
        check("cuDriverGetVersion", unsafe { sys::cuDriverGetVersion(&raw mut version) })?;
        let mut name = [0 as c_char; 256];
        // SAFETY: the buffer has the size that is passed.
        check("cuDeviceGetName", unsafe { sys::cuDeviceGetName(name.as_mut_ptr(), 256, device) })?;
        // SAFETY: the driver ends the name with NUL within the buffer.
        let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
        let attribute = |attribute| {
            let mut value = 0;
            // SAFETY: the pointer is valid for a write.
            check("cuDeviceGetAttribute", unsafe {
                sys::cuDeviceGetAttribute(&raw mut value, attribute, device)
            })
            .map(|()| value)
        };
        let major = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?;
        let minor = attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?;
        let number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
        let text = std::fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default();
        let driver =
            text.lines().next().and_then(|line| line.split_whitespace().find(number)).unwrap_or_default();
        let gpu = Self {
            device,
            name,
            compute_capability: format!("{major}.{minor}"),
            driver: driver.to_owned(),
            cuda: format!("{}.{}", version / 1000, version % 1000 / 10),
        };
        gpu.enter()?;
        Ok(gpu)
    }

    /// Makes the primary context current.
    fn enter(&self) -> Result<(), HardwareError> {
        let mut context = ptr::null_mut();
        // SAFETY: the pointer is valid for a write.
        check("cuDevicePrimaryCtxRetain", unsafe {
            sys::cuDevicePrimaryCtxRetain(&raw mut context, self.device)
        })?;
        // SAFETY: the context was retained just now and is never released.
        check("cuCtxSetCurrent", unsafe { sys::cuCtxSetCurrent(context) })
    }

    /// Begins anew after a fault: everything in the context is gone.
    ///
    /// # Errors
    /// [`HardwareError`].
    pub fn reset(&self) -> Result<(), HardwareError> {
        // SAFETY: nothing of the context is used any more.
        check("cuDevicePrimaryCtxReset", unsafe { sys::cuDevicePrimaryCtxReset_v2(self.device) })?;
        self.enter()
    }

    /// What a form computes, packed.
    ///
    /// # Errors
    /// [`HardwareError`]; after one from a launch the context must be [`Gpu::reset`].
    pub fn run(&self, form: &Form) -> Result<Vec<u8>, HardwareError> {
        let module = load(&form.ptx())?;
        let result = launch(module, form);
        // SAFETY: the module was loaded just now; the launch is over or the context is lost.
        let _ = unsafe { sys::cuModuleUnload(module) };
        result
    }
}

fn load(ptx: &str) -> Result<sys::CUmodule, HardwareError> {
    let text = CString::new(ptx).unwrap_or_default();
    let (mut module, mut log) = (ptr::null_mut(), vec![0_u8; LOG_BYTES]);
    let mut options =
        [CUjit_option::CU_JIT_ERROR_LOG_BUFFER, CUjit_option::CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES];
    let mut values: [*mut c_void; 2] = [log.as_mut_ptr().cast(), ptr::without_provenance_mut(LOG_BYTES)];
    // SAFETY: the text ends with NUL; there are as many options as values; the log has the size that is passed.
    let status = unsafe {
        sys::cuModuleLoadDataEx(
            &raw mut module,
            text.as_ptr().cast(),
            2,
            options.as_mut_ptr(),
            values.as_mut_ptr(),
        )
    };
    check("cuModuleLoadDataEx", status).map(|()| module).map_err(|error| match error {
        HardwareError::Call { call, status, .. } => {
            let said: Vec<u8> = log.into_iter().take_while(|&byte| byte != 0).collect();
            HardwareError::Call { call, status, log: format!(": {}", String::from_utf8_lossy(&said)) }
        }
        error @ HardwareError::NoDriver => error,
    })
}

/// Memory of the device, given back when it is dropped.
struct Memory(sys::CUdeviceptr);

impl Memory {
    fn new(bytes: &[u8]) -> Result<Self, HardwareError> {
        let mut address = 0;
        // SAFETY: the pointer is valid for a write.
        check("cuMemAlloc", unsafe { sys::cuMemAlloc_v2(&raw mut address, bytes.len().max(16)) })?;
        let memory = Self(address);
        // SAFETY: both ranges have as many bytes as are copied.
        check("cuMemcpyHtoD", unsafe { sys::cuMemcpyHtoD_v2(address, bytes.as_ptr().cast(), bytes.len()) })?;
        Ok(memory)
    }

    fn read(&self, bytes: &mut [u8]) -> Result<(), HardwareError> {
        // SAFETY: both ranges have as many bytes as are copied.
        check("cuMemcpyDtoH", unsafe { sys::cuMemcpyDtoH_v2(bytes.as_mut_ptr().cast(), self.0, bytes.len()) })
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: it was allocated once, and nothing runs any more that uses it.
        let _ = unsafe { sys::cuMemFree_v2(self.0) };
    }
}

fn launch(module: sys::CUmodule, form: &Form) -> Result<Vec<u8>, HardwareError> {
    let mut function = ptr::null_mut();
    // SAFETY: the module is loaded, the name ends with NUL, and the pointer is valid for a write.
    let status = unsafe { sys::cuModuleGetFunction(&raw mut function, module, c"form".as_ptr()) };
    check("cuModuleGetFunction", status)?;
    let mut written = vec![0; form.output_stride() * form.threads as usize];
    let mut scratch = if form.scratch.is_empty() { vec![0; 16] } else { form.scratch.clone() };
    let memory = [Memory::new(&form.input_bytes())?, Memory::new(&written)?, Memory::new(&scratch)?];
    let mut addresses = [memory[0].0, memory[1].0, memory[2].0];
    let mut parameters = addresses.each_mut().map(|address| ptr::from_mut(address).cast::<c_void>());
    // SAFETY: the kernel takes three addresses, each of memory that is large enough for all its threads.
    let status = unsafe {
        sys::cuLaunchKernel(
            function,
            form.threads / BLOCK,
            1,
            1,
            BLOCK,
            1,
            1,
            0,
            ptr::null_mut(),
            parameters.as_mut_ptr(),
            ptr::null_mut(),
        )
    };
    check("cuLaunchKernel", status)?;
    // SAFETY: a context is current.
    check("cuCtxSynchronize", unsafe { sys::cuCtxSynchronize() })?;
    memory[1].read(&mut written)?;
    memory[2].read(&mut scratch)?;
    scratch.truncate(form.scratch.len());
    Ok(form.pack(&written, &scratch))
}
