//! From instructions to a program, and the warps that run it.
//!
//! | file | what |
//! |---|---|
//! | `program` | a program: what the warps of a kernel run |
//! | `lower` | from a decoded module to programs |
//! | `grid` | a launch: its blocks, on the threads of the host |
//! | `block` | the warps of a block, one after the other |
//! | `warp` | a warp: its registers, and where its lanes are |
//! | `run`, `step` | runs a warp until it must wait |
//! | `core` | what the warps of a block share |
//! | `reach` | checks of an access: its space, what is there, and who else was |
//! | `access`, `copy`, `atomic`, `matrix`, `vote`, `print` | instructions that are more than arithmetic |
//! | `barrier` | barriers of a block |

mod access;
mod atomic;
mod barrier;
mod block;
mod copy;
mod core;
mod grid;
pub(crate) mod lower;
mod matrix;
mod print;
pub(crate) mod program;
mod reach;
mod run;
mod step;
mod values;
mod vote;
mod warp;

pub(crate) use grid::{Plan, launch};
