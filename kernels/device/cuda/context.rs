//! The context and the stream that everything runs in, and what becomes of them after a fault.

use std::ptr;
use std::sync::{Mutex, OnceLock, PoisonError};

use cudarc::driver::sys::{self, CUcontext, CUresult, CUstream};

use super::driver::{self, Ordinal};
use crate::device::DeviceError;

/// Names of launched kernels that a fault lists.
const REMEMBERED: usize = 6;

/// The primary context of a device with a stream in it.
pub(super) struct Context {
    device: Ordinal,
    context: CUcontext,
    stream: CUstream,
    /// Why nothing can be done any more, once that is so.
    fault: OnceLock<String>,
    /// What was launched since the last wait.
    launched: Mutex<Launched>,
}

// SAFETY: the driver's functions take handles from any thread, once the context is current in it (`enter`).
unsafe impl Send for Context {}
// SAFETY: as above; what is not the driver's is behind a lock.
unsafe impl Sync for Context {}

/// Kernels since the last wait: how many, and the newest.
#[derive(Default)]
struct Launched {
    count: u64,
    newest: Vec<String>,
}

impl Context {
    /// Of a device.
    pub(super) fn new(device: Ordinal) -> Result<Self, DeviceError> {
        let mut context = ptr::null_mut();
        // SAFETY: the pointer is valid for a write; the context is released when this is dropped.
        let status = unsafe { sys::cuDevicePrimaryCtxRetain(&raw mut context, device.0) };
        driver::check("cuDevicePrimaryCtxRetain", status)?;
        let mut this = Self {
            device,
            context,
            stream: ptr::null_mut(),
            fault: OnceLock::new(),
            launched: Mutex::default(),
        };
        this.enter()?;
        let flags = sys::CUstream_flags::CU_STREAM_NON_BLOCKING as u32;
        // SAFETY: the pointer is valid for a write.
        let status = unsafe { sys::cuStreamCreate(&raw mut this.stream, flags) };
        this.check("cuStreamCreate", status)?;
        Ok(this)
    }

    /// The stream.
    pub(super) const fn stream(&self) -> CUstream {
        self.stream
    }

    /// Makes the context current in this thread. An error after a fault.
    pub(super) fn enter(&self) -> Result<(), DeviceError> {
        if let Some(fault) = self.fault.get() {
            return Err(DeviceError::Fault(fault.clone()));
        }
        // SAFETY: the context is retained for as long as this lives.
        self.check("cuCtxSetCurrent", unsafe { sys::cuCtxSetCurrent(self.context) })
    }

    /// A status as an error; a fault is remembered.
    pub(super) fn check(&self, operation: &str, status: CUresult) -> Result<(), DeviceError> {
        self.watch(driver::check(operation, status))
    }

    /// Passes an outcome on, and remembers a fault with the kernels that may have caused it.
    pub(super) fn watch<T>(&self, outcome: Result<T, DeviceError>) -> Result<T, DeviceError> {
        outcome.map_err(|error| match error {
            DeviceError::Fault(message) => {
                let message = self.fault.get_or_init(|| format!("{message}{}", self.suspects())).clone();
                DeviceError::Fault(message)
            }
            other => other,
        })
    }

    fn suspects(&self) -> String {
        let launched = self.launched.lock().unwrap_or_else(PoisonError::into_inner);
        launched.describe()
    }

    /// Notes that a kernel is about to be launched.
    pub(super) fn launching(&self, kernel: &str) {
        let mut launched = self.launched.lock().unwrap_or_else(PoisonError::into_inner);
        launched.add(kernel);
    }

    /// Waits for everything in the stream.
    pub(super) fn wait(&self) -> Result<(), DeviceError> {
        // SAFETY: the stream is alive.
        self.check("cuStreamSynchronize", unsafe { sys::cuStreamSynchronize(self.stream) })?;
        *self.launched.lock().unwrap_or_else(PoisonError::into_inner) = Launched::default();
        Ok(())
    }

    /// Free memory and memory in all, in bytes.
    pub(super) fn memory(&self) -> Result<(u64, u64), DeviceError> {
        let (mut free, mut total) = (0, 0);
        // SAFETY: both pointers are valid for a write.
        let status = unsafe { sys::cuMemGetInfo_v2(&raw mut free, &raw mut total) };
        self.check("cuMemGetInfo", status)?;
        Ok((free as u64, total as u64))
    }

    /// Frees memory. The driver waits for what still uses it. After a fault it is gone already.
    pub(super) fn free(&self, address: u64) {
        if self.enter().is_ok() {
            // SAFETY: the address came from `cuMemAlloc` and is freed once.
            let status = unsafe { sys::cuMemFree_v2(address) };
            if let Err(error) = self.check("cuMemFree", status) {
                tracing::warn!("{error}");
            }
        }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        if !self.stream.is_null() && self.enter().is_ok() {
            // SAFETY: the stream was created by this and is destroyed once.
            let _ = unsafe { sys::cuStreamDestroy_v2(self.stream) };
        }
        // SAFETY: retained once, released once.
        let _ = unsafe { sys::cuDevicePrimaryCtxRelease_v2(self.device.0) };
    }
}

impl Launched {
    fn add(&mut self, kernel: &str) {
        self.count += 1;
        if self.newest.len() == REMEMBERED {
            self.newest.remove(0);
        }
        self.newest.push(kernel.to_owned());
    }

    fn describe(&self) -> String {
        let newest = self.newest.join(", ");
        match self.count {
            0 => String::new(),
            1 => format!("; launched since the last wait: {newest}"),
            count => format!(
                "; {count} kernels were launched since the last wait, the newest are {newest}; with \
                 CUDA_LAUNCH_BLOCKING=1 it is the last"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_lists_the_newest_kernels() {
        let mut launched = Launched::default();
        assert_eq!(launched.describe(), "");
        launched.add("rope");
        assert_eq!(launched.describe(), "; launched since the last wait: rope");
        for number in 0..REMEMBERED {
            launched.add(&format!("k{number}"));
        }
        let text = launched.describe();
        assert!(text.contains("7 kernels") && text.contains("k0, k1, k2, k3, k4, k5;"), "{text}");
        assert!(!text.contains("rope"), "{text}");
    }
}
