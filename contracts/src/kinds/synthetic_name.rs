//! The shapes that contracts can name in the place of a model.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A shape whose weights are drawn: a published one, or a small one that is wired as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SyntheticName {
    /// 24 layers of 896 features.
    #[serde(rename = "qwen2.5-0.5b")]
    Qwen2p5Half,
    /// 28 layers of 1,536 features.
    #[serde(rename = "qwen2.5-1.5b")]
    Qwen2p5OneAndHalf,
    /// 28 layers of 3,584 features.
    #[serde(rename = "qwen2.5-7b")]
    Qwen2p5Seven,
    /// 32 layers of 4,096 features.
    #[serde(rename = "llama-3-8b")]
    Llama3Eight,
    /// Qwen3-30B-A3B: a mixture of experts.
    #[serde(rename = "qwen3-30b-a3b")]
    Qwen3ThirtyA3,
    /// Mistral Small 4: latent attention and a mixture of experts; no device holds all of its layers.
    #[serde(rename = "mistral-small-4")]
    MistralSmall4,
    /// Wired as qwen3-30b-a3b, for the virtual device.
    #[serde(rename = "tiny-qwen3-moe")]
    TinyQwen3Moe,
    /// Wired as mistral-small-4, for the virtual device.
    #[serde(rename = "tiny-mistral4")]
    TinyMistral4,
}

impl SyntheticName {
    /// Every shape.
    pub const ALL: &'static [Self] = &[
        Self::Qwen2p5Half,
        Self::Qwen2p5OneAndHalf,
        Self::Qwen2p5Seven,
        Self::Llama3Eight,
        Self::Qwen3ThirtyA3,
        Self::MistralSmall4,
        Self::TinyQwen3Moe,
        Self::TinyMistral4,
    ];

    /// The shape as it is written in a contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qwen2p5Half => "qwen2.5-0.5b",
            Self::Qwen2p5OneAndHalf => "qwen2.5-1.5b",
            Self::Qwen2p5Seven => "qwen2.5-7b",
            Self::Llama3Eight => "llama-3-8b",
            Self::Qwen3ThirtyA3 => "qwen3-30b-a3b",
            Self::MistralSmall4 => "mistral-small-4",
            Self::TinyQwen3Moe => "tiny-qwen3-moe",
            Self::TinyMistral4 => "tiny-mistral4",
        }
    }
}
