//! Matrix products of cuBLASLt, in the stream of everything else.
//!
//! The library is loaded at run time. That it is missing, or lacks a function, is found out before the first call, because
//! cudarc would panic there. For each shape it is asked once for its fastest algorithm, and keeps that one.
//!
//! | file | what |
//! |---|---|
//! | `find` | where the library is looked for |
//! | `described` | matrices and wishes as the library wants them |

mod described;
mod find;

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

use cudarc::cublaslt::sys::{self, cublasLtMatmulPreferenceAttributes_t as Preference};
use cudarc::cublaslt::sys::{cublasStatus_t as Status, cudaDataType_t as Stored};
use cudarc::driver::sys as driver;

use super::context::Context;
use crate::Dtype;
use crate::device::{DeviceError, Gemm};
use described::{Description, Layout, Wishes};

/// Memory that the library may use, as its documentation recommends for Hopper (cuBLAS 13.0, `cublasSetWorkspace()`).
const WORKSPACE: usize = 32 << 20;
/// Alignment of an address that says nothing more to the library.
const ALIGNED: u64 = 256;

/// The library of a device: opened when it is first asked for, and once.
#[derive(Default)]
pub(super) struct Libraries(Mutex<Option<Arc<Library>>>);

impl Libraries {
    /// The library. What kept it from opening is tried again the next time.
    pub(super) fn open(&self, context: &Arc<Context>) -> Result<Arc<Library>, DeviceError> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = &*open {
            return Ok(Arc::clone(library));
        }
        let library = Arc::new(Library::new(context)?);
        *open = Some(Arc::clone(&library));
        Ok(library)
    }
}

/// An algorithm is chosen for a shape, and for how far addresses are aligned.
type Shape = (Gemm, [u32; 3]);

/// The library, ready for products of one stream.
pub(super) struct Library {
    handle: sys::cublasLtHandle_t,
    version: usize,
    /// Memory of its own, on the device.
    workspace: u64,
    /// What was chosen so far. Held for the whole of a call: nothing else uses the workspace then.
    chosen: Mutex<HashMap<Shape, sys::cublasLtMatmulAlgo_t>>,
    context: Arc<Context>,
}

// SAFETY: cuBLASLt takes a handle from any thread (cuBLAS 13.0, "Thread Safety"), once the context is current.
unsafe impl Send for Library {}
// SAFETY: as above; what is not the library's is behind a lock.
unsafe impl Sync for Library {}

