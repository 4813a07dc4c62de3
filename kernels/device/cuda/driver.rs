//! The driver: whether it is there, and what its status codes mean.

use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::OnceLock;

use cudarc::driver::sys::{self, CUdevice_attribute as Attribute, CUresult};

use crate::device::{DeviceError, Limits, Properties, Target};
use crate::jit::{JitError, Version};

/// Initialises the driver, once. `NoDriver` where its library is missing; the first call of cudarc would panic.
pub(super) fn initialise() -> Result<(), DeviceError> {
    static STATE: OnceLock<Result<(), DeviceError>> = OnceLock::new();
    STATE
        .get_or_init(|| {
            // SAFETY: opens the library and closes it again; its initialisers have no preconditions.
            if !unsafe { sys::is_culib_present() } {
                return Err(DeviceError::NoDriver("the dynamic loader finds no libcuda.so.1".to_owned()));
            }
            // SAFETY: the library is there; the only flag defined is 0.
            match unsafe { sys::cuInit(0) } {
                CUresult::CUDA_SUCCESS => Ok(()),
                CUresult::CUDA_ERROR_NO_DEVICE => Err(no_device()),
                status => {
                    Err(DeviceError::NoDriver(format!("its initialisation fails: {}", describe(status))))
                }
            }
        })
        .clone()
}

fn no_device() -> DeviceError {
    let driver = version().map_or_else(|_| "of unknown version".to_owned(), |version| version.to_string());
    DeviceError::NoDevice { driver }
}

/// The newest CUDA version that the driver supports. Needs the library, not its initialisation.
fn version() -> Result<Version, DeviceError> {
    let mut number = 0;
    // SAFETY: the pointer is valid for a write.
    check("cuDriverGetVersion", unsafe { sys::cuDriverGetVersion(&raw mut number) })?;
    // 13000 is 13.0, 12080 is 12.8.
    let number = u32::try_from(number).unwrap_or(0);
    Ok(Version { major: number / 1000, minor: number % 1000 / 10 })
}

/// The newest CUDA version that the driver supports: 13.0 of driver 580.
pub fn driver_version() -> Result<Version, DeviceError> {
    match initialise() {
        // The driver knows its version without a device, too.
        Ok(()) | Err(DeviceError::NoDevice { .. }) => version(),
        Err(error) => Err(error),
    }
}

/// Whether a driver takes what a compiler makes. A newer compiler writes PTX that an older driver refuses
/// (`CUDA_ERROR_UNSUPPORTED_PTX_VERSION`), and machine code that it need not know.
pub fn check_compiler(compiler: Version, driver: Version) -> Result<(), JitError> {
    if compiler > driver { Err(JitError::CompilerTooNew { compiler, driver }) } else { Ok(()) }
}

/// A status as an error. Statuses after which the context is unusable become [`DeviceError::Fault`].
pub(super) fn check(operation: &str, status: CUresult) -> Result<(), DeviceError> {
    match status {
        CUresult::CUDA_SUCCESS => Ok(()),
        status if is_fault(status) => Err(DeviceError::Fault(describe(status))),
        status => Err(DeviceError::Driver { operation: operation.to_owned(), message: describe(status) }),
    }
}

/// Whether the context is lost: "this leaves the process in an inconsistent state and any further CUDA work will
/// return the same error" (CUDA Driver API 13.0, section 6.1, `CUresult`).
const fn is_fault(status: CUresult) -> bool {
    matches!(
        status,
        CUresult::CUDA_ERROR_ECC_UNCORRECTABLE
            | CUresult::CUDA_ERROR_NVLINK_UNCORRECTABLE
            | CUresult::CUDA_ERROR_CONTAINED
            | CUresult::CUDA_ERROR_ILLEGAL_ADDRESS
            | CUresult::CUDA_ERROR_LAUNCH_TIMEOUT
            | CUresult::CUDA_ERROR_CONTEXT_IS_DESTROYED
            | CUresult::CUDA_ERROR_ASSERT
            | CUresult::CUDA_ERROR_HARDWARE_STACK_ERROR
            | CUresult::CUDA_ERROR_ILLEGAL_INSTRUCTION
            | CUresult::CUDA_ERROR_MISALIGNED_ADDRESS
            | CUresult::CUDA_ERROR_INVALID_ADDRESS_SPACE
            | CUresult::CUDA_ERROR_INVALID_PC
            | CUresult::CUDA_ERROR_LAUNCH_FAILED
            | CUresult::CUDA_ERROR_EXTERNAL_DEVICE
            | CUresult::CUDA_ERROR_TENSOR_MEMORY_LEAK
            | CUresult::CUDA_ERROR_UNKNOWN
    )
}

/// Name, number and sentence of a status.
fn describe(status: CUresult) -> String {
    let ask = |function: unsafe fn(CUresult, *mut *const c_char) -> CUresult| {
        let mut text = ptr::null();
        // SAFETY: the pointer is valid for a write; the function returns an error for statuses it does not know.
        let known = unsafe { function(status, &raw mut text) } == CUresult::CUDA_SUCCESS && !text.is_null();
        // SAFETY: a string that ends with NUL and is never freed.
        known.then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    };
    let name = ask(sys::cuGetErrorName).unwrap_or_else(|| "unknown error".to_owned());
    let sentence = ask(sys::cuGetErrorString).unwrap_or_default();
    format!("{name} ({}) {sentence}", status as u32).trim_end().to_owned()
}

