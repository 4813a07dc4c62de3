//! A device: memory, modules, launches.

mod limit;
mod module;
mod report;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::early::Watch;
use crate::exec;
use crate::fault::Fault;
use crate::limits::Limits;
use crate::memory::Global;
use crate::options::Options;
use crate::ptx::{Space, decode};

pub use module::{Function, Module, Parameter};
pub use report::{Coverage, Covered, Error, Launch, Leak, Report};

/// A device. Everything takes `&self`, from any number of threads, and is done one after the other: when a call
/// returns, its work is done.
pub struct Device {
    options: Options,
    state: Mutex<State>,
}

/// What changes.
struct State {
    global: Global,
    launches: u64,
    /// Of each kernel, by its number: parameters whose buffers it was seen to read before it wrote them.
    hints: HashMap<u64, Vec<u32>>,
    functions: u64,
}

impl Device {
    /// A device with nothing on it.
    #[must_use]
    pub fn new(options: Options) -> Arc<Self> {
        let global = Global::new(options.memory, options.checks);
        let state = State { global, launches: 0, hints: HashMap::new(), functions: 0 };
        Arc::new(Self { options, state: Mutex::new(state) })
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
        self.state().global.free_and_total()
    }

    /// Memory that nothing has written yet. Zero bytes have an address too, and no byte.
    ///
    /// # Errors
    /// [`Error::Memory`].
    pub fn allocate(&self, name: &str, bytes: u64) -> Result<u64, Error> {
        self.state().global.allocate(name, bytes, false)
    }

    /// Gives memory back. Its address is not used again soon, so that a later use is found.
    ///
    /// # Errors
    /// [`Error::Address`] where nothing was allocated at this address, or it was freed already.
    pub fn free(&self, address: u64) -> Result<(), Error> {
        self.state().global.release(address)
    }

