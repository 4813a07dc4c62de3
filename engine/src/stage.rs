//! The canonical names of the stages of a forward pass.
//!
//! A stage is named by the Hugging Face path of the module that computes it, always beginning with `model.`
//! (only the language head is `lm_head`), or by a suffix in the same place where no module does
//! (`self_attn.q_rope`, `self_attn.probs`). Weights, reference, device, oracle and contracts use these names.

use std::fmt;

/// A kind of stage, as documentation and the linter know it.
#[derive(Debug, Clone, Copy)]
pub struct StageInfo {
    /// The name, with `{N}` for the layer and `{E}` for the expert.
    pub pattern: &'static str,
    /// Its axes, outermost first.
    pub shape: &'static str,
    /// What the value is.
    pub meaning: &'static str,
}

const fn info(pattern: &'static str, shape: &'static str, meaning: &'static str) -> StageInfo {
    StageInfo { pattern, shape, meaning }
}

const HIDDEN: &str = "[num_tokens, hidden_size]";
const QUERY: &str = "[num_tokens, num_attention_heads * head_dim]";
const KEY: &str = "[num_tokens, num_key_value_heads * head_dim]";
const Q_LATENT: &str = "[num_tokens, q_lora_rank]";
const KV_LATENT: &str = "[num_tokens, kv_lora_rank]";
const COMPRESSED: &str = "[num_tokens, kv_lora_rank + qk_rope_head_dim]";
const SCORES: &str = "[num_attention_heads, num_tokens, kv_len]";
const INTERMEDIATE: &str = "[num_tokens, intermediate_size]";
const EXPERTS: &str = "[num_tokens, num_experts]";
const ROUTED: &str = "[tokens of the expert, moe_intermediate_size]";
const ROUTED_HIDDEN: &str = "[tokens of the expert, hidden_size]";
const SHARED: &str = "[num_tokens, n_shared_experts * moe_intermediate_size]";