/// Where the kernel module says its version, on Linux.
const MODULE: &str = "/proc/driver/nvidia/version";

/// The driver as its makers number it, `580.159.04`, and the CUDA version that it supports. The first is what release
/// notes and bug reports speak of; the library knows only the second.
fn described(cuda: Version, module: Option<&str>) -> String {
    let number = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    let module = module.and_then(|text| text.lines().next()?.split_whitespace().find(number));
    match module {
        Some(module) => format!("{module} (CUDA {cuda})"),
        None => format!("CUDA {cuda}"),
    }
}

/// A device of the driver.
#[derive(Clone, Copy)]
pub(super) struct Ordinal(pub(super) c_int);

impl Ordinal {
    /// The device of this number.
    pub(super) fn new(ordinal: usize) -> Result<Self, DeviceError> {
        initialise()?;
        let mut count = 0;
        // SAFETY: the pointer is valid for a write.
        check("cuDeviceGetCount", unsafe { sys::cuDeviceGetCount(&raw mut count) })?;
        if count <= 0 {
            return Err(no_device());
        }
        let index = c_int::try_from(ordinal).unwrap_or(c_int::MAX);
        if index >= count {
            return Err(DeviceError::Driver {
                operation: format!("device {ordinal}"),
                message: format!("there are {count}, counted from 0"),
            });
        }
        let mut device = 0;
        // SAFETY: the pointer is valid for a write.
        check("cuDeviceGet", unsafe { sys::cuDeviceGet(&raw mut device, index) })?;
        Ok(Self(device))
    }

    fn attribute(self, attribute: Attribute) -> Result<u32, DeviceError> {
        let mut value = 0;
        // SAFETY: the pointer is valid for a write.
        let status = unsafe { sys::cuDeviceGetAttribute(&raw mut value, attribute, self.0) };
        check("cuDeviceGetAttribute", status)?;
        u32::try_from(value).map_err(|_| DeviceError::Driver {
            operation: format!("cuDeviceGetAttribute({attribute:?})"),
            message: format!("the value is {value}"),
        })
    }

    /// What it is. `Unsupported` where it is older than the kernels need.
    pub(super) fn properties(self) -> Result<Properties, DeviceError> {
        let mut name = [0 as c_char; 256];
        // SAFETY: the buffer has the size that is passed.
        let status = unsafe { sys::cuDeviceGetName(name.as_mut_ptr(), name.len() as c_int, self.0) };
        check("cuDeviceGetName", status)?;
        // SAFETY: the driver ends the name with NUL within the buffer.
        let name = unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned();
        let target = Target::new(
            self.attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR)?,
            self.attribute(Attribute::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)?,
        );
        if target < Target::OLDEST {
            return Err(DeviceError::Unsupported { name, found: target, needed: Target::OLDEST });
        }
        let mut total = 0;
        // SAFETY: the pointer is valid for a write.
        check("cuDeviceTotalMem", unsafe { sys::cuDeviceTotalMem_v2(&raw mut total, self.0) })?;
        Ok(Properties {
            name,
            target,
            limits: self.limits(target)?,
            total_memory: total as u64,
            driver: described(version()?, std::fs::read_to_string(MODULE).ok().as_deref()),
        })
    }

    /// What a launch must stay within, as the driver says.
    fn limits(self, target: Target) -> Result<Limits, DeviceError> {
        let of = |attribute| self.attribute(attribute);
        Ok(Limits {
            max_grid: [
                of(Attribute::CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X)?.into(),
                of(Attribute::CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y)?.into(),
                of(Attribute::CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z)?.into(),
            ],
            max_block: [
                of(Attribute::CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X)?,
                of(Attribute::CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y)?,
                of(Attribute::CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z)?,
            ],
            max_threads_per_block: of(Attribute::CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK)?,
            max_shared_bytes: of(Attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)?,
            // The virtual device says that it has no tensor maps, whatever it plays.
            warpgroup_products: target.limits().warpgroup_products
                && of(Attribute::CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED)? == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_is_described_by_its_own_number_where_it_says_one() {
        let cuda = Version { major: 13, minor: 0 };
        let said = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\nGCC version: 12.2";
        assert_eq!(described(cuda, Some(said)), "580.159.04 (CUDA 13.0)");
        for nothing in [None, Some(""), Some("no numbers\n1.2")] {
            assert_eq!(described(cuda, nothing), "CUDA 13.0");
        }
    }

    #[test]
    fn a_compiler_may_be_as_new_as_the_driver_and_no_newer() {
        let version = |major, minor| Version { major, minor };
        for compiler in [version(13, 0), version(12, 9), version(12, 10)] {
            assert_eq!(check_compiler(compiler, version(13, 0)), Ok(()), "{compiler}");
        }
        let error = check_compiler(version(13, 5), version(13, 0)).unwrap_err();
        assert!(
            error.to_string().contains("NVRTC 13.5 is newer than what the driver supports (13.0)"),
            "{error}"
        );
        assert!(check_compiler(version(13, 0), version(12, 9)).is_err());
    }
}
