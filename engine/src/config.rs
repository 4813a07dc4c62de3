//! `config.json`, by the names and meanings that Hugging Face transformers gives its fields.
//!
//! [`Raw`] reads single fields with errors that name file, field, value and remedy. [`Config`] is what the
//! reference and the device side share; `models/<arch>/mod.rs` makes one from the other.

use kernels::rope;
use kernels::seam::Point;
use serde_json::Value;

mod latent;
mod mixture;
mod raw;

pub use latent::{LatentAttention, Rotary, latent};
pub use mixture::MixtureOfExperts;
use raw::DEFAULT_WINDOW;
pub use raw::{ConfigError, ConfigProblem, Raw, read_object};

/// The configuration of a decoder.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Canonical name of the architecture, a member of [`crate::models::MODELS`].
    pub architecture: &'static str,
    /// Rows of the embedding table.
    pub vocab_size: usize,
    /// Features of the residual stream.
    pub hidden_size: usize,
    /// Features inside a dense MLP.
    pub intermediate_size: usize,
    /// Number of decoder layers.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; divides the query heads.
    pub num_key_value_heads: usize,
    /// Features of a query or key head; `hidden_size / num_attention_heads` unless the file says otherwise.
    pub head_dim: usize,
    /// Epsilon of every norm.
    pub rms_norm_eps: f64,
    /// The rotary embedding.
    pub rope: rope::Parameters,
    /// The longest sequence.
    pub max_position_embeddings: usize,
    /// Whether the language head is the embedding table.
    pub tie_word_embeddings: bool,
    /// Whether the file asks for biases in the attention projections.
    pub attention_bias: bool,
    /// Whether the file asks for biases in the MLP projections.
    pub mlp_bias: bool,
    /// For each layer, how many keys back a query sees; `None` is all of them.
    pub windows: Vec<Option<usize>>,
    /// The latent attention, where the architecture has one in place of grouped queries.
    pub latent: Option<LatentAttention>,
    /// Layers after the last that predict further tokens; no forward pass computes them.
    pub num_nextn_predict_layers: usize,
    /// The mixture of experts, where the architecture has one.
    pub mixture: Option<MixtureOfExperts>,
    /// Tokens that end a generation.
    pub eos_token_ids: Vec<u32>,
}

impl Config {
    /// The mixture of experts of a layer; `None` where its MLP is dense.
    #[must_use]
    pub fn mixture_of(&self, layer: usize) -> Option<&MixtureOfExperts> {
        self.mixture.as_ref().filter(|mixture| mixture.sparse.get(layer).is_some_and(|&sparse| sparse))
    }
}

/// Where a mutant can rewrite the configuration.
#[derive(Debug)]
pub struct ConfigPoint;

impl Point for ConfigPoint {
    const NAME: &'static str = "config";
    type Value<'a> = Config;
}

/// The base that transformers takes where a file names none, as the first Llama checkpoints do.
const DEFAULT_THETA: f64 = 10_000.0;

/// The largest epsilon of a norm; usual ones are a hundred thousand times smaller.
const LARGEST_EPSILON: f64 = 1.0;

/// The epsilon of the norms. A large one would drown the activations without a word.
fn epsilon(raw: &Raw<'_>, field: &str) -> Result<f64, ConfigError> {
    match raw.positive(field)? {
        epsilon if epsilon <= LARGEST_EPSILON => Ok(epsilon),
        epsilon => Err(raw.invalid(field, epsilon, "it must be at most 1; usual are 1e-5 and 1e-6")),
    }
}

