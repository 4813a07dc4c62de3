//! `sync_safety`: the threads of a kernel meet where they say that they meet, and come to an end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, NeedsTolerance, Parameters};

/// Parameters of `sync_safety`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncSafety {
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
    name: "sync_safety",
    summary: "the threads of a kernel meet where they say that they meet, and come to an end",
    doc: "Launches each kernel of the op by itself on the virtual device, over shapes, storage formats and options. A\n\
          fault of synchronisation falsifies the claim: a shuffle or vote whose mask names lanes that are not there,\n\
          a shuffle from a lane outside its mask, a barrier that some threads of a warp or block do not reach, a\n\
          barrier with a wrong number or count, threads that wait for each other, a block that never ends. Races,\n\
          and memory that nothing has written, are not looked at here: they would often be seen first. A fault of\n\
          another family is an error.",
    example: "sync_safety:\n  op: rmsnorm\n  cases: 8\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::VIRTUAL,
    tier_note: "a launch a case, at some hundred million lane operations a second",
    schema: || schemars::schema_for!(SyncSafety),
};

impl Parameters for SyncSafety {
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
