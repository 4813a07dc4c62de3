//! Devices that kernels run on.
//!
//! | file | what |
//! |---|---|
//! | [`buffer`](Buffer) | memory of a device |
//! | [`target`](Target) | compute capabilities and their limits |
//! | [`cuda`] | a real NVIDIA GPU, through the driver |
//! | [`simt`] | a virtual one, which runs PTX on the processor and checks every access |
//! | [`graph`] | kernels that are launched together, again and again |
//! | [`library`] | matrix products that a library of the device's maker computes |
//! | `edges` | whether the edges of a graph lead forward, and which of them are programmatic |
//! | `pieces` | reading much, piece by piece, while the device goes on |
//! | `fits` | whether a launch stays within limits, and its arguments fit |
//! | [`ptx`](parameter_sizes) | what PTX says about an entry point |
//!
//! A [`Device`] allocates, copies, loads and launches; it knows no model and no plan. Work is ordered: what was asked
//! first is done first. A device never computes on the CPU instead.

mod buffer;
pub mod cuda;
mod edges;
mod fits;
pub mod graph;
pub mod library;
mod pieces;
mod ptx;
pub mod simt;
mod target;

use crate::jit::Artifact;

pub use buffer::Buffer;
pub use cuda::CudaDevice;
pub use graph::{After, Dependency, Graph, GraphNode};
pub use library::{Gemm, LibraryPoint, Operands, Product};
pub use pieces::{Mark, PIECE};
pub use ptx::parameter_sizes;
pub use simt::SimtDevice;
pub use target::{Limits, NoTarget, Target};

/// What a device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Properties {
    /// What its maker calls it: `NVIDIA H200`.
    pub name: String,
    /// What kernels are compiled for.
    pub target: Target,
    /// What a launch must stay within.
    pub limits: Limits,
    /// Memory in all, in bytes.
    pub total_memory: u64,
    /// The driver's version, as it writes it; empty where there is none.
    pub driver: String,
}

/// A kernel that was loaded onto a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Name of the kernel.
    pub kernel: String,
    /// How the device finds it again.
    pub handle: u64,
}

/// A launch with every number in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block along x, y and z.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub shared: u32,
}

/// What is passed for a parameter of a kernel.
#[derive(Debug, Clone, Copy)]
pub enum Argument<'a> {
    /// The address of a buffer's byte.
    Buffer(&'a Buffer, u64),
    /// A 32-bit unsigned number.
    U32(u32),
    /// A 32-bit floating-point number.
    F32(f32),
}

/// Something that kernels run on.
pub trait Device: Send + Sync {
    /// What it is.
    fn properties(&self) -> &Properties;

    /// Memory that can still be allocated, in bytes.
    fn free_memory(&self) -> Result<u64, DeviceError>;

    /// Allocates memory, whose content is undefined. An error if there is not enough, with what was asked and what
    /// is there; nothing is allocated then.
    fn allocate(&self, name: &str, bytes: u64) -> Result<Buffer, DeviceError>;