/// Every stage of a decoder, in the order of execution; those of one expert come one after the other.
pub static STAGES: &[StageInfo] = &[
    info("model.embed_tokens", HIDDEN, "rows of the embedding table"),
    info("model.layers.{N}.input_layernorm", HIDDEN, "norm before attention"),
    info(
        "model.layers.{N}.self_attn.q_a_matmul",
        Q_LATENT,
        "product down to the latent of queries before its bias; absent without a bias",
    ),
    info(
        "model.layers.{N}.self_attn.q_a_proj",
        Q_LATENT,
        "latent of queries, bias included; absent without q_lora_rank",
    ),
    info("model.layers.{N}.self_attn.q_a_layernorm", Q_LATENT, "norm of the latent of queries"),
    info(
        "model.layers.{N}.self_attn.q_b_proj",
        QUERY,
        "queries projected from their latent, each head with its rotary features last",
    ),
    info(
        "model.layers.{N}.self_attn.q_matmul",
        QUERY,
        "query product before its bias; absent without a bias",
    ),
    info("model.layers.{N}.self_attn.q_proj", QUERY, "query projection, bias included"),
    info("model.layers.{N}.self_attn.k_matmul", KEY, "key product before its bias; absent without a bias"),
    info("model.layers.{N}.self_attn.k_proj", KEY, "key projection, bias included"),
    info("model.layers.{N}.self_attn.v_matmul", KEY, "value product before its bias; absent without a bias"),
    info("model.layers.{N}.self_attn.v_proj", KEY, "value projection, bias included"),
    info(
        "model.layers.{N}.self_attn.q_norm",
        QUERY,
        "norm of each query head, where the architecture has one",
    ),
    info("model.layers.{N}.self_attn.k_norm", KEY, "norm of each key head, where the architecture has one"),
    info(
        "model.layers.{N}.self_attn.kv_a_matmul",
        COMPRESSED,
        "product down to the latent of keys and values before its bias; absent without a bias",
    ),
    info(
        "model.layers.{N}.self_attn.kv_a_proj_with_mqa",
        COMPRESSED,
        "latent of keys and values, then the rotary features that the keys of all heads share, bias included",
    ),
    info("model.layers.{N}.self_attn.kv_a_layernorm", KV_LATENT, "norm of the latent of keys and values"),
    info(
        "model.layers.{N}.self_attn.kv_b_proj",
        "[num_tokens, num_attention_heads * (qk_nope_head_dim + v_head_dim)]",
        "keys and values projected from their latent, the key of each head before its value",
    ),
    info(
        "model.layers.{N}.self_attn.q_rope",
        QUERY,
        "queries after the rotary embedding; in latent attention their rotary features alone, each pair where it was",
    ),
    info(
        "model.layers.{N}.self_attn.k_rope",
        KEY,
        "keys after the rotary embedding; in latent attention the rotary features that all heads share",
    ),
    info(
        "model.layers.{N}.self_attn.q_scaled",
        QUERY,
        "whole queries multiplied by what their position makes of them, where the architecture scales queries",
    ),
    info("model.layers.{N}.self_attn.scores", SCORES, "scaled dot products before the mask"),
    info("model.layers.{N}.self_attn.probs", SCORES, "softmax of the masked scores"),
    info(
        "model.layers.{N}.self_attn.context",
        "[num_tokens, num_attention_heads * v_head_dim]",
        "weighted values, the input of o_proj",
    ),
    info(
        "model.layers.{N}.self_attn.o_matmul",
        HIDDEN,
        "output product before its bias; absent without a bias",
    ),
    info("model.layers.{N}.self_attn.o_proj", HIDDEN, "output projection, bias included"),
    info("model.layers.{N}.attn_residual", HIDDEN, "residual stream after attention"),
    info("model.layers.{N}.post_attention_layernorm", HIDDEN, "norm before the MLP"),
    info(
        "model.layers.{N}.mlp.gate_matmul",
        INTERMEDIATE,
        "gate product before its bias; absent without a bias",
    ),
    info("model.layers.{N}.mlp.gate_proj", INTERMEDIATE, "gate projection, bias included"),
    info("model.layers.{N}.mlp.up_matmul", INTERMEDIATE, "up product before its bias; absent without a bias"),
    info("model.layers.{N}.mlp.up_proj", INTERMEDIATE, "up projection, bias included"),
    info("model.layers.{N}.mlp.act_fn", INTERMEDIATE, "activation of the gate"),
    info(
        "model.layers.{N}.mlp.act_and_mul",
        INTERMEDIATE,
        "activation of the gate times up, the input of down_proj",
    ),
    info("model.layers.{N}.mlp.down_matmul", HIDDEN, "down product before its bias; absent without a bias"),
    info("model.layers.{N}.mlp.down_proj", HIDDEN, "down projection, bias included"),
    info("model.layers.{N}.mlp.gate", EXPERTS, "router logits, in layers with a mixture of experts"),
    info(
        "model.layers.{N}.mlp.topk",
        EXPERTS,
        "what each expert counts for each token, zero where it was not chosen",
    ),
    info(
        "model.layers.{N}.mlp.experts.{E}.gate_proj",
        ROUTED,
        "gate projection of an expert, of the tokens sent to it in their order; absent where there are none",
    ),
    info("model.layers.{N}.mlp.experts.{E}.up_proj", ROUTED, "up projection of an expert"),
    info("model.layers.{N}.mlp.experts.{E}.act_fn", ROUTED, "activation of the gate of an expert"),
    info(
        "model.layers.{N}.mlp.experts.{E}.act_and_mul",
        ROUTED,
        "activation of the gate times up, the input of the down_proj of an expert",
    ),
    info("model.layers.{N}.mlp.experts.{E}.down_proj", ROUTED_HIDDEN, "down projection of an expert"),
    info("model.layers.{N}.mlp.experts", HIDDEN, "sum of what the experts of a token gave, weighed by topk"),
    info("model.layers.{N}.mlp.shared_experts.gate_proj", SHARED, "gate projection of the shared experts"),
    info("model.layers.{N}.mlp.shared_experts.up_proj", SHARED, "up projection of the shared experts"),
    info(
        "model.layers.{N}.mlp.shared_experts.act_fn",
        SHARED,
        "activation of the gate of the shared experts",
    ),
    info(
        "model.layers.{N}.mlp.shared_experts.act_and_mul",
        SHARED,
        "activation of the gate times up, the input of the down_proj of the shared experts",
    ),
    info("model.layers.{N}.mlp.shared_experts.down_proj", HIDDEN, "down projection of the shared experts"),
    info("model.layers.{N}.mlp", HIDDEN, "sum of routed and shared experts; absent without shared ones"),
    info("model.layers.{N}", HIDDEN, "residual stream after the layer"),
    info("model.norm", HIDDEN, "final norm"),
    info("lm_head", "[num_tokens, vocab_size]", "logits"),
];

