//! Real shapes with weights that are drawn on the device: how fast a model is does not depend on what its weights are,
//! and so a bench needs no file of many gigabytes.
//!
//! Configurations are those of the published checkpoints, field by field where the engine reads them; the two `tiny` ones
//! are wired as the large ones are, and small enough for the virtual device. Matrices are drawn with a variance of one over
//! their columns, so that activations keep their size from layer to layer. Of a shape that is too large for a device as a
//! whole, the first layers can be had alone.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kernels::seam::Seam;
use serde_json::Value;

use crate::config::{Config, ConfigError, ConfigProblem, LatentAttention, MixtureOfExperts, Raw};
use crate::error::EngineError;
use crate::loaded::Loaded;
use crate::models::configured;
use crate::weights::Drawn;

/// A real shape.
#[derive(Debug)]
pub struct Synthetic {
    /// What it is called.
    pub name: &'static str,
    /// Where its configuration is published.
    pub source: &'static str,
    /// The configuration, as in `config.json`.
    pub config: &'static str,
}

/// Every shape.
pub static SYNTHETIC: &[&Synthetic] = &[
    &Synthetic {
        name: "qwen2.5-0.5b",
        source: "huggingface.co/Qwen/Qwen2.5-0.5B-Instruct, config.json",
        config: r#"{"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 896,
            "intermediate_size": 4864, "max_position_embeddings": 32768, "num_attention_heads": 14,
            "num_hidden_layers": 24, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
            "tie_word_embeddings": true, "use_sliding_window": false, "vocab_size": 151936}"#,
    },
    &Synthetic {
        name: "qwen2.5-1.5b",
        source: "huggingface.co/Qwen/Qwen2.5-1.5B-Instruct, config.json",
        config: r#"{"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 1536,
            "intermediate_size": 8960, "max_position_embeddings": 32768, "num_attention_heads": 12,
            "num_hidden_layers": 28, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
            "tie_word_embeddings": true, "use_sliding_window": false, "vocab_size": 151936}"#,
    },
    &Synthetic {
        name: "qwen2.5-7b",
        source: "huggingface.co/Qwen/Qwen2.5-7B-Instruct, config.json",
        config: r#"{"architectures": ["Qwen2ForCausalLM"], "hidden_act": "silu", "hidden_size": 3584,
            "intermediate_size": 18944, "max_position_embeddings": 32768, "num_attention_heads": 28,
            "num_hidden_layers": 28, "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
            "tie_word_embeddings": false, "use_sliding_window": false, "vocab_size": 152064}"#,
    },
    &Synthetic {
        name: "llama-3-8b",
        source: "huggingface.co/meta-llama/Meta-Llama-3-8B, config.json",
        config: r#"{"architectures": ["LlamaForCausalLM"], "attention_bias": false, "hidden_act": "silu",
            "hidden_size": 4096, "intermediate_size": 14336, "max_position_embeddings": 8192,
            "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
            "rope_scaling": null, "rope_theta": 500000.0, "tie_word_embeddings": false, "vocab_size": 128256}"#,
    },
    &Synthetic {
        name: "qwen3-30b-a3b",
        source: "huggingface.co/Qwen/Qwen3-30B-A3B, config.json",
        config: r#"{"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "decoder_sparse_step": 1,
            "head_dim": 128, "hidden_act": "silu", "hidden_size": 2048, "intermediate_size": 6144,
            "max_position_embeddings": 40960, "mlp_only_layers": [], "moe_intermediate_size": 768,
            "norm_topk_prob": true, "num_attention_heads": 32, "num_experts": 128, "num_experts_per_tok": 8,
            "num_hidden_layers": 48, "num_key_value_heads": 4, "rms_norm_eps": 1e-06, "rope_scaling": null,
            "rope_theta": 1000000.0, "sliding_window": null, "tie_word_embeddings": false,
            "use_sliding_window": false, "vocab_size": 151936}"#,
    },
    &Synthetic {
        name: "mistral-small-4",
        source: "huggingface.co/mistralai/Mistral-Small-4-119B-2603, and the defaults of Mistral4Config of transformers",
        config: r#"{"architectures": ["Mistral4ForCausalLM"], "attention_bias": false, "first_k_dense_replace": 0,
            "hidden_act": "silu", "hidden_size": 4096, "intermediate_size": 12288, "kv_lora_rank": 256,
            "max_position_embeddings": 1048576, "moe_intermediate_size": 2048, "n_group": 1,
            "n_routed_experts": 128, "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 32,
            "num_experts_per_tok": 4, "num_hidden_layers": 36, "num_key_value_heads": 32, "q_lora_rank": 1024,
            "qk_nope_head_dim": 64, "qk_rope_head_dim": 64, "rms_norm_eps": 1e-06, "rope_interleave": true,
            "rope_parameters": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 128.0, "llama_4_scaling_beta": 0.1,
            "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 8192,
            "rope_theta": 10000.0, "rope_type": "yarn"}, "routed_scaling_factor": 1.0,
            "tie_word_embeddings": false, "topk_group": 1, "v_head_dim": 128, "vocab_size": 131072}"#,
    },
    &Synthetic {
        name: "tiny-qwen3-moe",
        source: "nowhere: wired as qwen3-30b-a3b is, and small enough for the virtual device",
        config: r#"{"architectures": ["Qwen3MoeForCausalLM"], "attention_bias": false, "decoder_sparse_step": 1,
            "head_dim": 16, "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 96,
            "max_position_embeddings": 64, "mlp_only_layers": [], "moe_intermediate_size": 32,
            "norm_topk_prob": true, "num_attention_heads": 4, "num_experts": 8, "num_experts_per_tok": 3,
            "num_hidden_layers": 3, "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0,
            "tie_word_embeddings": false, "vocab_size": 101}"#,
    },
    &Synthetic {
        name: "tiny-mistral4",
        source: "nowhere: wired as mistral-small-4 is, and small enough for the virtual device",
        config: r#"{"architectures": ["Mistral4ForCausalLM"], "attention_bias": false, "first_k_dense_replace": 0,
            "hidden_act": "silu", "hidden_size": 64, "intermediate_size": 96, "kv_lora_rank": 32,
            "max_position_embeddings": 256, "moe_intermediate_size": 32, "n_group": 1, "n_routed_experts": 8,
            "n_shared_experts": 1, "norm_topk_prob": true, "num_attention_heads": 2, "num_experts_per_tok": 2,
            "num_hidden_layers": 3, "num_key_value_heads": 2, "q_lora_rank": 24, "qk_nope_head_dim": 16,
            "qk_rope_head_dim": 16, "rms_norm_eps": 1e-06, "rope_interleave": true,
            "rope_parameters": {"beta_fast": 32.0, "beta_slow": 1.0, "factor": 8.0, "llama_4_scaling_beta": 0.1,
            "mscale": 1.0, "mscale_all_dim": 1.0, "original_max_position_embeddings": 32,
            "rope_theta": 10000.0, "rope_type": "yarn"}, "routed_scaling_factor": 1.0,
            "tie_word_embeddings": false, "topk_group": 1, "v_head_dim": 32, "vocab_size": 101}"#,
    },
];

