//! Modules and their kernels.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Coverage, Covered, Device};
use crate::exec::program::{Code, Program};
use crate::fault::SourceLine;
use crate::ptx;

/// A module on a device. Its memory (variables) is released with it.
pub struct Module {
    device: Arc<Device>,
    functions: Vec<Function>,
    /// Name, address and size of each variable.
    variables: Vec<(String, u64, u64)>,
}

/// A kernel that can be launched. Its module must be alive then.
#[derive(Clone)]
pub struct Function {
    inner: Arc<Inner>,
}

struct Inner {
    number: u64,
    program: Program,
    parameters: Vec<Parameter>,
    const_bytes: u64,
    launches: AtomicU64,
}

/// A parameter of a kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Where it begins in the bytes of all parameters.
    pub offset: u32,
    /// Its size in bytes.
    pub bytes: u32,
}

impl Module {
    pub(super) fn new(
        device: Arc<Device>,
        decoded: &ptx::Module,
        addresses: BTreeMap<u32, u64>,
        functions: Vec<Function>,
    ) -> Self {
        let variables = addresses
            .into_iter()
            .filter_map(|(index, address)| {
                let variable = decoded.variables.get(index as usize)?;
                Some((variable.name.clone(), address, variable.bytes.unwrap_or(0)))
            })
            .collect();
        Self { device, functions, variables }
    }

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
        self.variables.iter().find(|(known, ..)| known == name).map(|&(_, address, bytes)| (address, bytes))
    }
}

impl Drop for Module {
    fn drop(&mut self) {
        let mut state = self.device.state();
        for (_, address, _) in &self.variables {
            let _ = state.global.release(*address);
        }
    }
}

impl Function {
    pub(super) fn new(number: u64, program: Program, parameters: Vec<Parameter>, const_bytes: u64) -> Self {
        let launches = AtomicU64::new(0);
        Self { inner: Arc::new(Inner { number, program, parameters, const_bytes, launches }) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.program.kernel
    }

    /// Its parameters, in order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.inner.parameters
    }

    /// Bytes of all parameters.
    #[must_use]
    pub fn parameter_bytes(&self) -> u32 {
        self.inner.program.parameter_bytes
    }

    /// Bytes of shared memory that it declares itself.
    #[must_use]
    pub fn shared_bytes(&self) -> u32 {
        self.inner.program.static_shared
    }

    /// Bytes of local memory of a thread.
    #[must_use]
    pub fn local_bytes(&self) -> u32 {
        self.inner.program.local_bytes
    }

    /// Bytes of constant memory of its module.
    #[must_use]
    pub fn const_bytes(&self) -> u32 {
        u32::try_from(self.inner.const_bytes).unwrap_or(u32::MAX)
    }

    /// The most threads of a block: what `.maxntid` or `.reqntid` says, or 1,024.
    #[must_use]
    pub fn max_threads(&self) -> u32 {
        let program = &self.inner.program;
        let said = program.required_threads.or(program.max_threads);
        said.map_or(1024, |threads| threads.iter().map(|&count| count.max(1)).product::<u32>().min(1024))
    }

    /// Which of its lines ran so far; nothing without [`Options::coverage`](crate::Options::coverage).
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let program = &self.inner.program;
        let mut coverage = Coverage {
            kernel: program.kernel.clone(),
            launches: self.inner.launches.load(Ordering::Relaxed),
            instructions: Vec::new(),
        };
        if program.entered.is_empty() {
            return coverage;
        }
        let mut running = coverage.launches > 0;
        for (at, (instruction, site)) in program.code.iter().zip(&program.sites).enumerate() {
            running |= program.entered.get(at).is_some_and(|entered| entered.load(Ordering::Relaxed));
            if site.real {
                let source = site.source.filter(|source| source.line > 0);
                let source = source.and_then(|source| {
                    let file = program.files.get(&source.file)?.clone();
                    Some(SourceLine { file, line: source.line })
                });
                coverage.instructions.push(Covered { ptx_line: site.line, source, ran: running });
            }
            // What comes after a jump has run only if something went there.
            if matches!(instruction.code, Code::Branch { .. } | Code::BranchIndexed { .. } | Code::Exit) {
                running = false;
            }
        }
        coverage
    }

    pub(super) fn number(&self) -> u64 {
        self.inner.number
    }

    pub(super) fn program(&self) -> &Program {
        &self.inner.program
    }

    pub(super) fn launched(&self) {
        self.inner.launches.fetch_add(1, Ordering::Relaxed);
    }
}