/// The name of one stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StageName {
    layer: Option<usize>,
    expert: Option<usize>,
    name: &'static str,
}

impl StageName {
    /// A stage of the whole model, such as `model.norm`.
    #[must_use]
    pub const fn model(name: &'static str) -> Self {
        Self { layer: None, expert: None, name }
    }

    /// A stage of a layer, such as `self_attn.q_proj`; the empty name is the layer's own output.
    #[must_use]
    pub const fn layer(layer: usize, name: &'static str) -> Self {
        Self { layer: Some(layer), expert: None, name }
    }

    /// A stage of an expert of a layer, such as `mlp.experts.{E}.gate_proj`, with `{E}` where the expert's number stands.
    #[must_use]
    pub const fn expert(layer: usize, expert: usize, name: &'static str) -> Self {
        Self { layer: Some(layer), expert: Some(expert), name }
    }

    /// The layer it belongs to.
    #[must_use]
    pub const fn layer_index(&self) -> Option<usize> {
        self.layer
    }

    /// The expert it belongs to.
    #[must_use]
    pub const fn expert_index(&self) -> Option<usize> {
        self.expert
    }

    /// The part after the layer, or the whole name; with `{E}` for the number of an expert.
    #[must_use]
    pub const fn local(&self) -> &'static str {
        self.name
    }
}

impl fmt::Display for StageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.layer {
            None => return f.write_str(self.name),
            Some(layer) => write!(f, "model.layers.{layer}")?,
        }
        match self.expert.zip(self.name.split_once("{E}")) {
            Some((expert, (before, after))) => write!(f, ".{before}{expert}{after}"),
            None if self.name.is_empty() => Ok(()),
            None => write!(f, ".{}", self.name),
        }
    }
}

/// The layer that a canonical name belongs to, if it has one.
#[must_use]
pub fn layer_of(name: &str) -> Option<u32> {
    name.strip_prefix("model.layers.")?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_module_paths() {
        assert_eq!(StageName::model("lm_head").to_string(), "lm_head");
        assert_eq!(StageName::layer(3, "").to_string(), "model.layers.3");
        assert_eq!(StageName::layer(0, "mlp.act_fn").to_string(), "model.layers.0.mlp.act_fn");
        let expert = StageName::expert(1, 20, "mlp.experts.{E}.up_proj");
        assert_eq!(expert.to_string(), "model.layers.1.mlp.experts.20.up_proj");
        assert_eq!((expert.expert_index(), expert.local()), (Some(20), "mlp.experts.{E}.up_proj"));
        assert_eq!(layer_of("model.layers.12.mlp.act_fn"), Some(12));
        assert_eq!(layer_of("model.norm"), None);
    }

    #[test]
    fn patterns_are_unique() {
        let names: std::collections::BTreeSet<_> = STAGES.iter().map(|s| s.pattern).collect();
        assert_eq!(names.len(), STAGES.len());
    }
}