    /// Copies to the device.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), Error> {
        self.state().global.write(address, bytes)
    }

    /// Copies from the device. What nothing wrote reads as it happens to be.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), Error> {
        self.state().global.read(address, bytes)
    }

    /// Copies within the device; what was not written stays unwritten.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn copy(&self, from: u64, to: u64, bytes: u64) -> Result<(), Error> {
        self.state().global.copy(from, to, bytes)
    }

    /// Sets `count` elements to a pattern of 1, 2 or 4 bytes.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn fill(&self, address: u64, pattern: &[u8], count: u64) -> Result<(), Error> {
        self.state().global.fill(address, pattern, count)
    }

    /// The buffer that an address is in: its name, where it begins, its size.
    #[must_use]
    pub fn buffer_at(&self, address: u64) -> Option<(String, u64, u64)> {
        self.state().global.buffer_at(address)
    }

    /// One more than the highest number that an allocation had so far.
    pub(crate) fn allocations(&self) -> usize {
        self.state().global.allocations()
    }

    /// The number of the allocation that an address is in.
    pub(crate) fn allocation_at(&self, address: u64) -> Option<u32> {
        self.state().global.allocation_at(address)
    }

    /// What was allocated and not freed, without the variables of modules.
    #[must_use]
    pub fn leaks(&self) -> Vec<Leak> {
        if self.options.checks.lifetime { self.state().global.leaks() } else { Vec::new() }
    }

    /// Loads a module.
    ///
    /// # Errors
    /// [`Error::Decode`], [`Error::Module`], [`Error::Memory`].
    pub fn load(self: &Arc<Self>, ptx: &str) -> Result<Arc<Module>, Error> {
        let decoded = decode(ptx)?;
        let mut variables = BTreeMap::new();
        let loaded =
            self.variables(&decoded, &mut variables).and_then(|()| self.programs(&decoded, ptx, &variables));
        match loaded {
            Ok(functions) => Ok(Arc::new(Module::new(Arc::clone(self), &decoded, variables, functions))),
            Err(error) => {
                let mut state = self.state();
                for address in variables.values() {
                    let _ = state.global.release(*address);
                }
                Err(error)
            }
        }
    }

    /// Puts the variables of a module into memory.
    fn variables(&self, decoded: &crate::ptx::Module, to: &mut BTreeMap<u32, u64>) -> Result<(), Error> {
        let mut state = self.state();
        let placed =
            |variable: &&crate::ptx::Variable| matches!(variable.space, Space::Global | Space::Const);
        let all = (0..).zip(&decoded.variables).filter(|(_, variable)| placed(variable));
        for (index, variable) in all.clone() {
            let bytes = variable.bytes.unwrap_or(0);
            let address = state.global.allocate(&variable.name, bytes, true)?;
            to.insert(index, address);
            // Variables without an initial value are zero (PTX ISA 9.0, section 5.4.4).
            state.global.fill(address, &[0], bytes)?;
            state.global.write(address, &variable.initial)?;
        }
        for (index, variable) in all {
            for (offset, name, addend, generic) in &variable.addresses {
                let target = (0..).zip(&decoded.variables).find(|(_, known)| known.name == *name);
                let address = target.and_then(|(number, known)| match known.space {
                    Space::Shared if *generic => None,
                    _ => to.get(&number),
                });
                let (Some(address), Some(begin)) = (address, to.get(&index)) else {
                    let problem =
                        format!("{} begins with the address of {name}, which has none", variable.name);
                    return Err(Error::Module { line: variable.line, problem });
                };
                let value = address.wrapping_add_signed(*addend).to_le_bytes();
                state.global.write(begin.wrapping_add(*offset), &value)?;
            }
        }
        Ok(())
    }

    /// The programs of all kernels of a module.
    fn programs(
        &self,
        decoded: &crate::ptx::Module,
        ptx: &str,
        variables: &BTreeMap<u32, u64>,
    ) -> Result<Vec<Function>, Error> {
        let text: Arc<str> = ptx.into();
        let mut state = self.state();
        let constants = (0..).zip(&decoded.variables).filter(|(_, known)| known.space == Space::Const);
        let const_bytes: u64 = constants.clone().filter_map(|(_, known)| known.bytes).sum();
        let read_only: Vec<u32> =
            constants.filter_map(|(index, _)| state.global.allocation_at(*variables.get(&index)?)).collect();
        let environment = exec::lower::Environment {
            module: decoded,
            text,
            addresses: variables,
            read_only: &read_only,
            level: self.options.level,
            coverage: self.options.coverage,
        };
        let mut functions = Vec::new();
        for (index, function) in decoded.functions.iter().enumerate() {
            if function.entry && function.body.is_some() {
                let program = exec::lower::lower(&environment, index)?;
                let parameters = exec::lower::parameters(decoded, function)?;
                state.functions += 1;
                functions.push(Function::new(state.functions, program, parameters, const_bytes));
            }
        }
        Ok(functions)
    }

    /// Whether the device takes a launch, without running it.
    ///
    /// # Errors
    /// The fault that [`Device::launch`] would give.
    pub fn check_launch(
        &self,
        function: &Function,
        launch: &Launch,
        parameter_bytes: usize,
    ) -> Result<(), Box<Fault>> {
        limit::check(&self.options, function, launch, parameter_bytes)
    }

    /// Launches a kernel and waits for it. `parameters` are the bytes of all parameters, each at its offset.
    ///
    /// # Errors
    /// [`Error::Fault`]. Memory is then as the kernel left it.
    pub fn launch(&self, function: &Function, launch: &Launch, parameters: &[u8]) -> Result<Report, Error> {
        self.launch_watched(function, launch, parameters, None)
    }

    /// The same, of a kernel that may not touch everything yet.
    pub(crate) fn launch_watched(
        &self,
        function: &Function,
        launch: &Launch,
        parameters: &[u8],
        watch: Option<&Watch<'_>>,
    ) -> Result<Report, Error> {
        self.check_launch(function, launch, parameters.len()).map_err(Error::Fault)?;
        let mut state = self.state();
        state.launches += 1;
        // Buffers of parameters that were read before they were written in an earlier launch.
        let buffer = |state: &State, index: u32| {
            let parameter = function.parameters().get(index as usize)?;
            let begin = parameter.offset as usize;
            let bytes: [u8; 8] = parameters.get(begin..begin + 8)?.try_into().ok()?;
            (parameter.bytes == 8).then(|| state.global.allocation_at(u64::from_le_bytes(bytes)))?
        };
        let known = state.hints.get(&function.number()).cloned().unwrap_or_default();
        let hints: Vec<u32> = known.iter().filter_map(|&index| buffer(&state, index)).collect();
        let plan = exec::Plan {
            program: function.program(),
            grid: launch.grid,
            block: launch.block,
            dynamic_shared: launch.shared,
            cooperative: launch.cooperative,
            parameters,
            number: state.launches,
            watch,
        };
        let done = exec::launch(&plan, &state.global, &self.options, &hints).map_err(Error::Fault)?;
        function.launched();
        for index in 0..function.parameters().len() as u32 {
            if !known.contains(&index)
                && buffer(&state, index).is_some_and(|number| done.hints.contains(&number))
            {
                state.hints.entry(function.number()).or_default().push(index);
            }
        }
        Ok(Report {
            warp_instructions: done.warp_instructions,
            lane_operations: done.lane_operations,
            shadow_bytes: done.totals.shadow_bytes,
            written_bytes: done.totals.written_bytes,
            printed: done.printed,
        })
    }

    /// What changes. A thread that panicked while it held this left memory whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
