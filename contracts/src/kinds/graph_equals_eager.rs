//! `graph_equals_eager`: a replayed graph computes the bits of its steps launched one by one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KindInfo, ModelSet, NeedsTolerance, Parameters};

/// Parameters of `graph_equals_eager`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GraphEqualsEager {
    /// The zoo models to run.
    pub model: ModelSet,
    /// The goldens whose token ids are run, by name.
    #[schemars(length(min = 1), inner(length(min = 1)))]
    pub prompts: Vec<String>,
    /// How many sequences are decoded together, one batch after the other in one process.
    #[schemars(length(min = 1), inner(range(min = 1, max = 256)))]
    pub batches: Vec<u32>,
}

pub(super) const INFO: KindInfo = KindInfo {
    name: "graph_equals_eager",
    summary: "a replayed graph gives the bits of its steps launched one by one",
    doc: "Decodes several tokens of each batch, as replays of a graph and as launches, with fused and unfused plans, and\n\
          compares the logits bit by bit; so a graph that baked in a position or a pointer of an earlier run falsifies\n\
          the claim. Then it decodes one token three times from the same state: launched, replayed, and replayed again;\n\
          keys, values and everything between steps are put back before each, and every buffer is compared bit by bit.\n\
          Last, the device decodes by itself, and has to choose the tokens that the host would from the logits.\n\
          A graph that cannot be made, or that has another number of nodes than the plan has steps, falsifies too.",
    example: "graph_equals_eager:\n  model: qwen2-tiny\n  prompts: [fib]\n  batches: [4, 1]\n",
    needs_tolerance: NeedsTolerance::Forbidden,
    tolerances: &[],
    lanes: super::DEVICES,
    tier_note: "four models on the device for each prompt, and a dozen decode steps of each batch",
    schema: || schemars::schema_for!(GraphEqualsEager),
};

impl Parameters for GraphEqualsEager {
    fn info(&self) -> &'static KindInfo {
        &INFO
    }

    fn models(&self) -> &[String] {
        self.model.names()
    }

    fn goldens(&self) -> Vec<&str> {
        super::strings(&self.prompts)
    }
}
