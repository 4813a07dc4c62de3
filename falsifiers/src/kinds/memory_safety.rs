//! `memory_safety`: a kernel reads only what was written, and stays inside its memory.

use contracts::kinds::MemorySafety;

use super::{Case, of_op};
use crate::faults::{MEMORY, watched};

pub(super) fn cases(parameters: &MemorySafety) -> Vec<Case<'_>> {
    let MemorySafety { op, kernels, cases } = parameters;
    of_op("memory_safety", op, kernels, move |subject, group| watched(subject, group, *cases, &MEMORY))
}