/// The shape of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Synthetic> {
    SYNTHETIC.iter().find(|shape| shape.name == name).copied()
}

impl Synthetic {
    /// The model, with weights that follow from `seed`.
    ///
    /// # Errors
    /// A configuration that cannot be used.
    pub fn open(&self, seed: u32, seam: Arc<Seam>) -> Result<Loaded, EngineError> {
        self.opened(seed, None, seam)
    }

    /// The embedding table, the first `layers` layers, the last norm and the head; the weights are those that
    /// [`open`](Self::open) has under the same names.
    ///
    /// # Errors
    /// A configuration that cannot be used, and more layers than the shape has, or none.
    pub fn open_layers(&self, seed: u32, layers: usize, seam: Arc<Seam>) -> Result<Loaded, EngineError> {
        self.opened(seed, Some(layers), seam)
    }

    fn opened(&self, seed: u32, layers: Option<usize>, seam: Arc<Seam>) -> Result<Loaded, EngineError> {
        const LAYERS: &str = "num_hidden_layers";
        let all = Path::new("synthetic").join(self.name);
        let syntax =
            |problem: String| ConfigError { file: all.clone(), problem: ConfigProblem::Syntax(problem) };
        let mut object: serde_json::Map<String, Value> =
            serde_json::from_str(self.config).map_err(|error| syntax(error.to_string()))?;
        let mut name = all.clone();
        if let Some(layers) = layers {
            let raw = Raw::new(&all, &object);
            let most = raw.layers(LAYERS)?;
            if !(1..=most).contains(&layers) {
                let remedy = format!("the shape has {most} layers; ask for 1 to {most} of them");
                return Err(raw.invalid(LAYERS, layers, remedy).into());
            }
            name = all.join(format!("{layers}-of-{most}-layers"));
            object.insert(LAYERS.to_owned(), Value::from(layers));
        }
        let (architecture, config) = configured(&Raw::new(&name, &object), &seam)?;
        let weights = tensors(&config, seed);
        Ok(Loaded::drawn(&name, (architecture, config), weights, seam))
    }
}

