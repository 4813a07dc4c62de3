//! A virtual GPU: the crate [`simt`] runs a kernel's PTX on the processor, a warp at a time, and faults on
//! undefined behaviour that hardware lets pass.
//!
//! | file | what |
//! |---|---|
//! | `graph` | kernels that are launched together |
//! | `modules` | loaded kernels, and which of their lines ran |
//! | `state` | what was launched, and what went wrong |
//!
//! It takes what a real device takes and refuses what a real device refuses. After a fault nothing more can be computed
//! on it, as on a real one; so every user makes one of their own.

mod graph;
mod modules;
mod state;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::simt::{Error, Fault, FaultKind, Options};

use super::fits::range;
use super::{
    Argument, Buffer, Device, DeviceError, Function, Graph, GraphNode, Launch, Limits, Properties, Target,
};
use crate::jit::Artifact;
use graph::Graphs;
use modules::Modules;
use state::State;

pub use state::Counts;

/// What to do when memory runs out.
const REMEDY: &str =
    "give the virtual device more memory, keep fewer tokens in the cache, or use a smaller model";

/// The GPU that it plays unless told otherwise.
pub const TARGET: Target = Target::new(9, 0);

/// What a virtual device of these options is.
#[must_use]
pub fn properties(options: &Options) -> Properties {
    let target = Target::new(options.limits.major, options.limits.minor);
    Properties {
        name: format!("virtual device ({target})"),
        target,
        limits: Limits { warpgroup_products: false, ..target.limits() },
        total_memory: options.memory,
        driver: format!("simt {}", env!("CARGO_PKG_VERSION")),
    }
}

/// A virtual GPU that can be used, from any number of threads.
pub struct SimtDevice {
    properties: Properties,
    modules: Mutex<Modules>,
    state: Mutex<State>,
    graphs: Arc<Graphs>,
    /// Held by what runs kernels: a graph runs without others in between.
    running: Mutex<()>,
    device: Arc<::simt::Device>,
}

impl SimtDevice {
    /// A device with nothing on it.
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        Arc::new(Self {
            properties: properties(&options),
            modules: Mutex::default(),
            state: Mutex::default(),
            graphs: Arc::default(),
            running: Mutex::default(),
            device: ::simt::Device::new(options),
        })
    }

    /// Every fault so far, in order. After the first that a kernel made nothing runs any more; launches that were
    /// refused, and memory that was not given back, are here too.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.state().faults.clone()
    }

    /// What ran so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Memory that was allocated and not freed, as faults. Ask when everything was dropped.
    #[must_use]
    pub fn leaks(&self) -> Vec<Fault> {
        let leak = |leak: ::simt::device::Leak| {
            let (name, bytes, at) = (leak.name, leak.bytes, leak.address);
            Fault::refused(FaultKind::Leak, format!("{name}: {bytes} bytes at {at:#x} were never freed"))
        };
        self.device.leaks().into_iter().map(leak).collect()
    }

    /// Which lines of each loaded kernel ran so far, each with what it was compiled from. Nothing ran, as far as is
    /// known, unless the options ask for coverage.
    #[must_use]
    pub fn coverage(&self) -> Vec<(String, ::simt::device::Coverage)> {
        self.modules().coverage()
    }

    /// Checks a launch as [`Device::launch`] does before anything runs.
    ///
    /// # Errors
    /// [`DeviceError::Launch`], with what leaves the limits, or does not fit the kernel.
    pub fn check_launch(
        &self,
        function: &Function,
        launch: Launch,
        arguments: &[Argument<'_>],
    ) -> Result<(), DeviceError> {
        self.modules().bind(function, launch, arguments, &self.properties.limits).map(|_| ())
    }

    fn modules(&self) -> MutexGuard<'_, Modules> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error after a fault: nothing can be computed any more.
    fn enter(&self) -> Result<(), DeviceError> {
        self.state().stuck.clone().map_or(Ok(()), |fault| Err(DeviceError::Fault(fault)))
    }

    /// Names an error of the device. A fault is kept, and ends everything unless the launch was only refused.
    fn watch(&self, operation: &str, error: Error) -> DeviceError {
        match error {
            Error::Fault(fault) => self.state().fault(operation, *fault),
            Error::Memory { name, bytes, free, total } => {
                DeviceError::Memory { what: name, needed: bytes, free, total, remedy: REMEDY }
            }
            other => DeviceError::Virtual { operation: operation.to_owned(), message: other.to_string() },
        }
    }
}

