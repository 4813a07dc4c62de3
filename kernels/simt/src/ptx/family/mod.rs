//! One file for each family of instructions, and the table that finds them.
//!
//! | file | what |
//! |---|---|
//! | `arithmetic` | `add` to `neg`: of integers and of floats |
//! | `integer` | of integers alone: bits counted, found, inserted; carries; dot products |
//! | `logic` | of bits: and, shifts, `lop3`, `prmt` |
//! | `float` | of floats alone: fma, division, roots, approximations |
//! | `compare` | `setp`, `set`, `selp`, `slct` |
//! | `convert` | `cvt` |
//! | `moves` | `mov`, `cvta`, `isspacep` |
//! | `memory` | `ld`, `st`, prefetches |
//! | `atomic` | `atom`, `red` |
//! | `matrix` | `mma`, `ldmatrix` and its like |
//! | `copy` | `cp.async` |
//! | `control` | branches, calls, ends |
//! | `sync` | barriers and fences |
//! | `warp` | shuffles, votes and their like |

mod arithmetic;
mod atomic;
mod compare;
mod control;
mod convert;
mod copy;
mod float;
mod integer;
mod logic;
mod matrix;
mod memory;
mod moves;
mod sync;
mod table;
mod warp;

use super::instruction::{Checked, Inst};
use super::{Op, Rounding};

/// Decodes an instruction.
///
/// # Errors
/// Anything that is not known; the message says what is.
pub(super) fn decode(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let Some(form) = table::find(inst.name) else { return Err(table::refusal(inst.name)) };
    let decoded = (form.decode)(inst).and_then(|op| inst.finish().map(|()| op));
    decoded.map_err(|problem| format!("{problem}; known: {}", form.syntax))
}

/// The roundings of floats.
const ROUNDINGS: [(&str, Rounding); 4] =
    [("rn", Rounding::Nearest), ("rz", Rounding::Zero), ("rm", Rounding::Down), ("rp", Rounding::Up)];