    /// Copies to the device.
    fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) -> Result<(), DeviceError>;

    /// Copies from the device, after everything that was launched.
    fn read(&self, buffer: &Buffer, offset: u64, bytes: &mut [u8]) -> Result<(), DeviceError>;

    /// The place that its work has come to: after everything that it was asked for so far.
    ///
    /// # Errors
    /// Of the driver.
    fn mark(&self) -> Result<Mark, DeviceError> {
        Ok(Mark::of_nothing())
    }

    /// Copies from the device, after what it was asked for before a mark, or all of it without one, and hands over piece by
    /// piece what was copied: each of [`PIECE`] bytes but the last. The next piece may be on its way meanwhile. What was asked
    /// for since the mark goes on, and may not write there. For much that is looked at once. `range`: offset and bytes.
    ///
    /// # Errors
    /// As of [`read`](Self::read), and for a mark of another device; some pieces may have been handed over then.
    fn read_pieces(
        &self,
        buffer: &Buffer,
        range: (u64, u64),
        after: Option<&Mark>,
        with: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DeviceError> {
        // Reads wait for everything, and so for any mark.
        let _ = after;
        pieces::read(self, buffer, range, with)
    }

    /// Copies within the device.
    fn copy(&self, from: (&Buffer, u64), to: (&Buffer, u64), bytes: u64) -> Result<(), DeviceError>;

    /// Sets every byte.
    fn fill(&self, buffer: &Buffer, byte: u8) -> Result<(), DeviceError>;

    /// Loads a compiled kernel. The same artifact loads once.
    fn load(&self, artifact: &Artifact) -> Result<Function, DeviceError>;

    /// Launches a kernel. Arguments are checked against the kernel's own parameters.
    fn launch(
        &self,
        function: &Function,
        launch: Launch,
        arguments: &[Argument<'_>],
    ) -> Result<(), DeviceError>;

    /// Makes a graph of kernel nodes, each checked as a launch is; buffers have to live as long as it. Nothing runs.
    ///
    /// # Errors
    /// [`DeviceError::Graph`] for a list without nodes, an edge that does not lead forward, a programmatic one to a kernel
    /// whose code does not wait, and what the device refuses;
    /// [`DeviceError::Launch`] for a node that a launch would be refused for.
    fn graph(&self, _nodes: &[GraphNode<'_>]) -> Result<Graph, DeviceError> {
        Err(DeviceError::Graph { problem: "this device has no graphs".to_owned() })
    }

    /// Launches every node of a graph of this device once, in an order that its edges allow.
    ///
    /// # Errors
    /// [`DeviceError::Graph`] for a graph of another device; as of [`launch`](Self::launch) otherwise.
    fn replay(&self, _graph: &Graph) -> Result<(), DeviceError> {
        Err(DeviceError::Graph { problem: "this device has no graphs".to_owned() })
    }

    /// The library that multiplies matrices here, with its version. A device without one says so; it is asked for kernels
    /// of our own then.
    ///
    /// # Errors
    /// [`DeviceError::NoLibrary`] where there is none, with what was looked for.
    fn library(&self) -> Result<String, DeviceError> {
        Err(DeviceError::NoLibrary("this device has none".to_owned()))
    }

    /// Multiplies matrices in the library, in order with launches. How it sums is its own affair and may change from shape
    /// to shape; the same shape is summed alike.
    ///
    /// # Errors
    /// [`DeviceError::Library`] for matrices that leave their buffers, and for what the library refuses.
    fn gemm(&self, _gemm: &Gemm, _operands: &Operands<'_>) -> Result<(), DeviceError> {
        Err(DeviceError::NoLibrary("this device has none".to_owned()))
    }

    /// Waits until everything is done; errors of earlier launches come up here at the latest.
    fn synchronize(&self) -> Result<(), DeviceError>;
}

/// What can go wrong with a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// No driver is installed.
    #[error("no CUDA driver: {0}; install the NVIDIA driver, or ask for --device cpu")]
    NoDriver(String),
    /// The driver sees no device.
    #[error(
        "the CUDA driver {driver} sees no device; check nvidia-smi and CUDA_VISIBLE_DEVICES, or ask for --device cpu"
    )]
    NoDevice {
        /// The driver's version, as it writes it.
        driver: String,
    },
    /// The device is too old.
    #[error("{name} has compute capability {}.{}, and the kernels need {}.{} at least; use a newer device", found.major, found.minor, needed.major, needed.minor)]
    Unsupported {
        /// What its maker calls it.
        name: String,
        /// What it has.
        found: Target,
        /// What is needed.
        needed: Target,
    },
    /// There is not enough memory.
    #[error("{what} needs {needed} bytes of device memory, and {free} of {total} are free; {remedy}")]
    Memory {
        /// What the memory was for.
        what: String,
        /// What was asked for.
        needed: u64,
        /// What is free.
        free: u64,
        /// What the device has in all.
        total: u64,
        /// What to do.
        remedy: &'static str,
    },
    /// A launch would break a limit, or does not fit the kernel. Nothing was launched.
    #[error("kernel {kernel}: {problem}")]
    Launch {
        /// The kernel.
        kernel: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A graph cannot be made, or is of another device. Nothing was launched.
    #[error("graph: {problem}")]
    Graph {
        /// What is wrong.
        problem: String,
    },
    /// No library multiplies matrices.
    #[error("no library for matrix products: {0}")]
    NoLibrary(String),
    /// The library refused a product, or was asked for one that leaves its buffers.
    #[error("cuBLASLt, {operation}: {message}")]
    Library {
        /// What was asked of it, with the shape.
        operation: String,
        /// Its status, or what is wrong.
        message: String,
    },
    /// A copy would leave its buffer. Nothing was copied.
    #[error("{operation} of {bytes} bytes at {offset} leaves buffer {buffer}")]
    Bounds {
        /// Which operation.
        operation: &'static str,
        /// The buffer, with its size.
        buffer: String,
        /// Where.
        offset: u64,
        /// How many.
        bytes: u64,
    },
    /// The device stopped because of what a kernel did; nothing more can be computed in this process.
    #[error("the device faulted: {0}")]
    Fault(String),
    /// The virtual device refused something else: a kernel that it cannot read, or more than it keeps track of.
    #[error("virtual device, {operation}: {message}")]
    Virtual {
        /// What was asked of it.
        operation: String,
        /// What it said.
        message: String,
    },
    /// The driver refused something else.
    #[error("CUDA {operation}: {message}")]
    Driver {
        /// What was asked of it.
        operation: String,
        /// What it said.
        message: String,
    },
}
