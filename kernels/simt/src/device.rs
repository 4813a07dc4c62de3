//! A device: memory, modules, launches.

use std::sync::Arc;

use crate::fault::Fault;
use crate::limits::Limits;
use crate::options::Options;
use crate::ptx::DecodeError;

/// A device. Everything takes `&self`, from any number of threads, and is done one after the other: when a call
/// returns, its work is done.
pub struct Device {
    options: Options,
}

/// What can go wrong outside a kernel.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text is not understood.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The text is understood and makes no program: a function that is not there, recursion, memory over a limit.
    #[error("PTX line {line}: {problem}")]
    Module {
        /// The line, counted from 1.
        line: u32,
        /// What is wrong.
        problem: String,
    },
    /// There is not enough memory.
    #[error("{name} needs {bytes} bytes, and {free} of {total} are free")]
    Memory {
        /// What it was for.
        name: String,
        /// What was asked for.
        bytes: u64,
        /// What is free.
        free: u64,
        /// What there is in all.
        total: u64,
    },
    /// A copy, or a release, of memory that is not there.
    #[error("{operation} of {bytes} bytes at {address:#x}: {problem}")]
    Address {
        /// What was asked.
        operation: &'static str,
        /// Where.
        address: u64,
        /// How many bytes.
        bytes: u64,
        /// What is wrong with it, naming the buffer.
        problem: String,
    },
    /// A kernel did what it may not.
    #[error(transparent)]
    Fault(Box<Fault>),
}

/// A module on a device. Its memory (variables) is released with it.
pub struct Module {
    functions: Vec<Function>,
}

/// A kernel that can be launched.
#[derive(Clone)]
pub struct Function {
    inner: Arc<FunctionInner>,
}

struct FunctionInner {
    name: String,
    parameters: Vec<Parameter>,
}

/// A parameter of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Where it begins in the bytes of all parameters.
    pub offset: u32,
    /// Its size in bytes.
    pub bytes: u32,
}

/// How a kernel is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launch {
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block along x, y and z.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub shared: u32,
    /// Whether all blocks run at the same time, so that they may wait for each other.
    pub cooperative: bool,
    /// The most dynamic shared memory that was asked for (`cuFuncSetAttribute`); `None` takes whatever `shared` needs.
    pub max_dynamic_shared: Option<u32>,
}

/// What a launch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Instructions that warps ran.
    pub warp_instructions: u64,
    /// The same, counted once for each lane that took part.
    pub lane_operations: u64,
    /// The most memory that the history of accesses took, in bytes.
    pub shadow_bytes: u64,
    /// Bytes of device memory that were written, each counted once.
    pub written_bytes: u64,
    /// What the kernel printed.
    pub printed: String,
}

/// Which lines of a kernel ran so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The kernel.
    pub kernel: String,
    /// How often it was launched.
    pub launches: u64,
    /// Every instruction: its PTX line, its source file and line where known, and whether it ran.
    pub instructions: Vec<(u32, Option<(String, u32)>, bool)>,
}

/// A buffer that was not freed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: u64,
    /// Its size.
    pub bytes: u64,
}

impl Device {
    /// A device with nothing on it.
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        Arc::new(Self { options })
    }

    /// How it behaves.
    #[must_use]
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// What a launch must stay within.
    #[must_use]
    pub const fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Bytes that are free, and bytes in all.
    #[must_use]
    pub fn memory(&self) -> (u64, u64) {
        (self.options.memory, self.options.memory)
    }

    /// Memory that nothing has written yet. Zero bytes have an address too, and no byte.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn allocate(&self, name: &str, bytes: u64) -> Result<u64, Error> {
        Err(Error::Memory { name: name.to_owned(), bytes, free: 0, total: 0 })
    }

    /// Gives memory back. Its address is not used again soon, so that a later use is found.
    ///
    /// # Errors
    /// [`Error::Address`] where nothing was allocated at this address, or it was freed already.
    pub fn free(&self, address: u64) -> Result<(), Error> {
        Err(Self::nothing("free", address, 0))
    }

    /// Copies to the device.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        Err(Self::nothing("write", address, bytes.len() as u64))
    }

    /// Copies from the device. What nothing wrote reads as it happens to be.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Error> {
        Err(Self::nothing("read", address, bytes.len() as u64))
    }

    /// Copies within the device; what was not written stays unwritten.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn copy(&self, from: u64, to: u64, bytes: u64) -> Result<(), Error> {
        let _ = to;
        Err(Self::nothing("copy", from, bytes))
    }

    /// Sets `count` elements to a pattern of 1, 2 or 4 bytes.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn fill(&self, address: u64, pattern: &[u8], count: u64) -> Result<(), Error> {
        Err(Self::nothing("fill", address, count.saturating_mul(pattern.len() as u64)))
    }

    /// The buffer that an address is in: its name, where it begins, its size.
    #[must_use]
    pub fn buffer_at(&self, address: u64) -> Option<(String, u64, u64)> {
        let _ = address;
        None
    }

    /// What was allocated and not freed, without the variables of modules.
    #[must_use]
    pub fn leaks(&self) -> Vec<Leak> {
        Vec::new()
    }

    /// Loads a module.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Module`], [`Error::Memory`].
    pub fn load(self: &Arc<Self>, ptx: &str) -> Result<Arc<Module>, Error> {
        crate::ptx::decode(ptx)?;
        Ok(Arc::new(Module { functions: Vec::new() }))
    }

    /// Launches a kernel and waits for it. `parameters` are the bytes of all parameters, each at its offset.
    ///
    /// # Errors
    /// [`Error::Fault`]. Memory is then as the kernel left it.
    pub fn launch(&self, function: &Function, launch: &Launch, parameters: &[u8]) -> Result<Report, Error> {
        let _ = (launch, parameters);
        Err(Error::Module { line: 0, problem: format!("{} does not run yet", function.name()) })
    }

    fn nothing(operation: &'static str, address: u64, bytes: u64) -> Error {
        Error::Address { operation, address, bytes, problem: "no buffer is there".to_owned() }
    }
}

impl Module {
    /// A kernel by name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<Function> {
        self.functions.iter().find(|function| function.name() == name).cloned()
    }

    /// Every kernel.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Address and size of a `.global` or `.const` variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<(u64, u64)> {
        let _ = name;
        None
    }
}

impl Function {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Its parameters, in order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.inner.parameters
    }

    /// Bytes of shared memory that it declares itself.
    #[must_use]
    pub fn shared_bytes(&self) -> u32 {
        0
    }

    /// Bytes of local memory of a thread.
    #[must_use]
    pub fn local_bytes(&self) -> u32 {
        0
    }

    /// Bytes of constant memory of its module.
    #[must_use]
    pub fn const_bytes(&self) -> u32 {
        0
    }

    /// The most threads of a block: `.maxntid`, or what the device takes.
    #[must_use]
    pub fn max_threads(&self) -> u32 {
        1024
    }

    /// Which of its lines ran so far; empty without [`Options::coverage`].
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        Coverage { kernel: self.inner.name.clone(), ..Coverage::default() }
    }
}
