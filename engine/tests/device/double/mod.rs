//! A device that is played by the host: memory is vectors, and every kernel is a plain loop over its arguments, axes and
//! page tables, rounded where its storage rounds. Fresh memory reads as NaN, and every access is held to its buffer.
//!
//! It shows that plans, memory, inputs and pages are right. It says nothing about the real kernels.

mod attention;
mod fused;
mod graph;
mod library;
mod memory;
mod ops;
mod taps;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use kernels::device::{
    Argument, Buffer, Device, DeviceError, Function, Gemm, Graph, GraphNode, Launch, Operands, Properties,
    Target,
};
use kernels::jit::{Artifact, Compiled, Compiler, Jit, JitError, JitOptions, KernelSpec, Resources, Version};
use kernels::launch::{Access, find};
use kernels::seam::Seam;

pub(crate) use memory::Heap;
pub(crate) use taps::of as statistics_of;

/// Compiles nothing, and gives back what it was asked for.
struct Echo;

impl Compiler for Echo {
    fn version(&self) -> Version {
        Version { major: 0, minor: 0 }
    }

    fn compile(&self, _: &str, entry: &str, source: &str, options: &[String]) -> Result<Compiled, JitError> {
        assert!(!source.is_empty());
        let ptx = format!("{entry} {}", options.join(" "));
        Ok(Compiled { ptx, cubin: Vec::new(), resources: Resources::default() })
    }
}

/// A compiler of the double, with rewrites.
pub(crate) fn jit(seam: Arc<Seam>) -> Jit {
    Jit::new(Box::new(Echo), Target::new(9, 0), JitOptions { cache: None, seam })
}

/// What the library of the double is called.
pub(crate) const LIBRARY: &str = "the host's own library";

/// The device.
pub(crate) struct Double {
    library: bool,
    properties: Properties,
    heap: Arc<Mutex<Heap>>,
    functions: Mutex<BTreeMap<u64, KernelSpec>>,
    /// The nodes of every graph that was made.
    graphs: Mutex<Vec<graph::Nodes>>,
    /// What was asked of it, in order.
    pub(crate) log: Mutex<Vec<String>>,
    /// The reason for which it makes no graphs, if any.
    pub(crate) no_graphs: Mutex<Option<String>>,
    /// Launches until one fails; never where it is zero.
    pub(crate) fails_in: AtomicU64,
}

impl Double {
    /// With so many bytes of memory.
    pub(crate) fn new(total_memory: u64) -> Arc<Self> {
        Self::made_with(total_memory, false)
    }

    /// The same with a library that multiplies matrices.
    pub(crate) fn with_library(total_memory: u64) -> Arc<Self> {
        Self::made_with(total_memory, true)
    }

    fn made_with(total_memory: u64, library: bool) -> Arc<Self> {
        let target = Target::new(9, 0);
        let (name, driver) = ("double".to_owned(), String::new());
        Arc::new(Self {
            library,
            properties: Properties { name, target, limits: target.limits(), total_memory, driver },
            heap: Arc::new(Mutex::new(Heap::new(total_memory))),
            functions: Mutex::default(),
            graphs: Mutex::default(),
            log: Mutex::default(),
            no_graphs: Mutex::default(),
            fails_in: AtomicU64::new(0),
        })
    }

    fn note(&self, what: impl Into<String>) {
        self.log.lock().unwrap().push(what.into());
    }

    /// How often something was asked of it.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|entry| entry.starts_with(what)).count()
    }
}

/// A launch as the kernels of the double see it.
pub(crate) struct Call<'a> {
    pub(crate) heap: &'a mut Heap,
    pub(crate) spec: &'a KernelSpec,
    pub(crate) grid: [u32; 3],
    /// Buffers by the names of the parameters.
    pub(crate) buffers: BTreeMap<&'static str, &'a Buffer>,
    /// What codes of pages are multiplied by, by the name of the parameter.
    pub(crate) scales: BTreeMap<&'static str, f32>,
    /// The number.
    pub(crate) number: usize,
}

impl Device for Double {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn free_memory(&self) -> Result<u64, DeviceError> {
        self.note("free_memory");
        Ok(self.heap.lock().unwrap().free())
    }

