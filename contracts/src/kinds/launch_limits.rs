//! `launch_limits`: every launch of a plan is one that every target takes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `launch_limits`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LaunchLimits {
    /// The zoo models whose plans are launched.
    pub model: ModelSet,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "launch_limits",
    summary: "every launch of a plan is one that every target takes, with its kernel as compiled for that target",
    doc: "Builds the prefill and the decode plan of each model for every target, compiles their kernels for it, loads\n\
          them on a virtual device of that kind, and has it check every launch, from one token to 65,537 tokens,\n\
          256 sequences and a full context, without running it. Unlike `plan_checks` it knows what a kernel takes\n\
          itself: the shared memory that it declares, the threads that it was compiled for, its parameters. A launch\n\
          that a target would refuse falsifies the claim.",
    example: "launch_limits:\n  model: qwen2-tiny\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::VIRTUAL,
    tier_note: "seconds to compile for every target the first time; nothing is computed",
    schema: || schemars::schema_for!(LaunchLimits),
};

impl Parameters for LaunchLimits {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }
}