impl Device for SimtDevice {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn free_memory(&self) -> Result<u64, DeviceError> {
        self.enter()?;
        Ok(self.device.memory().0)
    }

    fn allocate(&self, name: &str, bytes: u64) -> Result<Buffer, DeviceError> {
        self.enter()?;
        let address = self.device.allocate(name, bytes).map_err(|error| self.watch("allocate", error))?;
        let device = Arc::clone(&self.device);
        let release = move |address| {
            // An address that was allocated here and is freed once: nothing can go wrong, and nobody could be told.
            let _ = device.free(address);
        };
        Ok(Buffer::new(name, address, bytes, Box::new(release)))
    }

    fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        let address = range("write", buffer, offset, bytes.len() as u64)?;
        self.enter()?;
        self.device.write(address, bytes).map_err(|error| self.watch("write", error))
    }

    fn read(&self, buffer: &Buffer, offset: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let address = range("read", buffer, offset, bytes.len() as u64)?;
        self.enter()?;
        self.device.read(address, bytes).map_err(|error| self.watch("read", error))
    }

    fn copy(&self, from: (&Buffer, u64), to: (&Buffer, u64), bytes: u64) -> Result<(), DeviceError> {
        let source = range("copy", from.0, from.1, bytes)?;
        let target = range("copy", to.0, to.1, bytes)?;
        self.enter()?;
        if bytes > 0 && source < target + bytes && target < source + bytes {
            return Err(DeviceError::Virtual {
                operation: format!("copy of {bytes} bytes within {:?}", from.0),
                message: format!("from {} to {} overlaps; copy through another buffer", from.1, to.1),
            });
        }
        self.device.copy(source, target, bytes).map_err(|error| self.watch("copy", error))
    }

    fn fill(&self, buffer: &Buffer, byte: u8) -> Result<(), DeviceError> {
        self.enter()?;
        let filled = self.device.fill(buffer.address(), &[byte], buffer.bytes());
        filled.map_err(|error| self.watch("fill", error))
    }

    fn load(&self, artifact: &Artifact) -> Result<Function, DeviceError> {
        self.enter()?;
        let kernel = artifact.spec.kernel.clone();
        // Held while it loads, so that the same artifact loads once.
        let handle = self.modules().load(artifact, &self.device)?;
        let handle = handle.map_err(|error| self.watch(&format!("load of {kernel}"), error))?;
        Ok(Function { kernel, handle })
    }

    fn launch(
        &self,
        function: &Function,
        launch: Launch,
        arguments: &[Argument<'_>],
    ) -> Result<(), DeviceError> {
        self.enter()?;
        let bound = self.modules().bind(function, launch, arguments, &self.properties.limits)?;
        let _alone = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match self.device.launch(&bound.function, &bound.launch, &bound.parameters) {
            Ok(report) => {
                self.state().add(&report);
                Ok(())
            }
            Err(error) => Err(self.watch(&function.kernel, error)),
        }
    }

    fn graph(&self, nodes: &[GraphNode<'_>]) -> Result<Graph, DeviceError> {
        graph::make(self, nodes)
    }

    fn replay(&self, graph: &Graph) -> Result<(), DeviceError> {
        graph::replay(self, graph)
    }

    fn synchronize(&self) -> Result<(), DeviceError> {
        // A launch has ended when it returns.
        self.enter()
    }
}