    fn allocate(&self, name: &str, bytes: u64) -> Result<Buffer, DeviceError> {
        self.note(format!("allocate {name}"));
        let address = self.heap.lock().unwrap().allocate(bytes).ok_or_else(|| DeviceError::Memory {
            what: name.to_owned(),
            needed: bytes,
            free: 0,
            total: self.properties.total_memory,
            remedy: "",
        })?;
        let heap = Arc::clone(&self.heap);
        Ok(Buffer::new(name, address, bytes, Box::new(move |address| heap.lock().unwrap().release(address))))
    }

    fn write(&self, buffer: &Buffer, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
        self.heap.lock().unwrap().bytes(buffer, offset, bytes.len() as u64)?.copy_from_slice(bytes);
        Ok(())
    }

    fn read(&self, buffer: &Buffer, offset: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        bytes.copy_from_slice(self.heap.lock().unwrap().bytes(buffer, offset, bytes.len() as u64)?);
        Ok(())
    }

    fn copy(&self, from: (&Buffer, u64), to: (&Buffer, u64), bytes: u64) -> Result<(), DeviceError> {
        let mut heap = self.heap.lock().unwrap();
        let source = heap.bytes(from.0, from.1, bytes)?.to_vec();
        heap.bytes(to.0, to.1, bytes)?.copy_from_slice(&source);
        Ok(())
    }

    fn fill(&self, buffer: &Buffer, byte: u8) -> Result<(), DeviceError> {
        self.heap.lock().unwrap().bytes(buffer, 0, buffer.bytes())?.fill(byte);
        Ok(())
    }

    fn load(&self, artifact: &Artifact) -> Result<Function, DeviceError> {
        let mut functions = self.functions.lock().unwrap();
        let handle = functions.len() as u64;
        functions.insert(handle, artifact.spec.clone());
        Ok(Function { kernel: artifact.spec.kernel.clone(), handle })
    }

    fn launch(
        &self,
        function: &Function,
        launch: Launch,
        arguments: &[Argument<'_>],
    ) -> Result<(), DeviceError> {
        self.note(format!("launch {}", function.kernel));
        if self.fails_in.load(Ordering::Relaxed) == 1 {
            return Err(DeviceError::Fault("planted".to_owned()));
        }
        let left = self.fails_in.load(Ordering::Relaxed);
        self.fails_in.store(left.saturating_sub(1), Ordering::Relaxed);
        let spec = self.functions.lock().unwrap().get(&function.handle).cloned().unwrap();
        let kernel = find(&spec.kernel).unwrap();
        assert_eq!(arguments.len(), kernel.parameters.len());
        let (mut buffers, mut scales, mut number) = (BTreeMap::new(), BTreeMap::new(), None);
        for (argument, parameter) in arguments.iter().zip(kernel.parameters) {
            match argument {
                Argument::Buffer(buffer, offset) => {
                    assert!(parameter.access.is_pointer() && *offset == 0);
                    buffers.insert(parameter.name, *buffer);
                }
                Argument::U32(value) => {
                    assert_eq!(parameter.access, Access::U32);
                    number = Some(*value as usize);
                }
                Argument::F32(value) => {
                    assert_eq!(parameter.access, Access::F32);
                    scales.insert(parameter.name, *value);
                }
            }
        }
        let mut heap = self.heap.lock().unwrap();
        let (grid, number) = (launch.grid, number.unwrap());
        let call = Call { heap: &mut heap, spec: &spec, grid, buffers, scales, number };
        ops::run(call)
    }

    fn library(&self) -> Result<String, DeviceError> {
        match self.library {
            true => Ok(LIBRARY.to_owned()),
            false => Err(DeviceError::NoLibrary("the double has none".to_owned())),
        }
    }

    fn gemm(&self, gemm: &Gemm, operands: &Operands<'_>) -> Result<(), DeviceError> {
        self.note("gemm");
        library::gemm(&mut self.heap.lock().unwrap(), gemm, operands)
    }

    fn graph(&self, nodes: &[GraphNode<'_>]) -> Result<Graph, DeviceError> {
        self.note("graph");
        self.made(nodes)
    }

    fn replay(&self, graph: &Graph) -> Result<(), DeviceError> {
        self.note("replay");
        self.replayed(graph)
    }

    fn synchronize(&self) -> Result<(), DeviceError> {
        Ok(())
    }
}
