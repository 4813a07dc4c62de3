//! What is decoded, to what; what is refused, and why; and that no text whatever makes it panic.

mod forms;
mod hostile;
mod modules;

use super::{DecodeError, Function, Module, decode};

/// Declarations that the instructions of tests use.
const AROUND: &str = "\
.extern .func (.param .b32 r) callee (.param .b32 a, .param .b64 b);
.global .align 16 .b8 g[64];
.const .align 16 .b8 c[64];
.visible .entry k(.param .u64 p, .param .u32 q)
{
.reg .pred p<9>; .reg .b16 h<9>; .reg .b32 r<9>; .reg .b64 d<9>; .reg .f32 f<9>; .reg .f64 e<9>;
.reg .u16 uh<3>; .reg .s32 s<3>; .reg .f16 fh<3>; .reg .f16x2 fx<3>; .reg .u32 u<5>; .reg .u64 ud<3>; .reg .b8 b<3>;
.shared .align 16 .b8 sh[64]; .local .align 16 .b8 lo[64]; .param .b32 pa; .param .b64 pb; .param .b32 pr;
";

fn module(text: &str) -> Result<Module, DecodeError> {
    decode(&format!(".version 9.0\n.target sm_90\n.address_size 64\n{text}"))
}

/// A kernel with one line inside.
fn kernel(line: &str) -> Result<Function, DecodeError> {
    let mut decoded = module(&format!("{AROUND}{line}\nL:\nret;\n}}\n"))?;
    Ok(decoded.functions.pop().expect("the kernel comes last"))
}

/// The problem of a text that is refused.
fn problem(text: &str) -> String {
    match module(text) {
        Ok(found) => panic!("`{text}` is taken: {found:?}"),
        Err(error) => format!("{}: {}", error.line, error.problem),
    }
}