/// A linear module: its name in a layer, its rows and columns, and whether it has a bias.
type Linear = (String, usize, usize, bool);

/// Every tensor of a checkpoint of this configuration, by its name, counted without looking at any plan: so a plan that
/// leaves one out is noticed as it is for a file.
fn tensors(config: &Config, seed: u32) -> BTreeMap<String, Drawn> {
    let hidden = config.hidden_size;
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("model.embed_tokens.weight".to_owned(), vec![config.vocab_size, hidden]),
        ("model.norm.weight".to_owned(), vec![hidden]),
    ];
    if !config.tie_word_embeddings {
        shapes.push(("lm_head.weight".to_owned(), vec![config.vocab_size, hidden]));
    }
    for layer in 0..config.num_hidden_layers {
        let name = |local: &str| format!("model.layers.{layer}.{local}");
        let mut norms = vec![("input_layernorm", hidden), ("post_attention_layernorm", hidden)];
        let mut linear = match &config.latent {
            None => grouped(config, &mut norms),
            Some(latent) => compressed(config, latent, &mut norms),
        };
        let fused = match config.mixture_of(layer) {
            None => {
                linear.extend(gated("mlp", [config.intermediate_size, hidden], config.mlp_bias));
                Vec::new()
            }
            Some(mixture) => mixed(config, mixture, &mut linear),
        };
        let norms = norms.into_iter().map(|(norm, features)| (format!("{norm}.weight"), vec![features]));
        shapes.extend(norms.chain(fused).map(|(local, shape)| (name(&local), shape)));
        for (module, rows, columns, biased) in linear {
            shapes.push((name(&format!("{module}.weight")), vec![rows, columns]));
            if biased {
                shapes.push((name(&format!("{module}.bias")), vec![rows]));
            }
        }
    }
    shapes.into_iter().map(|(name, shape)| (name.clone(), drawn(&name, shape, seed))).collect()
}