/// Reads what all decoders with grouped attention have in common. Fields that only some of them know stay at their
/// defaults.
pub fn dense(raw: &Raw<'_>, architecture: &'static str) -> Result<Config, ConfigError> {
    let hidden_size = raw.size("hidden_size")?;
    let num_attention_heads = raw.size("num_attention_heads")?;
    let num_key_value_heads = raw.size_if_present("num_key_value_heads")?.unwrap_or(num_attention_heads);
    if num_attention_heads % num_key_value_heads != 0 {
        return Err(raw.invalid(
            "num_key_value_heads",
            num_key_value_heads,
            format!("it must divide `num_attention_heads` ({num_attention_heads})"),
        ));
    }
    let head_dim = match raw.size_if_present("head_dim")? {
        Some(head_dim) => head_dim,
        None if hidden_size % num_attention_heads == 0 => hidden_size / num_attention_heads,
        None => {
            return Err(raw.invalid(
                "hidden_size",
                hidden_size,
                format!("without `head_dim` it must be a multiple of `num_attention_heads` ({num_attention_heads})"),
            ));
        }
    };
    if head_dim % 2 != 0 {
        return Err(raw.invalid("head_dim", head_dim, "the rotary embedding needs an even number"));
    }
    let max_position_embeddings = raw.positions("max_position_embeddings")?;
    let rope = rope_parameters(raw, head_dim, max_position_embeddings)?;
    let heads = Heads { num_attention_heads, num_key_value_heads, head_dim, max_position_embeddings, rope };
    decoder(raw, architecture, heads)
}

/// What kinds of attention read each in its own way.
struct Heads {
    num_attention_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
    max_position_embeddings: usize,
    rope: rope::Parameters,
}

/// Reads what all decoders have in common.
fn decoder(raw: &Raw<'_>, architecture: &'static str, heads: Heads) -> Result<Config, ConfigError> {
    if let Some(act) = raw.text("hidden_act")?
        && act != "silu"
    {
        return Err(raw.invalid("hidden_act", format!("`{act}`"), "supported is `silu`"));
    }
    let num_hidden_layers = raw.layers("num_hidden_layers")?;
    Ok(Config {
        architecture,
        vocab_size: raw.size("vocab_size")?,
        hidden_size: raw.size("hidden_size")?,
        intermediate_size: raw.size("intermediate_size")?,
        num_hidden_layers,
        num_attention_heads: heads.num_attention_heads,
        num_key_value_heads: heads.num_key_value_heads,
        head_dim: heads.head_dim,
        rms_norm_eps: epsilon(raw, "rms_norm_eps")?,
        rope: heads.rope,
        max_position_embeddings: heads.max_position_embeddings,
        tie_word_embeddings: raw.flag("tie_word_embeddings", false)?,
        attention_bias: false,
        mlp_bias: false,
        windows: vec![None; num_hidden_layers],
        latent: None,
        num_nextn_predict_layers: 0,
        mixture: None,
        eos_token_ids: raw.token_ids("eos_token_id")?.unwrap_or_default(),
    })
}

/// Reads the rotary embedding, in the form of transformers 5 (`rope_parameters`) or the older one
/// (`rope_theta` beside `rope_scaling`).
fn rope_parameters(
    raw: &Raw<'_>,
    head_dim: usize,
    max_position_embeddings: usize,
) -> Result<rope::Parameters, ConfigError> {
    // Where both are there, transformers lets the older spelling win.
    let nested = match raw.object("rope_scaling")? {
        Some(nested) => Some(nested),
        None => raw.object("rope_parameters")?,
    };
    let theta = theta(raw, nested.as_ref())?;
    let scaling = match &nested {
        None => rope::Scaling::Default,
        Some(nested) => scaling(nested, raw, max_position_embeddings)?,
    };
    let partial = match &nested {
        Some(nested) => nested.positive_if_present("partial_rotary_factor")?,
        None => None,
    };
    if let Some(factor) = partial.or(raw.positive_if_present("partial_rotary_factor")?)
        && factor != 1.0
    {
        return Err(raw.invalid(
            "partial_rotary_factor",
            factor,
            "this architecture rotates whole heads: 1.0",
        ));
    }
    Ok(rope::Parameters { head_dim, theta, scaling })
}

