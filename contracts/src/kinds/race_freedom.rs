//! `race_freedom`: no two threads of a kernel touch the same memory without an order between them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, NeedsTolerance, Parameters};

/// Parameters of `race_freedom`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RaceFreedom {
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
    name: "race_freedom",
    summary: "no two threads of a kernel touch the same memory without an order between them",
    doc: "Launches each kernel of the op by itself on the virtual device, over shapes, storage formats and options, and\n\
          follows which accesses are ordered: by program order, barriers, fences and atomics. Two accesses of\n\
          different threads to the same byte of shared or global memory, one of them a write, that nothing orders,\n\
          falsify the claim, whatever value was read. Whether memory was written before it is read is not looked at:\n\
          that is for `memory_safety`, and a race would often be seen as that first. A fault of another family is an\n\
          error.",
    example: "race_freedom:\n  op: rmsnorm\n  cases: 8\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::VIRTUAL,
    tier_note: "a launch a case, at some hundred million lane operations a second",
    schema: || schemars::schema_for!(RaceFreedom),
};

impl Parameters for RaceFreedom {
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