/// The linear modules of attention with grouped queries.
fn grouped(config: &Config, norms: &mut Vec<(&'static str, usize)>) -> Vec<Linear> {
    let hidden = config.hidden_size;
    let queries = config.num_attention_heads * config.head_dim;
    let keys = config.num_key_value_heads * config.head_dim;
    // Qwen2 has biases on query, key and value whatever its configuration says.
    let qwen2 = config.architecture == "qwen2";
    let (qkv_bias, o_bias) = (qwen2 || config.attention_bias, !qwen2 && config.attention_bias);
    // Heads of queries and keys are normed in Qwen3.
    if config.architecture.starts_with("qwen3") {
        norms.extend(["self_attn.q_norm", "self_attn.k_norm"].map(|norm| (norm, config.head_dim)));
    }
    vec![
        ("self_attn.q_proj".to_owned(), queries, hidden, qkv_bias),
        ("self_attn.k_proj".to_owned(), keys, hidden, qkv_bias),
        ("self_attn.v_proj".to_owned(), keys, hidden, qkv_bias),
        ("self_attn.o_proj".to_owned(), hidden, queries, o_bias),
    ]
}

/// The linear modules of attention over latents. Only those that read the residual stream, and the last, have biases.
fn compressed(
    config: &Config,
    latent: &LatentAttention,
    norms: &mut Vec<(&'static str, usize)>,
) -> Vec<Linear> {
    let (hidden, heads, biased) = (config.hidden_size, config.num_attention_heads, config.attention_bias);
    let (rank, keys, values) = (latent.kv_lora_rank, latent.qk_head_dim(), latent.v_head_dim);
    let rotated = latent.qk_rope_head_dim;
    norms.push(("self_attn.kv_a_layernorm", rank));
    let mut linear = vec![
        ("self_attn.kv_a_proj_with_mqa".to_owned(), rank + rotated, hidden, biased),
        ("self_attn.kv_b_proj".to_owned(), heads * (latent.qk_nope_head_dim + values), rank, false),
        ("self_attn.o_proj".to_owned(), hidden, heads * values, biased),
    ];
    match latent.q_lora_rank {
        None => linear.push(("self_attn.q_proj".to_owned(), heads * keys, hidden, false)),
        Some(q_lora_rank) => {
            norms.push(("self_attn.q_a_layernorm", q_lora_rank));
            linear.push(("self_attn.q_a_proj".to_owned(), q_lora_rank, hidden, biased));
            linear.push(("self_attn.q_b_proj".to_owned(), heads * keys, q_lora_rank, false));
        }
    }
    linear
}

/// The linear modules of a gated MLP.
fn gated(module: &str, [inner, hidden]: [usize; 2], biased: bool) -> [Linear; 3] {
    [
        (format!("{module}.gate_proj"), inner, hidden, biased),
        (format!("{module}.up_proj"), inner, hidden, biased),
        (format!("{module}.down_proj"), hidden, inner, biased),
    ]
}

/// The linear modules of a mixture of experts; and what is no module: experts that a checkpoint holds as two tensors of all
/// of them, gates above ups, as Mistral 4 does, and the bias of a router.
fn mixed(config: &Config, mixture: &MixtureOfExperts, linear: &mut Vec<Linear>) -> Vec<(String, Vec<usize>)> {
    let (hidden, inner) = (config.hidden_size, mixture.moe_intermediate_size);
    let experts = mixture.routing.num_experts;
    linear.push(("mlp.gate".to_owned(), experts, hidden, false));
    if mixture.shared_intermediate_size > 0 {
        linear.extend(gated("mlp.shared_experts", [mixture.shared_intermediate_size, hidden], false));
    }
    let mut others = Vec::new();
    if mixture.correction_bias {
        others.push(("mlp.gate.e_score_correction_bias".to_owned(), vec![experts]));
    }
    if config.architecture == "mistral4" {
        others.push(("mlp.experts.gate_up_proj".to_owned(), vec![experts, 2 * inner, hidden]));
        others.push(("mlp.experts.down_proj".to_owned(), vec![experts, hidden, inner]));
    } else {
        let each =
            (0..experts).flat_map(|expert| gated(&format!("mlp.experts.{expert}"), [inner, hidden], false));
        linear.extend(each);
    }
    others
}

/// How a tensor is drawn: matrices with a variance of one over their columns, a norm near one, a bias near zero.
fn drawn(name: &str, shape: Vec<usize>, seed: u32) -> Drawn {
    let (center, spread) = match *shape {
        // A uniform number from -s to s has the variance s^2 / 3.
        [.., _, columns] => (0.0, (3.0 / columns.max(1) as f64).sqrt()),
        _ if name.ends_with("bias") => (0.0, 0.125),
        _ => (1.0, 0.125),
    };
    let digest = blake3::hash(format!("{seed} {name}").as_bytes());
    let seed = digest.as_bytes().iter().take(4).fold(0, |seed, &byte| seed << 8 | u32::from(byte));
    Drawn { shape, seed, center, spread }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_have_the_published_numbers_of_parameters() {
        // As the model cards say, in billions: Qwen2.5 technical report (arXiv 2412.15115), Llama 3 (arXiv 2407.21783), Qwen3
        // technical report (arXiv 2505.09388); and Mistral Small 4, whose card says it in whole billions.
        let published = [
            ("qwen2.5-0.5b", 0.494, 0.0006),
            ("qwen2.5-1.5b", 1.544, 0.0006),
            ("qwen2.5-7b", 7.616, 0.0006),
            ("llama-3-8b", 8.030, 0.0006),
            ("qwen3-30b-a3b", 30.532, 0.0006),
            ("mistral-small-4", 119.0, 0.5),
            // By hand, layer by layer.
            ("tiny-qwen3-moe", 2e-9 * (101.0 * 64.0) + 1e-9 * (64.0 + 3.0 * 62_112.0), 1e-12),
            ("tiny-mistral4", 2e-9 * (101.0 * 64.0) + 1e-9 * (64.0 + 3.0 * 69_304.0), 1e-12),
        ];
        assert_eq!(published.len(), SYNTHETIC.len());
        for (name, billions, within) in published {
            let loaded = find(name).unwrap().open(1, Arc::new(Seam::empty())).unwrap();
            let found = loaded.weights().parameter_count() as f64 / 1e9;
            assert!((found - billions).abs() < within, "{name}: {found}");
            assert_eq!(loaded.weights().total_bytes(), 2 * loaded.weights().parameter_count());
            assert_eq!(loaded.activation_dtype(), kernels::Dtype::BF16);
        }
    }

    #[test]
    fn mistral_small_4_has_every_matrix_of_its_layers() {
        // Projections of queries and latents, o_proj, four norms, the router, 128 experts and one more for all tokens.
        let attention = 1024 * 4096 + 32 * 128 * 1024 + 320 * 4096 + 32 * 192 * 256 + 4096 * 32 * 128;
        let norms = 2 * 4096 + 1024 + 256;
        let layer: u64 = attention + norms + 128 * 4096 + (128 + 1) * 3 * 4096 * 2048;
        let open = |layers| {
            let shape = find("mistral-small-4").unwrap();
            shape.open_layers(1, layers, Arc::new(Seam::empty())).unwrap()
        };
        for layers in [1, 36] {
            let found = open(layers).weights().parameter_count();
            assert_eq!(found, layers as u64 * layer + 2 * 131_072 * 4096 + 4096);
        }
        // Every tensor of all experts has fewer elements than one launch draws.
        let loaded = open(2);
        assert!(loaded.weights().names().all(|name| loaded.weights().drawn(name).unwrap().count().is_some()));
    }

    #[test]
    fn the_first_layers_are_those_of_the_whole() {
        let shape = find("tiny-mistral4").unwrap();
        let seam = || Arc::new(Seam::empty());
        let (whole, first) = (shape.open(3, seam()).unwrap(), shape.open_layers(3, 2, seam()).unwrap());
        assert_eq!(first.config().num_hidden_layers, 2);
        assert_eq!(first.config().windows.len(), 2);
        let names: Vec<&str> = first.weights().names().collect();
        assert!(!names.is_empty() && !names.iter().any(|name| name.starts_with("model.layers.2.")));
        let left_out = whole.weights().names().filter(|name| !names.contains(name)).collect::<Vec<_>>();
        assert!(left_out.iter().all(|name| name.starts_with("model.layers.2.")) && !left_out.is_empty());
        for name in names {
            assert_eq!(first.weights().drawn(name), whole.weights().drawn(name), "{name}");
        }
        for layers in [0, 4] {
            let error = shape.open_layers(3, layers, seam()).err().unwrap().to_string();
            let expected = format!("`num_hidden_layers` is {layers}; the shape has 3 layers; ask for 1 to 3");
            assert!(error.contains(&expected) && error.contains("tiny-mistral4"), "{error}");
        }
    }

    #[test]
    fn tensors_differ_and_follow_from_the_seed() {
        let open = |seed| find("qwen2.5-0.5b").unwrap().open(seed, Arc::new(Seam::empty())).unwrap();
        let (one, two) = (open(1), open(2));
        let seed = |loaded: &Loaded, name: &str| loaded.weights().drawn(name).unwrap().seed;
        let names: Vec<&str> = one.weights().names().collect();
        let seeds: std::collections::BTreeSet<u32> = names.iter().map(|name| seed(&one, name)).collect();
        assert_eq!(seeds.len(), names.len());
        assert_eq!(seed(&one, names[0]), seed(&open(1), names[0]));
        assert_ne!(seed(&one, names[0]), seed(&two, names[0]));
        assert_ne!(one.digest(), two.digest());
    }
}
