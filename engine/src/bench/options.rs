//! How much is measured, and in which ways.

use serde::Serialize;

use crate::config::Config;
use crate::device::OptionsError;

/// A way to launch the steps of a decode run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// One launch after the other, of the plan as it is written.
    EagerUnfused,
    /// One launch after the other, of the fused plan.
    EagerFused,
    /// Replays of a graph of the plan as it is written.
    GraphUnfused,
    /// Replays of a graph of the fused plan, each node after the end of the one before.
    GraphInOrder,
    /// Replays of a graph of the fused plan, where nodes that wait by themselves may start early.
    GraphFused,
}

impl Way {
    /// All of them; a later one is the one that is judged.
    pub const ALL: [Self; 5] =
        [Self::EagerUnfused, Self::EagerFused, Self::GraphUnfused, Self::GraphInOrder, Self::GraphFused];

    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EagerUnfused => "eager, unfused",
            Self::EagerFused => "eager, fused",
            Self::GraphUnfused => "graph, unfused",
            Self::GraphInOrder => "graph, fused, in order",
            Self::GraphFused => "graph, fused",
        }
    }

    /// Whether it replays a graph.
    #[must_use]
    pub const fn graph(self) -> bool {
        matches!(self, Self::GraphUnfused | Self::GraphInOrder | Self::GraphFused)
    }

    /// Whether a node of its graph may start before the one before has ended.
    #[must_use]
    pub const fn programmatic(self) -> bool {
        matches!(self, Self::GraphFused)
    }

    /// Whether the plan is fused.
    #[must_use]
    pub const fn fused(self) -> bool {
        matches!(self, Self::EagerFused | Self::GraphInOrder | Self::GraphFused)
    }

    /// Its place in [`Self::ALL`].
    pub(super) const fn rank(self) -> usize {
        self as usize
    }
}

/// How much is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Options {
    /// Tokens of a prefill; 0 for 2,048, or what the context has.
    pub prompt: usize,
    /// Tokens before the first one that is decoded; 0 for 128, or what the prompt has.
    pub depth: usize,
    /// Tokens that are decoded each time.
    pub steps: usize,
    /// How often everything is measured, after one time that does not count.
    pub repeats: usize,
    /// Which ways to decode.
    pub ways: Vec<Way>,
    /// Whether a prefill is measured.
    pub prefill: bool,
    /// Whether each kernel of the judged way is measured.
    pub kernels: bool,
    /// Whether it is measured what looking at stages costs.
    pub taps: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            prompt: 0,
            depth: 0,
            steps: 128,
            repeats: 5,
            ways: Way::ALL.to_vec(),
            prefill: true,
            kernels: false,
            taps: false,
        }
    }
}

/// Tokens of a page, and so what a sequence may need more than it has tokens.
const PAGE: usize = 16;

impl Options {
    /// With everything in place.
    pub(super) fn resolved(&self, config: &Config) -> Result<Self, OptionsError> {
        let context = config.max_position_embeddings;
        let most = context.saturating_sub(2 * PAGE).max(1);
        let or = |asked: usize, else_: usize| if asked == 0 { else_ } else { asked };
        let prompt = or(self.prompt, 2048.min(most));
        let depth = or(self.depth, 128.min(prompt));
        let found = Self { prompt, depth, ..self.clone() };
        let (value, largest) = (found.steps.min(found.repeats), i32::MAX as usize);
        if value == 0 {
            let field = if found.steps == 0 { "steps" } else { "repeats" };
            return Err(OptionsError::Size { field, value, largest });
        }
        if found.longest() > context {
            return Err(OptionsError::BeyondContext { max_kv: found.longest(), longest: context });
        }
        Ok(found)
    }

    /// The longest sequence, with a page for what adopting a prefix copies and one for what is not a whole page.
    pub(super) fn longest(&self) -> usize {
        self.prompt.max(self.depth.saturating_add(self.steps)).saturating_add(2 * PAGE)
    }
}
