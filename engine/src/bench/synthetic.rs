//! Real shapes with weights that are drawn on the device: how fast a model is does not depend on what its weights are,
//! and so a bench needs no file of many gigabytes.
//!
//! Configurations are those of the published checkpoints, field by field where the engine reads them. Matrices are drawn
//! with a variance of one over their columns, so that activations keep their size from layer to layer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use kernels::seam::Seam;

use crate::config::{Config, ConfigError, ConfigProblem, Raw};
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
        let name = Path::new("synthetic").join(self.name);
        let object = serde_json::from_str(self.config).map_err(|error| ConfigError {
            file: name.clone(),
            problem: ConfigProblem::Syntax(error.to_string()),
        })?;
        let (architecture, config) = configured(&Raw::new(&name, &object), &seam)?;
        let weights = tensors(&config, seed);
        Ok(Loaded::drawn(&name, (architecture, config), weights, seam))
    }
}

/// Every tensor of a checkpoint of this configuration, by its name, counted without looking at any plan: so a plan that
/// leaves one out is noticed as it is for a file.
fn tensors(config: &Config, seed: u32) -> BTreeMap<String, Drawn> {
    let (hidden, inner) = (config.hidden_size, config.intermediate_size);
    let queries = config.num_attention_heads * config.head_dim;
    let keys = config.num_key_value_heads * config.head_dim;
    // Qwen2 has biases on query, key and value whatever its configuration says.
    let qwen2 = config.architecture == "qwen2";
    let (qkv_bias, o_bias) = (qwen2 || config.attention_bias, !qwen2 && config.attention_bias);
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("model.embed_tokens.weight".to_owned(), vec![config.vocab_size, hidden]),
        ("model.norm.weight".to_owned(), vec![hidden]),
    ];
    if !config.tie_word_embeddings {
        shapes.push(("lm_head.weight".to_owned(), vec![config.vocab_size, hidden]));
    }
    for layer in 0..config.num_hidden_layers {
        let name = |local: &str| format!("model.layers.{layer}.{local}");
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            shapes.push((name(&format!("{norm}.weight")), vec![hidden]));
        }
        // Heads of queries and keys are normed in Qwen3.
        if config.architecture.starts_with("qwen3") {
            for norm in ["self_attn.q_norm", "self_attn.k_norm"] {
                shapes.push((name(&format!("{norm}.weight")), vec![config.head_dim]));
            }
        }
        let mut linear = vec![
            ("self_attn.q_proj".to_owned(), queries, hidden, qkv_bias),
            ("self_attn.k_proj".to_owned(), keys, hidden, qkv_bias),
            ("self_attn.v_proj".to_owned(), keys, hidden, qkv_bias),
            ("self_attn.o_proj".to_owned(), hidden, queries, o_bias),
        ];
        let mut mlp = |module: &str, inner: usize, biased: bool| {
            linear.push((format!("{module}.gate_proj"), inner, hidden, biased));
            linear.push((format!("{module}.up_proj"), inner, hidden, biased));
            linear.push((format!("{module}.down_proj"), hidden, inner, biased));
        };
        match config.mixture_of(layer) {
            None => mlp("mlp", inner, config.mlp_bias),
            Some(mixture) => {
                for expert in 0..mixture.routing.num_experts {
                    mlp(&format!("mlp.experts.{expert}"), mixture.moe_intermediate_size, false);
                }
                linear.push(("mlp.gate".to_owned(), mixture.routing.num_experts, hidden, false));
            }
        }
        for (module, rows, columns, biased) in linear {
            shapes.push((name(&format!("{module}.weight")), vec![rows, columns]));
            if biased {
                shapes.push((name(&format!("{module}.bias")), vec![rows]));
            }
        }
    }
    shapes.into_iter().map(|(name, shape)| (name.clone(), drawn(&name, shape, seed))).collect()
}

/// How a tensor is drawn: a matrix with a variance of one over its columns, a norm near one, a bias near zero.
fn drawn(name: &str, shape: Vec<usize>, seed: u32) -> Drawn {
    let (center, spread) = match *shape {
        // A uniform number from -s to s has the variance s^2 / 3.
        [_, columns] => (0.0, (3.0 / columns.max(1) as f64).sqrt()),
        _ if name.ends_with(".bias") => (0.0, 0.125),
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
        // technical report (arXiv 2505.09388).
        let published = [
            ("qwen2.5-0.5b", 0.494),
            ("qwen2.5-1.5b", 1.544),
            ("qwen2.5-7b", 7.616),
            ("llama-3-8b", 8.030),
            ("qwen3-30b-a3b", 30.532),
        ];
        assert_eq!(published.len(), SYNTHETIC.len());
        for (name, billions) in published {
            let loaded = find(name).unwrap().open(1, Arc::new(Seam::empty())).unwrap();
            let found = loaded.weights().parameter_count() as f64 / 1e9;
            assert!((found - billions).abs() < 0.0006, "{name}: {found}");
            assert_eq!(loaded.weights().total_bytes(), 2 * loaded.weights().parameter_count());
            assert_eq!(loaded.activation_dtype(), kernels::Dtype::BF16);
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
