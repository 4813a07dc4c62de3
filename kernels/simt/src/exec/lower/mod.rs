//! From a decoded module to programs.
//!
//! | file | what |
//! |---|---|
//! | `layout` | where variables lie: parameters, shared, local, module memory |
//! | `frame` | registers and variables of a function at one place where it is called |
//! | `emit` | control, and the list of instructions |
//! | `call` | calls: the function in place of the call |
//! | `translate`, `operands` | one instruction at a time |
//! | `slots` | slots for registers and numbers, and places for variables |
//! | `widths` | which operands have 64 bits |
//! | `written` | which registers may be read before they are written |
//!
//! Functions are put in place of their calls: then a program has one list of instructions, and the order of their
//! numbers is a fair order to bring lanes together in. Recursion is refused.

mod call;
mod emit;
mod frame;
mod layout;
mod operands;
mod slots;
mod translate;
mod widths;
mod written;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::program::Program;
use crate::alu::Level;
use crate::device::Error;
use crate::ptx::Module;
use emit::Emitter;

pub(crate) use layout::parameters;

/// Instructions that a program may have, calls resolved.
pub(super) const MOST_INSTRUCTIONS: usize = 1 << 20;

/// What a program is made for.
pub(crate) struct Environment<'a> {
    /// The module.
    pub(crate) module: &'a Module,
    /// Its text.
    pub(crate) text: Arc<str>,
    /// Addresses of its `.global` and `.const` variables, by their index.
    pub(crate) addresses: &'a BTreeMap<u32, u64>,
    /// Numbers of the allocations of its `.const` variables.
    pub(crate) read_only: &'a [u32],
    /// Instructions of the host.
    pub(crate) level: Level,
    /// Whether it is recorded which instructions ran.
    pub(crate) coverage: bool,
}

/// What is wrong with a program, and the line.
pub(super) fn refused(line: u32, problem: impl Into<String>) -> Error {
    Error::Module { line, problem: problem.into() }
}

/// The program of a kernel: the function of this index.
pub(crate) fn lower(environment: &Environment<'_>, index: usize) -> Result<Program, Error> {
    let mut emitter = Emitter::new(environment, index)?;
    emitter.run()?;
    let (mut program, notes) = emitter.finish();
    if !written::watch(&mut program, &notes) {
        let problem =
            "so many jumps and registers that it cannot be told which are written before they are read";
        return Err(refused(1, problem));
    }
    if environment.coverage {
        program.entered = program.code.iter().map(|_| AtomicBool::new(false)).collect();
    }
    Ok(program)
}
