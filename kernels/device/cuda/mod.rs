//! A real NVIDIA GPU, through the driver's own interface.
//!
//! | file | what |
//! |---|---|
//! | `driver` | whether there is one, its version, its status codes, its devices |
//! | `context` | the context and the stream that everything runs in, and what becomes of them after a fault |
//! | `mark` | places in the order of what a stream does |
//! | `slot` | arguments as the driver takes them |
//! | `pinned` | memory of the host that the device copies to, in a stream of its own |
//! | `module` | loaded kernels, and what they take |
//! | `graph` | kernels that are launched together |
//! | `library` | matrix products of cuBLASLt |
//! | `image` | whether machine code is whole |
//!
//! The driver's library is loaded at run time; that it is missing is an error and never a panic. All work goes to one
//! stream, in the order in which it was asked for; but what is read in pieces is copied in another one, once the first has come
//! to a mark.

mod context;
mod driver;
mod graph;
mod image;
mod library;
mod mark;
mod module;
mod pinned;
mod slot;

use std::sync::{Arc, Mutex, PoisonError};

use cudarc::driver::sys;

use super::fits::range;
use super::{
    Argument, Buffer, Device, DeviceError, Function, Gemm, Graph, GraphNode, Launch, Mark, Operands,
    Properties,
};
use crate::jit::Artifact;
use context::Context;
use driver::Ordinal;
use graph::Graphs;
use library::Libraries;
use mark::Marks;
use module::Code;
use pinned::Ring;
use slot::pointers;

pub use driver::{check_compiler, driver_version};

/// What to do when memory runs out.
const REMEDY: &str = "free memory on the device, keep fewer tokens in the cache, or use a smaller model";

/// What the first device is, without using it. The error says why there is none.
pub fn available() -> Result<Properties, DeviceError> {
    Ordinal::new(0)?.properties()
}

/// A GPU that can be used, from any number of threads.
pub struct CudaDevice {
    properties: Properties,
    code: Arc<Code>,
    graphs: Arc<Graphs>,
    libraries: Libraries,
    /// Made when much is read for the first time.
    ring: Mutex<Option<Ring>>,
    marks: Arc<Marks>,
    context: Arc<Context>,
}

/// Below this, copies do not go through pinned memory of our own.
const LITTLE: u64 = 1 << 20;

impl CudaDevice {
    /// The device of this number, counted as `CUDA_VISIBLE_DEVICES` leaves them.
    ///
    /// # Errors
    /// `NoDriver`, `NoDevice`, `Unsupported` for a compute capability below 8.0.
    pub fn open(ordinal: usize) -> Result<Arc<Self>, DeviceError> {
        let device = Ordinal::new(ordinal)?;
        let properties = device.properties()?;
        let context = Arc::new(Context::new(device)?);
        let code = Arc::new(Code::new(Arc::clone(&context)));
        Ok(Arc::new(Self {
            properties,
            code,
            graphs: Arc::default(),
            libraries: Libraries::default(),
            ring: Mutex::default(),
            marks: Arc::default(),
            context,
        }))
    }
}

impl Device for CudaDevice {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn free_memory(&self) -> Result<u64, DeviceError> {
        self.context.enter()?;
        self.context.memory().map(|(free, _)| free)
    }

    fn allocate(&self, name: &str, bytes: u64) -> Result<Buffer, DeviceError> {
        self.context.enter()?;
        let (free, total) = self.context.memory()?;
        let memory =
            |free| DeviceError::Memory { what: name.to_owned(), needed: bytes, free, total, remedy: REMEDY };
        let size = usize::try_from(bytes).ok().filter(|_| bytes <= free).ok_or_else(|| memory(free))?;
        let mut address = 0;
        // SAFETY: the pointer is valid for a write. The driver refuses a size of zero.
        let status = unsafe { sys::cuMemAlloc_v2(&raw mut address, size.max(1)) };
        if status == sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY {
            return Err(memory(self.context.memory()?.0));
        }
        self.context.check("cuMemAlloc", status)?;
        let context = Arc::clone(&self.context);
        Ok(Buffer::new(name, address, bytes, Box::new(move |address| context.free(address))))
    }

    fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let address = range("write", buffer, offset, bytes.len() as u64)?;
        self.context.enter()?;
        if bytes.is_empty() {
            return Ok(());
        }
        // SAFETY: the range lies within the buffer, which is alive. The host's memory is pageable: the driver has
        // read it when the call returns (CUDA Driver API 13.0, section 2, "API synchronization behavior").
        let status = unsafe {
            sys::cuMemcpyHtoDAsync_v2(address, bytes.as_ptr().cast(), bytes.len(), self.context.stream())
        };
        self.context.check("cuMemcpyHtoDAsync", status)
    }

    fn read(&self, buffer: &Buffer, offset: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let address = range("read", buffer, offset, bytes.len() as u64)?;
        self.context.enter()?;
        if !bytes.is_empty() {
            // SAFETY: the range lies within the buffer, which is alive; the stream is waited for below, while the
            // host's memory is still borrowed.
            let status = unsafe {
                sys::cuMemcpyDtoHAsync_v2(
                    bytes.as_mut_ptr().cast(),
                    address,
                    bytes.len(),
                    self.context.stream(),
                )
            };
            // Even after an error: nothing may write to the borrowed memory later.
            let copied = self.context.check("cuMemcpyDtoHAsync", status);
            self.context.wait()?;
            return copied;
        }
        self.context.wait()
    }

    fn mark(&self) -> Result<Mark, DeviceError> {
        self.context.enter()?;
        self.marks.make(&self.context)
    }

    fn read_pieces(
        &self,
        buffer: &Buffer,
        (offset, bytes): (u64, u64),
        after: Option<&Mark>,
        with: &mut dyn FnMut(&[u8]),
    ) -> Result<(), DeviceError> {
        let address = range("read", buffer, offset, bytes)?;
        let size = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes < LITTLE && after.is_none() {
            let mut piece = vec![0; size];
            self.read(buffer, offset, &mut piece)?;
            with(&piece);
            return Ok(());
        }
        self.context.enter()?;
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let made = match ring.take() {
            Some(made) => made,
            None => Ring::new(&self.context)?,
        };
        let ring = ring.insert(made);
        match after {
            Some(mark) => self.marks.hold(mark, ring.stream())?,
            None => self.marks.hold(&self.marks.make(&self.context)?, ring.stream())?,
        }
        ring.read(address, size, with)
    }

    fn copy(&self, from: (&Buffer, u64), to: (&Buffer, u64), bytes: u64) -> Result<(), DeviceError> {
        let source = range("copy", from.0, from.1, bytes)?;
        let target = range("copy", to.0, to.1, bytes)?;
        self.context.enter()?;
        if bytes == 0 {
            return Ok(());
        }
        if source < target + bytes && target < source + bytes {
            return Err(DeviceError::Driver {
                operation: format!("copy of {bytes} bytes within {:?}", from.0),
                message: format!("from {} to {} overlaps; copy through another buffer", from.1, to.1),
            });
        }
        let size = usize::try_from(bytes).unwrap_or(usize::MAX);
        // SAFETY: both ranges lie within buffers that are alive, and do not overlap.
        let status = unsafe { sys::cuMemcpyDtoDAsync_v2(target, source, size, self.context.stream()) };
        self.context.check("cuMemcpyDtoDAsync", status)
    }

    fn fill(&self, buffer: &Buffer, byte: u8) -> Result<(), DeviceError> {
        self.context.enter()?;
        if buffer.bytes() == 0 {
            return Ok(());
        }
        let size = usize::try_from(buffer.bytes()).unwrap_or(usize::MAX);
        // SAFETY: the whole of a buffer that is alive.
        let status = unsafe { sys::cuMemsetD8Async(buffer.address(), byte, size, self.context.stream()) };
        self.context.check("cuMemsetD8Async", status)
    }

    fn load(&self, artifact: &Artifact) -> Result<Function, DeviceError> {
        self.context.enter()?;
        let mut modules = self.code.modules();
        let handle = self.context.watch(modules.load(artifact, &self.properties.limits))?;
        Ok(Function { kernel: artifact.spec.kernel.clone(), handle })
    }

    fn launch(
        &self,
        function: &Function,
        launch: Launch,
        arguments: &[Argument<'_>],
    ) -> Result<(), DeviceError> {
        self.context.enter()?;
        let modules = self.code.modules();
        let loaded = modules.checked(function, launch, arguments, &self.properties.limits)?;
        let mut slots = loaded
            .slots(arguments)
            .map_err(|problem| DeviceError::Launch { kernel: function.kernel.clone(), problem })?;
        let mut pointers = pointers(&mut slots);
        let ([grid_x, grid_y, grid_z], [block_x, block_y, block_z]) = (launch.grid, launch.block);
        self.context.launching(&function.kernel);
        // SAFETY: the function is loaded; one pointer a parameter, each to at least as many bytes as the parameter
        // has; the driver has copied them when the call returns. What the kernel does with the addresses is its own
        // affair: the device checks that they are mapped, and faults otherwise.
        let status = unsafe {
            sys::cuLaunchKernel(
                loaded.function,
                grid_x,
                grid_y,
                grid_z,
                block_x,
                block_y,
                block_z,
                launch.shared,
                self.context.stream(),
                pointers.as_mut_ptr(),
                std::ptr::null_mut(),
            )
        };
        match self.context.check("cuLaunchKernel", status) {
            Err(DeviceError::Driver { message: problem, .. }) => {
                Err(DeviceError::Launch { kernel: function.kernel.clone(), problem })
            }
            outcome => outcome,
        }
    }

    fn graph(&self, nodes: &[GraphNode<'_>]) -> Result<Graph, DeviceError> {
        self.graphs.make(&self.code, &self.context, &self.properties, nodes)
    }

    fn replay(&self, graph: &Graph) -> Result<(), DeviceError> {
        self.graphs.replay(&self.context, graph)
    }

    fn library(&self) -> Result<String, DeviceError> {
        Ok(self.libraries.open(&self.context)?.name())
    }

    fn gemm(&self, gemm: &Gemm, operands: &Operands<'_>) -> Result<(), DeviceError> {
        let addresses = operands.addresses(gemm)?;
        self.libraries.open(&self.context)?.gemm(gemm, addresses)
    }

    fn synchronize(&self) -> Result<(), DeviceError> {
        self.context.enter()?;
        self.context.wait()
    }
}
