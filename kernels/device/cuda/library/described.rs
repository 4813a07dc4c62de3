//! Matrices, arithmetic and wishes as cuBLASLt wants them: handles that are destroyed when dropped.

use std::ptr;

use cudarc::cublaslt::sys::{self, cublasLtMatmulDescAttributes_t as Desc};
use cudarc::cublaslt::sys::{cublasLtMatmulPreferenceAttributes_t as Preference, cudaDataType_t as Stored};

use super::check;
use crate::device::{DeviceError, Gemm};

/// What is computed, in which arithmetic.
pub(super) struct Description(pub(super) sys::cublasLtMatmulDesc_t);

impl Description {
    pub(super) fn new(gemm: &Gemm) -> Result<Self, DeviceError> {
        let mut this = Self(ptr::null_mut());
        let (sum, scale) = (sys::cublasComputeType_t::CUBLAS_COMPUTE_32F, Stored::CUDA_R_32F);
        // SAFETY: the pointer is valid for a write; what is made is destroyed when this is dropped.
        let status = unsafe { sys::cublasLtMatmulDescCreate(&raw mut this.0, sum, scale) };
        check("cublasLtMatmulDescCreate", Some(gemm), status)?;
        let transposed = [
            (Desc::CUBLASLT_MATMUL_DESC_TRANSA, gemm.transpose_a),
            (Desc::CUBLASLT_MATMUL_DESC_TRANSB, gemm.transpose_b),
        ];
        for (attribute, transpose) in transposed {
            // `cublasOperation_t`: 0 as it lies, 1 transposed.
            let operation = i32::from(transpose);
            let value = (&raw const operation).cast();
            // SAFETY: the description is alive; the value is an `i32` that is read before the call returns.
            let status =
                unsafe { sys::cublasLtMatmulDescSetAttribute(this.0, attribute, value, size_of::<i32>()) };
            check("cublasLtMatmulDescSetAttribute", Some(gemm), status)?;
        }
        Ok(this)
    }
}

impl Drop for Description {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: made by this, destroyed once.
            let _ = unsafe { sys::cublasLtMatmulDescDestroy(self.0) };
        }
    }
}

/// How a matrix lies.
pub(super) struct Layout(pub(super) sys::cublasLtMatrixLayout_t);

impl Layout {
    pub(super) fn new(
        gemm: &Gemm,
        stored: Stored,
        (rows, columns, ld): (u64, u64, u64),
    ) -> Result<Self, DeviceError> {
        let mut this = Self(ptr::null_mut());
        let ld = i64::try_from(ld).unwrap_or(i64::MAX);
        // SAFETY: the pointer is valid for a write; what is made is destroyed when this is dropped.
        let status = unsafe { sys::cublasLtMatrixLayoutCreate(&raw mut this.0, stored, rows, columns, ld) };
        check("cublasLtMatrixLayoutCreate", Some(gemm), status)?;
        Ok(this)
    }
}

impl Drop for Layout {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: made by this, destroyed once.
            let _ = unsafe { sys::cublasLtMatrixLayoutDestroy(self.0) };
        }
    }
}

/// What an algorithm has to be like.
pub(super) struct Wishes(pub(super) sys::cublasLtMatmulPreference_t);

impl Wishes {
    pub(super) fn new(gemm: &Gemm) -> Result<Self, DeviceError> {
        let mut this = Self(ptr::null_mut());
        // SAFETY: the pointer is valid for a write; what is made is destroyed when this is dropped.
        let status = unsafe { sys::cublasLtMatmulPreferenceCreate(&raw mut this.0) };
        check("cublasLtMatmulPreferenceCreate", Some(gemm), status)?;
        Ok(this)
    }

    /// Sets an attribute, which has the size of `T`.
    pub(super) fn set<T: Copy>(
        &self,
        gemm: &Gemm,
        attribute: Preference,
        value: &T,
    ) -> Result<(), DeviceError> {
        let bytes = (&raw const *value).cast();
        // SAFETY: this is alive; the value is read before the call returns, and has the size that is passed.
        let status =
            unsafe { sys::cublasLtMatmulPreferenceSetAttribute(self.0, attribute, bytes, size_of::<T>()) };
        check("cublasLtMatmulPreferenceSetAttribute", Some(gemm), status)
    }
}

impl Drop for Wishes {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: made by this, destroyed once.
            let _ = unsafe { sys::cublasLtMatmulPreferenceDestroy(self.0) };
        }
    }
}