/// The base of the rotary embedding, in the form of transformers 5 or the older one.
fn theta(raw: &Raw<'_>, nested: Option<&Raw<'_>>) -> Result<f64, ConfigError> {
    match nested.map(|nested| nested.positive_if_present("rope_theta")).transpose()?.flatten() {
        Some(theta) => Ok(theta),
        None => Ok(raw.positive_if_present("rope_theta")?.unwrap_or(DEFAULT_THETA)),
    }
}

fn scaling(nested: &Raw<'_>, raw: &Raw<'_>, longest: usize) -> Result<rope::Scaling, ConfigError> {
    let (field, kind) = match (nested.text("rope_type")?, nested.text("type")?) {
        (Some(kind), _) => ("rope_type", kind),
        (None, Some(kind)) => ("type", kind),
        (None, None) => ("rope_type", "default"),
    };
    let factor = || -> Result<f64, ConfigError> {
        let factor = nested.positive("factor")?;
        if factor < 1.0 {
            return Err(nested.invalid("factor", factor, "it must be at least 1"));
        }
        Ok(factor)
    };
    match kind {
        "default" => Ok(rope::Scaling::Default),
        "linear" => Ok(rope::Scaling::Linear { factor: factor()? }),
        "llama3" => {
            let original = match nested.positive_if_present("original_max_position_embeddings")? {
                Some(original) => original,
                None => {
                    raw.positive_if_present("original_max_position_embeddings")?.unwrap_or(longest as f64)
                }
            };
            let low_freq_factor = nested.positive("low_freq_factor")?;
            let high_freq_factor = nested.positive("high_freq_factor")?;
            if high_freq_factor <= low_freq_factor {
                return Err(nested.invalid(
                    "high_freq_factor",
                    high_freq_factor,
                    format!("it must be larger than `low_freq_factor` ({low_freq_factor})"),
                ));
            }
            Ok(rope::Scaling::Llama3 {
                factor: factor()?,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings: original,
            })
        }
        other => {
            Err(nested.invalid(field, format!("`{other}`"), "supported are `default`, `linear` and `llama3`"))
        }
    }
}

