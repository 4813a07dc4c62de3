//! Small kernels with a planted fault each, and their clean twins.
//!
//! | file | what |
//! |---|---|
//! | [`list`] | their texts |
//! | [`header`] | what the comments at the top of a text say: the fault, the launch, the parameters, the result |
//! | [`expected`] | what a clean twin computes |
//! | [`compile`] | from a text to PTX and machine code |

pub(crate) mod compile;
pub(crate) mod expected;
pub(crate) mod header;
pub(crate) mod list;

pub(crate) use header::{Case, Parameter, Twin};
