//! From text to typed instructions.
//!
//! | file | what |
//! |---|---|
//! | `module` | what a text declares: functions, variables, registers |
//! | `op` | instructions |
//! | `alu` | instructions that compute registers from registers |
//! | `types` | types, rounding, spaces |
//! | `lexer`, `number`, `cursor` | from characters to tokens |
//! | `parser`, `variable`, `debug` | a module, its variables, its lines of source |
//! | `function`, `names`, `operand` | the body of a function, its scopes, its operands |
//! | `instruction`, `types_text` | modifiers and operands of an instruction, checked |
//! | `family` | one file for each family of instructions, and the table of all |
//!
//! [`decode`] knows the instructions that NVRTC makes of CUDA C++ and of the toolkit's fp16, bf16 and fp8 headers, up
//! to those of sm_80 (and the conversions of sm_89 and sm_90). Whatever it does not know, down to a single modifier,
//! is refused with its line: nothing is skipped.

mod alu;
mod cursor;
mod debug;
mod family;
mod function;
mod instruction;
mod lexer;
mod module;
mod names;
mod number;
mod op;
mod operand;
mod parser;
mod types;
mod types_text;
mod variable;

pub use alu::{Alu, Approx, FloatClass, Mma, Prmt};
pub use module::{
    Function, Guard, Instruction, Location, Module, Register, RegisterId, Variable, VariableId,
};
pub use op::{Address, AtomicOp, BarrierReduction, CallOperand, Op, ShuffleMode, Source, Special, VoteMode};
pub use types::{Combine, Comparison, Order, Rounding, Scope, Space, Type};

/// What is wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("PTX line {line}: {problem}")]
pub struct DecodeError {
    /// The line, counted from 1.
    pub line: u32,
    /// What is wrong, what was found, and what is known instead.
    pub problem: String,
}

/// Decodes a module.
///
/// # Errors
/// Anything that it does not know.
pub fn decode(text: &str) -> Result<Module, DecodeError> {
    parser::module(text)
}
