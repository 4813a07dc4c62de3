//! `instruction_coverage`: the cases of an op run the instructions of its kernels.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, NeedsTolerance, Parameters};

/// Parameters of `instruction_coverage`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InstructionCoverage {
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
    /// The share of each kernel's instructions that must run, over everything that it was compiled to.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub at_least: f64,
    /// Why that much is enough, and what the rest is.
    #[schemars(length(min = 1))]
    pub because: String,
    /// Lines of source that no case can reach. Their instructions are not counted; one that runs falsifies the claim.
    #[serde(default)]
    pub unreachable: Vec<Unreachable>,
}

/// A line of source that no case can reach.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unreachable {
    /// What the line says, without the blanks around it: a number would soon be that of another line.
    #[schemars(length(min = 1))]
    pub line: String,
    /// Why nothing reaches it.
    #[schemars(length(min = 1))]
    pub because: String,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "instruction_coverage",
    summary: "the cases of an op run the instructions of its kernels",
    doc: "Launches each kernel of the op by itself on the virtual device, and counts which of its PTX instructions some\n\
          lane ran, over everything that the cases compile it to. Less than `at_least` of a kernel falsifies the\n\
          claim: what the cases do not run they cannot judge. Lines of source of which no instruction ever ran are\n\
          listed with the result, whatever the share is.",
    example: "instruction_coverage:\n  op: rmsnorm\n  at_least: 0.95\n  because: the rest guards rows that no launch has\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::VIRTUAL,
    tier_note: "a launch a case, at some hundred million lane operations a second",
    schema: || schemars::schema_for!(InstructionCoverage),
};

impl Parameters for InstructionCoverage {
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
