//! `golden_output`: greedy generation gives the tokens that the oracle generated.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};
use crate::ids::Lane;

/// Parameters of `golden_output`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoldenOutput {
    /// The zoo models to run.
    pub model: ModelSet,
    /// What to generate from.
    #[schemars(length(min = 1))]
    pub cases: Vec<GoldenCase>,
    /// How many tokens to generate.
    #[schemars(range(min = 1))]
    pub max_tokens: u32,
    /// How often a fragment may repeat at the end of the output before it counts as a loop.
    #[serde(default = "eight")]
    #[schemars(range(min = 1))]
    pub max_repeats: u32,
}

/// One input, and the golden that holds the output. Without prompt and messages, the input is the
/// golden's token ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("not" = {"required": ["prompt", "messages"]}))]
pub struct GoldenCase {
    /// The golden, by name.
    #[schemars(length(min = 1))]
    pub golden: String,
    /// A text that is tokenized as it is.
    #[serde(default)]
    pub prompt: Option<String>,
    /// A conversation that goes through the chat template.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub messages: Option<Vec<Message>>,
    /// Tools that are offered to the chat template, as JSON.
    #[serde(default)]
    pub tools: Vec<serde_json::Value>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who speaks: `system`, `user`, `assistant`, or `tool`.
    #[schemars(length(min = 1))]
    pub role: String,
    /// What is said.
    pub content: String,
}

fn eight() -> u32 {
    8
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "golden_output",
    summary: "greedy generation gives the golden's tokens",
    doc: "Tokenizes each case, or renders its messages with the chat template, checks that the input ids\n\
          are the golden's, generates greedily, and compares token by token with the golden's output. A\n\
          choice that the truth's margin does not decide, by the derived tolerance, may fall either way. A\n\
          fragment that repeats in a row more than `max_repeats` times, and more often than in the golden,\n\
          falsifies the claim as a loop.",
    example: "golden_output:\n  model: qwen2-tiny\n  cases:\n    - {golden: fib, prompt: \"def fib(n):\"}\n    - golden: chat\n      messages: [{role: user, content: Hello}]\n  max_tokens: 16\n",
    needs_tolerance: NeedsTolerance::Required,
    tolerances: super::DERIVED,
    lanes: Lane::ALL,
    tier_note: "grows with `max_tokens`; more than 64 belongs in `long`",
    schema: || schemars::schema_for!(GoldenOutput),
};

impl Parameters for GoldenOutput {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }

    fn goldens(&self) -> Vec<&str> {
        self.cases.iter().map(|case| case.golden.as_str()).collect()
    }
}
