//! `stage_parity`: every stage of the device stays as close to the truth as honest arithmetic does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters, every_stage};

/// Parameters of `stage_parity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StageParity {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// How stages are judged. Left out, both ways.
    #[serde(default = "both_verdicts")]
    #[schemars(length(min = 1))]
    pub verdicts: Vec<VerdictName>,
    /// The plans to run. Left out, both.
    #[serde(default = "both_phases")]
    #[schemars(length(min = 1))]
    pub phases: Vec<PhaseName>,
    /// Globs over canonical stage names. Left out, every stage.
    #[serde(default = "every_stage")]
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub stages: Vec<String>,
}

/// How the stages of a device are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictName {
    /// Everything upstream ran on the device too.
    Cumulative,
    /// Each stage is fed the values of an honest run.
    Isolated,
}

/// A plan of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhaseName {
    /// Many new tokens at once.
    Prefill,
    /// One new token at a time, after a prefill of all others.
    Decode,
}

fn both_verdicts() -> Vec<VerdictName> {
    vec![VerdictName::Cumulative, VerdictName::Isolated]
}

fn both_phases() -> Vec<PhaseName> {
    vec![PhaseName::Prefill, PhaseName::Decode]
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "stage_parity",
    summary: "every stage of the device stays as close to the truth as honest arithmetic does",
    doc: "Runs each prompt on the device and reads every stage that the plan stores. The truth is the f64\n\
          reference; the limit of a stage is `factor` times how far the worst of 8 honest runs lands from it.\n\
          Cumulative: the whole run. Isolated: device, truth and honest runs are fed the same values, those of\n\
          one honest run, at every stage, so that each step answers for itself. A stage of the reference that\n\
          the plan neither stores nor names as fused falsifies the claim, as does a plan that is refused.",
    example: "stage_parity:\n  model: qwen2-tiny\n  prompts: [fib, chat]\n  verdicts: [cumulative, isolated]\n",
    needs_tolerance: NeedsTolerance::Required,
    tolerances: super::DERIVED,
    lanes: super::DEVICES,
    tier_note: "one run on the device and 18 on the processor for each verdict and phase; long prompts belong in `long`",
    schema: || schemars::schema_for!(StageParity),
};

impl Parameters for StageParity {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }

    fn goldens(&self) -> Vec<&str> {
        super::strings(&self.prompts)
    }

    fn stages(&self) -> &[String] {
        &self.stages
    }
}