impl Library {
    fn new(context: &Arc<Context>) -> Result<Self, DeviceError> {
        find::load()?;
        context.enter()?;
        // SAFETY: a function without arguments or preconditions.
        let version = unsafe { sys::cublasLtGetVersion() };
        let mut this = Self {
            handle: ptr::null_mut(),
            version,
            workspace: 0,
            chosen: Mutex::default(),
            context: Arc::clone(context),
        };
        // SAFETY: the pointer is valid for a write; the handle is destroyed when this is dropped.
        check("cublasLtCreate", None, unsafe { sys::cublasLtCreate(&raw mut this.handle) })?;
        // SAFETY: the pointer is valid for a write; the memory is freed when this is dropped.
        let status = unsafe { driver::cuMemAlloc_v2(&raw mut this.workspace, WORKSPACE) };
        if status == driver::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
            let (free, total) = context.memory()?;
            let (what, remedy) = ("the workspace of cuBLASLt".to_owned(), super::REMEDY);
            return Err(DeviceError::Memory { what, needed: WORKSPACE as u64, free, total, remedy });
        }
        context.check("cuMemAlloc", status)?;
        Ok(this)
    }

    /// Its name and version, as its makers write it.
    pub(super) fn name(&self) -> String {
        // 130002 is 13.0.2, 120900 is 12.9.0.
        let (major, minor) = (self.version / 10_000, self.version / 100 % 100);
        format!("cuBLASLt {major}.{minor}.{}", self.version % 100)
    }

    /// Computes a product of matrices at these addresses, which lie in their buffers in full.
    pub(super) fn gemm(&self, gemm: &Gemm, addresses: [u64; 3]) -> Result<(), DeviceError> {
        let stored = match gemm.dtype {
            Dtype::BF16 => Stored::CUDA_R_16BF,
            Dtype::F16 => Stored::CUDA_R_16F,
            other => {
                let message = format!("it is asked for BF16 and F16, not for {other}");
                return Err(DeviceError::Library { operation: gemm.to_string(), message });
            }
        };
        self.context.enter()?;
        let description = Description::new(gemm)?;
        let [a, b, c] = gemm.layouts().map(|layout| Layout::new(gemm, stored, layout));
        let layouts = [a?, b?, c?];
        let aligned = addresses.map(alignment);
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        let algorithm = match chosen.get(&(*gemm, aligned)) {
            Some(algorithm) => *algorithm,
            None => {
                let found = self.fastest(gemm, &description, &layouts, aligned)?;
                chosen.insert((*gemm, aligned), found);
                found
            }
        };
        let [a, b, c] = addresses;
        let [of_a, of_b, of_c] = &layouts;
        let (alpha, beta) = (1.0f32, if gemm.accumulate { 1.0f32 } else { 0.0 });
        self.context.launching(&format!("cuBLASLt {gemm}"));
        // SAFETY: handle, description and layouts are alive; the factors are read before the call returns (pointer mode
        // is "host" unless said otherwise); addresses are those of memory of the device that the layouts do not leave,
        // and the workspace has the size that is passed; the stream is alive.
        let status = unsafe {
            sys::cublasLtMatmul(
                self.handle,
                description.0,
                (&raw const alpha).cast(),
                a as *const c_void,
                of_a.0,
                b as *const c_void,
                of_b.0,
                (&raw const beta).cast(),
                c as *const c_void,
                of_c.0,
                c as *mut c_void,
                of_c.0,
                &raw const algorithm,
                self.workspace as *mut c_void,
                WORKSPACE,
                self.context.stream().cast(),
            )
        };
        check("cublasLtMatmul", Some(gemm), status)
    }

    /// What the library takes to be the fastest algorithm that rounds once.
    fn fastest(
        &self,
        gemm: &Gemm,
        description: &Description,
        layouts: &[Layout; 3],
        aligned: [u32; 3],
    ) -> Result<sys::cublasLtMatmulAlgo_t, DeviceError> {
        let wishes = Wishes::new(gemm)?;
        wishes.set(gemm, Preference::CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &(WORKSPACE as u64))?;
        // Parts of a sum that are stored before they are added are stored in f32: the other schemes round them as `c`.
        let schemes = sys::cublasLtReductionScheme_t::CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE as u32;
        wishes.set(gemm, Preference::CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes)?;
        let [a, b, c] = aligned;
        wishes.set(gemm, Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &a)?;
        wishes.set(gemm, Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &b)?;
        wishes.set(gemm, Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &c)?;
        wishes.set(gemm, Preference::CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &c)?;
        let mut found = sys::cublasLtMatmulHeuristicResult_t {
            algo: sys::cublasLtMatmulAlgo_t { data: [0; 8] },
            workspaceSize: 0,
            state: Status::CUBLAS_STATUS_NOT_SUPPORTED,
            wavesCount: 0.0,
            reserved: [0; 4],
        };
        let mut count = 0;
        let [of_a, of_b, of_c] = layouts;
        // SAFETY: all handles are alive; there is room for the one result that is asked for, and for the count.
        let status = unsafe {
            sys::cublasLtMatmulAlgoGetHeuristic(
                self.handle,
                description.0,
                of_a.0,
                of_b.0,
                of_c.0,
                of_c.0,
                wishes.0,
                1,
                &raw mut found,
                &raw mut count,
            )
        };
        let operation = "cublasLtMatmulAlgoGetHeuristic";
        check(operation, Some(gemm), status)?;
        if count < 1 {
            let message = "it has no algorithm for this shape; load the model without the library".to_owned();
            return Err(DeviceError::Library { operation: format!("{operation} of {gemm}"), message });
        }
        check(operation, Some(gemm), found.state)?;
        tracing::debug!(%gemm, workspace = found.workspaceSize, waves = found.wavesCount, "algorithm chosen");
        Ok(found.algo)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        if self.context.enter().is_err() {
            return;
        }
        if self.workspace != 0 {
            self.context.free(self.workspace);
        }
        if !self.handle.is_null() {
            // SAFETY: the handle was created by this and is destroyed once.
            let _ = unsafe { sys::cublasLtDestroy(self.handle) };
        }
    }
}

/// A status as an error, with its name and what it is about.
fn check(operation: &str, gemm: Option<&Gemm>, status: Status) -> Result<(), DeviceError> {
    if status == Status::CUBLAS_STATUS_SUCCESS {
        return Ok(());
    }
    let of = gemm.map_or_else(String::new, |gemm| format!(" of {gemm}"));
    let message = format!("{status:?} ({})", status as u32);
    Err(DeviceError::Library { operation: format!("{operation}{of}"), message })
}

/// By how many bytes an address is aligned, as far as that matters.
fn alignment(address: u64) -> u32 {
    // A power of two of at most 256.
    1 << address.trailing_zeros().min(ALIGNED.trailing_zeros())
}
