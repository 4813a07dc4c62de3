//! `plan_checks`: plans are built and checked for every target, without a device.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};
use crate::ids::Lane;

/// Parameters of `plan_checks`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanChecks {
    /// The zoo models to plan.
    pub model: ModelSet,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "plan_checks",
    summary: "plans stay within the limits of every target, and leave no stage and no kernel out",
    doc: "Builds the prefill and the decode plan of each model, fused and unfused, with the limits of every target,\n\
          for small extents and for the largest: 65,537 tokens, 256 sequences, a full context. The checks of the\n\
          plan must accept it: launch limits, shared memory, axes, sizes, buffers overwritten before their last\n\
          reader. Every stage that the reference announces is stored, or named as fused; every note says something;\n\
          and every kernel in the registry is launched by a plan of the listed models or is an op of its own.",
    example: "plan_checks:\n  model: [qwen2-tiny, micro/qwen3-dense]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: Lane::ALL,
    tier_note: "milliseconds; nothing is computed",
    schema: || schemars::schema_for!(PlanChecks),
};

impl Parameters for PlanChecks {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }
}
