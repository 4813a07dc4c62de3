//! `memory_safety`: a kernel reads only what was written, and stays inside its memory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, NeedsTolerance, Parameters};

/// Parameters of `memory_safety`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemorySafety {
    /// The op, such as `rmsnorm`.
    #[schemars(length(min = 1))]
    pub op: String,
    /// The kernels of the op to run. Left out, all of them.
    #[serde(default)]
    pub kernels: Vec<String>,
    /// At most so many cases of each kernel and storage format, spread evenly over all of them. Left out, all.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub cases: Option<u32>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "memory_safety",
    summary: "a kernel reads only what was written, and stays inside its memory",
    doc: "Launches each kernel of the op by itself on the virtual device, over shapes, storage formats and options, with\n\
          buffers of exactly the bytes it was promised and outputs that nothing has written. A fault of memory\n\
          falsifies the claim: an access outside a buffer or of freed memory, a misaligned one, a read of memory or\n\
          of a register that nothing wrote, a write to constants, a read through the read-only cache of what the\n\
          launch writes, a read of a copy that has not arrived, memory that is never freed. A fault of another\n\
          family is an error: the other claims name it.",
    example: "memory_safety:\n  op: rmsnorm\n  cases: 8\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::VIRTUAL,
    tier_note: "a launch a case, at some hundred million lane operations a second",
    schema: || schemars::schema_for!(MemorySafety),
};

impl Parameters for MemorySafety {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        &[]
    }

    fn op(&self) -> Option<&str> {
        Some(&self.op)
    }
}
