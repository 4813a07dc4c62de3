//! Where cuBLASLt is looked for.

use std::ffi::c_void;
use std::sync::OnceLock;

use cudarc::cublaslt::sys;
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

use crate::device::DeviceError;

/// What the library is called, newest first.
const NAMES: [&str; 2] = ["libcublasLt.so.13", "libcublasLt.so.12"];
/// Where the toolkit's installer puts it.
const TOOLKIT: &str = "/usr/local/cuda/lib64";
/// Every function that is called here.
const FUNCTIONS: [&str; 13] = [
    "cublasLtCreate",
    "cublasLtDestroy",
    "cublasLtGetVersion",
    "cublasLtMatmul",
    "cublasLtMatmulAlgoGetHeuristic",
    "cublasLtMatmulDescCreate",
    "cublasLtMatmulDescDestroy",
    "cublasLtMatmulDescSetAttribute",
    "cublasLtMatmulPreferenceCreate",
    "cublasLtMatmulPreferenceDestroy",
    "cublasLtMatmulPreferenceSetAttribute",
    "cublasLtMatrixLayoutCreate",
    "cublasLtMatrixLayoutDestroy",
];

/// Loads the library for good, and looks for every function of it. The error says what was looked for.
pub(super) fn load() -> Result<(), DeviceError> {
    static FOUND: OnceLock<Result<(), String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let places = NAMES.into_iter().flat_map(|name| [name.to_owned(), format!("{TOOLKIT}/{name}")]);
        for place in places {
            // SAFETY: its initialisers have no preconditions; a file of this name is cuBLASLt.
            if let Ok(library) = unsafe { Library::open(Some(&place), RTLD_NOW | RTLD_GLOBAL) } {
                // Kept open: cudarc finds it again by its name, wherever it came from.
                std::mem::forget(library);
                break;
            }
        }
        // SAFETY: opens the library and closes it again, as above.
        if !unsafe { sys::is_culib_present() } {
            let [newest, older] = NAMES;
            return Err(format!(
                "the dynamic loader finds no {newest} or {older}, and {TOOLKIT} has none; install cuBLAS, or name its \
                 folder in LD_LIBRARY_PATH"
            ));
        }
        // SAFETY: it is there.
        let library = unsafe { sys::culib() };
        for name in FUNCTIONS {
            // SAFETY: only looked up, never called through this type.
            if unsafe { library.get::<*const c_void>(name.as_bytes()) }.is_err() {
                return Err(format!("the libcublasLt that the dynamic loader finds has no {name}; install cuBLAS 12 or 13"));
            }
        }
        Ok(())
    });
    found.clone().map_err(DeviceError::NoLibrary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_there_is_no_library_is_an_error_and_no_panic() {
        if let Err(error) = load() {
            assert!(matches!(&error, DeviceError::NoLibrary(why) if why.contains("cublasLt")), "{error}");
        }
    }
}
