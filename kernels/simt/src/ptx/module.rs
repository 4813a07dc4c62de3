//! A module, as decoded.

use std::collections::BTreeMap;

use super::{Op, Space, Type};

/// What a text declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Module {
    /// `.version 9.0`.
    pub version: (u32, u32),
    /// `.target sm_90`: the number and what follows it (`sm_90a` is 90 with `a`).
    pub target: (u32, String),
    /// Source files by their number: `.file 1 "x.cu"`. NVRTC writes them at the end.
    pub files: BTreeMap<u32, String>,
    /// Variables outside functions: `.global`, `.const`, `.shared` (among them `.extern .shared`).
    pub variables: Vec<Variable>,
    /// Entry points and functions. A function that is only declared has no body.
    pub functions: Vec<Function>,
}

/// An entry point or a function.
#[derive(Debug, Clone, PartialEq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Whether it is a kernel.
    pub entry: bool,
    /// Its parameters, in order: indices into `variables`, with `space` [`Space::Param`].
    pub parameters: Vec<VariableId>,
    /// What it returns, likewise.
    pub returns: Vec<VariableId>,
    /// Its registers; scoped ones have a member each, so an index names exactly one register.
    pub registers: Vec<Register>,
    /// Parameters, and variables declared inside: `.shared`, `.local`, and `.param` of calls.
    pub variables: Vec<Variable>,
    /// Its instructions; `None` where it is only declared.
    pub body: Option<Vec<Instruction>>,
    /// `.maxntid`, where it is there.
    pub max_threads: Option<[u32; 3]>,
    /// `.reqntid`, where it is there.
    pub required_threads: Option<[u32; 3]>,
    /// The line of its name, counted from 1.
    pub line: u32,
}

/// A register, as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Register {
    /// Its name, with the `%`.
    pub name: String,
    /// Its declared type.
    pub ty: Type,
}

/// Index into [`Function::registers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RegisterId(pub u32);

/// Index into [`Function::variables`] or, from the other end, [`Module::variables`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VariableId {
    /// Of the function.
    Local(u32),
    /// Of the module.
    Module(u32),
}

/// Memory with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub space: Space,
    /// Alignment in bytes.
    pub align: u32,
    /// Size in bytes; `None` for `.extern .shared x[]`, whose size the launch says.
    pub bytes: Option<u64>,
    /// What it begins as, `bytes` long; zeros after what is given. Empty where nothing is given.
    pub initial: Vec<u8>,
    /// Addresses inside `initial` that are those of other variables: `(offset, name, addend, generic)`.
    pub addresses: Vec<(u64, String, i64, bool)>,
    /// The line of its name.
    pub line: u32,
}

/// An instruction of a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Instruction {
    /// It runs only where this predicate is true (or false, where `negated`).
    pub guard: Option<Guard>,
    /// What it does.
    pub op: Op,
    /// Its line in the text, counted from 1.
    pub line: u32,
    /// Where it comes from, as the last `.loc` before it says.
    pub source: Option<Location>,
}

/// `@%p1` or `@!%p1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// The predicate.
    pub register: RegisterId,
    /// Whether it runs where the predicate is false.
    pub negated: bool,
}

/// `.loc`: a line of source. Line 0 is written where the compiler knows none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Location {
    /// Number of the file.
    pub file: u32,
    /// Line, counted from 1.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// The line that the function was inlined at: `inlined_at 1 41 9`, as file and line.
    pub inlined_at: Option<(u32, u32)>,
}
