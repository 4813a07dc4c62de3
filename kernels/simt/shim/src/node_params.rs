//! What a program says of a node, as work.

use std::ffi::{c_uint, c_void};

use simt::graph::{Kernel, Work};

use crate::boundary::{Host, In};
use crate::fill;
use crate::handles::Handle;
use crate::launch::{Shape, host_work, prepare};
use crate::session::Session;
use crate::status::{Outcome, Status};

/// `CUDA_KERNEL_NODE_PARAMS`; version 2 goes on with `CUkernel` and `CUcontext`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct KernelParams {
    /// The kernel, or 0.
    pub function: Handle,
    grid: [c_uint; 3],
    block: [c_uint; 3],
    shared: c_uint,
    each: In<Host>,
    extra: In<Host>,
}

/// `CUDA_KERNEL_NODE_PARAMS_v2`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct KernelParams2 {
    first: KernelParams,
    kernel: Handle,
    context: Handle,
}

/// `CUDA_MEMSET_NODE_PARAMS`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct FillParams {
    to: u64,
    pitch: usize,
    value: c_uint,
    element: c_uint,
    width: usize,
    height: usize,
}

/// `CUDA_HOST_NODE_PARAMS`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct HostParams {
    function: Option<unsafe extern "C" fn(*mut c_void)>,
    data: Host,
}

impl KernelParams {
    /// The launch.
    ///
    /// # Errors
    /// As a launch that is not in a graph.
    pub fn kernel(self, session: &Session) -> Outcome<Kernel> {
        let shape = Shape { grid: self.grid, block: self.block, shared: self.shared, cooperative: false };
        prepare(session, self.function, shape, self.each, self.extra)
    }
}

impl KernelParams2 {
    /// The launch.
    ///
    /// # Errors
    /// As a launch that is not in a graph.
    pub fn kernel(self, session: &Session) -> Outcome<Kernel> {
        let function = if self.first.function == 0 { self.kernel } else { self.first.function };
        KernelParams { function, ..self.first }.kernel(session)
    }
}

impl FillParams {
    /// The fill.
    ///
    /// # Errors
    /// [`Status::INVALID_VALUE`].
    pub fn work(self) -> Outcome<Work> {
        if self.width == 0 || self.height == 0 {
            return Err(Status::INVALID_VALUE);
        }
        fill::work(
            self.to,
            self.pitch as u64,
            self.value,
            self.element,
            self.width as u64,
            self.height as u64,
        )
    }
}

impl HostParams {
    /// The call.
    ///
    /// # Errors
    /// [`Status::INVALID_VALUE`] for null.
    pub fn work(self) -> Outcome<Work> {
        host_work(self.function, self.data)
    }
}