/// Reads the sliding window of each layer, as Qwen2 and Qwen3 configure it.
pub fn windows(raw: &Raw<'_>, num_hidden_layers: usize) -> Result<Vec<Option<usize>>, ConfigError> {
    let window = match raw.flag("use_sliding_window", false)? {
        true => Some(raw.size_if_present("sliding_window")?.unwrap_or(DEFAULT_WINDOW)),
        false => None,
    };
    let sliding: Vec<bool> = match raw.get("layer_types") {
        None => {
            // A layer count, so that zero is allowed: every layer slides then.
            let first = match raw.get("max_window_layers") {
                None => 28,
                Some(value) => value
                    .as_u64()
                    .ok_or_else(|| raw.invalid("max_window_layers", value, "it must be a whole number"))?,
            };
            (0..num_hidden_layers as u64).map(|layer| window.is_some() && layer >= first).collect()
        }
        Some(Value::Array(types)) if types.len() == num_hidden_layers => types
            .iter()
            .map(|kind| match kind.as_str() {
                Some("full_attention") => Ok(false),
                Some("sliding_attention") => Ok(true),
                _ => Err(raw.invalid(
                    "layer_types",
                    kind,
                    "supported are `full_attention` and `sliding_attention`",
                )),
            })
            .collect::<Result<_, _>>()?,
        Some(other) => {
            return Err(raw.invalid(
                "layer_types",
                other,
                format!("it must be a list with one entry for each of the {num_hidden_layers} layers"),
            ));
        }
    };
    Ok(sliding.into_iter().map(|sliding| window.filter(|_| sliding)).collect())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<Config, String> {
        let Value::Object(object) = value else { panic!("not an object") };
        dense(&Raw::new(Path::new("config.json"), object), "llama").map_err(|e| e.to_string())
    }

    fn good() -> Value {
        json!({
            "vocab_size": 100, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
            "num_attention_heads": 4, "rms_norm_eps": 1e-5, "rope_theta": 1e4, "max_position_embeddings": 512,
        })
    }

    #[test]
    fn defaults_are_those_of_transformers() {
        let config = parse(&good()).unwrap();
        assert_eq!((config.num_key_value_heads, config.head_dim, config.tie_word_embeddings), (4, 16, false));
        assert_eq!(config.rope.scaling, rope::Scaling::Default);
    }

    #[test]
    fn every_needed_field_is_named_when_it_is_missing() {
        for field in good().as_object().unwrap().keys().filter(|field| *field != "rope_theta") {
            let mut value = good();
            value.as_object_mut().unwrap().remove(field);
            let error = parse(&value).unwrap_err();
            assert!(error.contains(&format!("field `{field}` is missing")), "{field}: {error}");
        }
    }

    #[test]
    fn absurd_values_are_named_with_a_remedy() {
        for (field, value) in [
            ("hidden_size", json!(0)),
            ("hidden_size", json!(-64)),
            ("hidden_size", json!(63)),
            ("hidden_size", json!("64")),
            ("vocab_size", json!(1u64 << 60)),
            ("num_hidden_layers", json!(1e12)),
            ("num_hidden_layers", json!(1_000_000_000u64)),
            ("num_key_value_heads", json!(3)),
            ("head_dim", json!(15)),
            ("rms_norm_eps", json!(0.0)),
            ("rms_norm_eps", json!(-1e-6)),
            ("rope_theta", json!(0)),
            ("hidden_act", json!("gelu")),
            ("tie_word_embeddings", json!("yes")),
            ("eos_token_id", json!([1, -2])),
            ("partial_rotary_factor", json!(0.25)),
        ] {
            let mut config = good();
            config[field] = value.clone();
            let error = parse(&config).unwrap_err();
            assert!(error.contains(&format!("`{field}`")), "{field} = {value}: {error}");
        }
    }

    #[test]
    fn rope_is_read_in_both_forms() {
        let mut new = good();
        new.as_object_mut().unwrap().remove("rope_theta");
        new["rope_parameters"] = json!({"rope_type": "linear", "rope_theta": 5e5, "factor": 4.0});
        let mut old = good();
        old["rope_theta"] = json!(5e5);
        old["rope_scaling"] = json!({"type": "linear", "factor": 4.0});
        assert_eq!(parse(&new).unwrap().rope, parse(&old).unwrap().rope);
    }

    #[test]
    fn unsupported_rope_is_refused_with_what_is_supported() {
        let mut config = good();
        config["rope_scaling"] = json!({"rope_type": "yarn", "factor": 4.0});
        let error = parse(&config).unwrap_err();
        assert_eq!(
            error,
            "config.json: field `rope_scaling.rope_type` is `yarn`; supported are `default`, `linear` and `llama3`"
        );
    }

    #[test]
    fn windows_follow_layer_types_or_the_first_full_layers() {
        let read = |value: Value| {
            let Value::Object(object) = value else { panic!("not an object") };
            windows(&Raw::new(Path::new("config.json"), &object), 3).map_err(|e| e.to_string())
        };
        let on = json!({"use_sliding_window": true, "sliding_window": 8, "max_window_layers": 1});
        assert_eq!(read(on).unwrap(), [None, Some(8), Some(8)]);
        let off = json!({"use_sliding_window": false, "sliding_window": 8, "max_window_layers": 1});
        assert_eq!(read(off).unwrap(), [None, None, None]);
        let typed = json!({"use_sliding_window": true, "sliding_window": 8,
            "layer_types": ["sliding_attention", "full_attention", "full_attention"]});
        assert_eq!(read(typed).unwrap(), [Some(8), None, None]);
        let short = json!({"layer_types": ["full_attention"]});
        assert!(read(short).unwrap_err().contains("one entry for each of the 3 layers"));
    }
}
