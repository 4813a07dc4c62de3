//! Latent attention in `config.json`, as DeepSeek-V3 configures it and Mistral 4 after it.

use kernels::rope::{Parameters, QueryScaling, Scaling, Yarn};
use serde_json::Value;

use super::{Config, ConfigError, Heads, Raw, decoder, theta};

/// Attention whose keys and values are projected from one small latent of each token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatentAttention {
    /// Features of the latent of queries; `None` where they are projected from the residual stream (`q_proj`).
    pub q_lora_rank: Option<usize>,
    /// Features of the latent of keys and values.
    pub kv_lora_rank: usize,
    /// Features of a query or key head that know no position.
    pub qk_nope_head_dim: usize,
    /// Features of a query or key head that are rotated, after the others; all heads share those of the key.
    pub qk_rope_head_dim: usize,
    /// Features of a value head.
    pub v_head_dim: usize,
    /// Whether the rotary embedding pairs neighbours, and not the two halves of what it rotates.
    pub rope_interleave: bool,
    /// Epsilon of the norms of the two latents, which is not that of the others.
    pub layernorm_eps: f64,
    /// How queries grow with their position, where the architecture lets them.
    pub query_scaling: Option<QueryScaling>,
}

impl LatentAttention {
    /// Features of a query or key head.
    #[must_use]
    pub const fn qk_head_dim(&self) -> usize {
        self.qk_nope_head_dim + self.qk_rope_head_dim
    }
}

/// What transformers gives `q_a_layernorm` and `kv_a_layernorm`, whatever `rms_norm_eps` says.
const LAYERNORM_EPS: f64 = 1e-6;

/// How many turns a pair makes in the original context where YaRN's ramp begins and ends, unless the file says so.
const BETA: [f64; 2] = [32.0, 1.0];

/// What architectures with latent attention differ in.
#[derive(Debug, Clone, Copy)]
pub struct Rotary {
    /// The names of supported scalings.
    pub supported: &'static [&'static str],
    /// Whether `partial_rotary_factor` counts from the whole head, and not from its rotated part.
    pub of_whole_head: bool,
    /// Whether queries grow with their position.
    pub scales_queries: bool,
}

/// Reads a decoder with latent attention. Its MLPs are dense unless the architecture says otherwise.
pub fn latent(raw: &Raw<'_>, architecture: &'static str, rotary: Rotary) -> Result<Config, ConfigError> {
    // Absent, this means some rank to transformers, whatever the model; `null` means no latent of queries.
    if !raw.has("q_lora_rank") {
        return Err(raw.missing("q_lora_rank"));
    }
    let num_attention_heads = raw.size("num_attention_heads")?;
    let keys = raw.size_if_present("num_key_value_heads")?.unwrap_or(num_attention_heads);
    if keys != num_attention_heads {
        let remedy = format!(
            "latent attention has a key head for each of `num_attention_heads` ({num_attention_heads})"
        );
        return Err(raw.invalid("num_key_value_heads", keys, remedy));
    }
    let qk_rope_head_dim = raw.size("qk_rope_head_dim")?;
    if qk_rope_head_dim % 2 != 0 {
        let remedy = "the rotary embedding needs an even number";
        return Err(raw.invalid("qk_rope_head_dim", qk_rope_head_dim, remedy));
    }
    let longest = raw.positions("max_position_embeddings")?;
    // Where both are there, transformers lets the older spelling win.
    let nested = match raw.object("rope_scaling")? {
        Some(nested) => Some(nested),
        None => raw.object("rope_parameters")?,
    };
    let qk_nope_head_dim = raw.size("qk_nope_head_dim")?;
    partial(raw, nested.as_ref(), rotary, [qk_nope_head_dim, qk_rope_head_dim])?;
    let scaling = scaling(raw, nested.as_ref(), rotary, longest)?;
    let latent = LatentAttention {
        q_lora_rank: raw.size_if_present("q_lora_rank")?,
        kv_lora_rank: raw.size("kv_lora_rank")?,
        qk_nope_head_dim,
        qk_rope_head_dim,
        v_head_dim: raw.size("v_head_dim")?,
        // `null` is false to transformers here, and absent is true.
        rope_interleave: raw.flag("rope_interleave", !raw.has("rope_interleave"))?,
        layernorm_eps: LAYERNORM_EPS,
        query_scaling: match (rotary.scales_queries, &nested, scaling) {
            (true, Some(nested), Scaling::Yarn(yarn)) => Some(query_scaling(nested, &yarn)?),
            _ => None,
        },
    };
    let heads = Heads {
        num_attention_heads,
        num_key_value_heads: num_attention_heads,
        head_dim: latent.qk_head_dim(),
        max_position_embeddings: longest,
        rope: Parameters { head_dim: qk_rope_head_dim, theta: theta(raw, nested.as_ref())?, scaling },
    };
    Ok(Config {
        attention_bias: raw.flag("attention_bias", false)?,
        latent: Some(latent),
        ..decoder(raw, architecture, heads)?
    })
}

/// Refuses a share of rotated features that is not the one of `qk_rope_head_dim`.
fn partial(
    raw: &Raw<'_>,
    nested: Option<&Raw<'_>>,
    rotary: Rotary,
    [plain, rotated]: [usize; 2],
) -> Result<(), ConfigError> {
    const FIELD: &str = "partial_rotary_factor";
    let whole = if rotary.of_whole_head { plain + rotated } else { rotated };
    for raw in nested.into_iter().chain([raw]) {
        if let Some(factor) = raw.positive_if_present(FIELD)?
            // Cut off as transformers does; a size is far below what f64 holds exactly.
            && (whole as f64 * factor).floor() != rotated as f64
        {
            let remedy = format!(
                "`qk_rope_head_dim` ({rotated}) of {whole} features is {}",
                rotated as f64 / whole as f64
            );
            return Err(raw.invalid(FIELD, factor, remedy));
        }
    }
    Ok(())
}

fn scaling(
    raw: &Raw<'_>,
    nested: Option<&Raw<'_>>,
    rotary: Rotary,
    longest: usize,
) -> Result<Scaling, ConfigError> {
    let supported = || {
        let names: Vec<String> = rotary.supported.iter().map(|name| format!("`{name}`")).collect();
        match names.len() {
            1 => format!("supported is {}", names.concat()),
            _ => format!("supported are {}", names.join(" and ")),
        }
    };
    let (field, kind, nested) = match nested {
        None => ("rope_type", "default", raw),
        Some(nested) => match (nested.text("rope_type")?, nested.text("type")?) {
            (Some(kind), _) => ("rope_type", kind, nested),
            (None, Some(kind)) => ("type", kind, nested),
            (None, None) => ("rope_type", "default", nested),
        },
    };
    if !rotary.supported.contains(&kind) {
        return Err(nested.invalid(field, format!("`{kind}`"), supported()));
    }
    match kind {
        "default" => Ok(Scaling::Default),
        "yarn" => Ok(Scaling::Yarn(yarn(raw, nested, longest)?)),
        _ => Err(nested.invalid(field, format!("`{kind}`"), supported())),
    }
}

fn yarn(raw: &Raw<'_>, nested: &Raw<'_>, longest: usize) -> Result<Yarn, ConfigError> {
    const ORIGINAL: &str = "original_max_position_embeddings";
    let factor = nested.positive("factor")?;
    if factor < 1.0 {
        return Err(nested.invalid("factor", factor, "it must be at least 1"));
    }
    let original = match (nested.positive_if_present(ORIGINAL)?, raw.positive_if_present(ORIGINAL)?) {
        (Some(inner), Some(outer)) if inner != outer => {
            let remedy = format!("`{ORIGINAL}` beside it says {outer}; leave one of them out");
            return Err(nested.invalid(ORIGINAL, inner, remedy));
        }
        (Some(original), _) | (None, Some(original)) => original,
        (None, None) => longest as f64,
    };
    let [fast, slow] = BETA;
    let beta_fast = nested.positive_if_present("beta_fast")?.unwrap_or(fast);
    let beta_slow = nested.positive_if_present("beta_slow")?.unwrap_or(slow);
    if beta_fast < beta_slow {
        return Err(nested.invalid(
            "beta_fast",
            beta_fast,
            format!("it must be at least `beta_slow` ({beta_slow})"),
        ));
    }
    Ok(Yarn {
        factor,
        original_max_position_embeddings: original,
        beta_fast,
        beta_slow,
        // `null` is false to transformers here, and absent is true.
        truncate: nested.flag("truncate", !nested.has("truncate"))?,
        attention_factor: nested.positive_if_present("attention_factor")?,
        mscale: weight(nested, "mscale")?,
        mscale_all_dim: weight(nested, "mscale_all_dim")?,
    })
}

/// A weight that may be zero, which is the same as none.
fn weight(nested: &Raw<'_>, field: &str) -> Result<Option<f64>, ConfigError> {
    match nested.get(field).map(Value::as_f64) {
        Some(Some(0.0)) => Ok(None),
        _ => nested.positive_if_present(field),
    }
}

fn query_scaling(nested: &Raw<'_>, yarn: &Yarn) -> Result<QueryScaling, ConfigError> {
    const FIELD: &str = "llama_4_scaling_beta";
    let beta = match nested.get(FIELD).map(Value::as_f64) {
        None => return Err(nested.missing(FIELD)),
        Some(Some(0.0)) => 0.0,
        Some(_) => nested.positive(FIELD)?,
    };
    let original_max_position_embeddings = yarn.original_max_position_embeddings;
    Ok(QueryScaling { beta, original_max_position_embeddings })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use kernels::seam::Seam;
    use serde_json::{Value, json};

    use super::*;
    use crate::models::configured;

    fn parse(value: &Value) -> Result<Config, String> {
        let Value::Object(object) = value else { panic!("not an object") };
        configured(&Raw::new(Path::new("config.json"), object), &Seam::empty())
            .map(|(_, config)| config)
            .map_err(|error| error.to_string())
    }

    fn good(model_type: &str) -> Value {
        json!({
            "model_type": model_type, "vocab_size": 100, "hidden_size": 64, "intermediate_size": 128,
            "num_hidden_layers": 3, "num_attention_heads": 4, "rms_norm_eps": 1e-5, "max_position_embeddings": 512,
            "q_lora_rank": 20, "kv_lora_rank": 24, "qk_nope_head_dim": 12, "qk_rope_head_dim": 8, "v_head_dim": 40,
            "n_routed_experts": 8, "num_experts_per_tok": 2, "n_group": 4, "topk_group": 2, "moe_intermediate_size": 16,
            "n_shared_experts": 1, "first_k_dense_replace": 1, "routed_scaling_factor": 2.5,
            "rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4, "llama_4_scaling_beta": 0.1,
                                "original_max_position_embeddings": 128},
        })
    }

    fn both() -> [Value; 2] {
        ["deepseek_v3", "mistral4"].map(good)
    }

    /// `value` with the field that a dotted path names.
    fn with(mut value: Value, path: &str, field: &Value) -> Value {
        let at = path.split('.').fold(&mut value, |at, name| &mut at[name]);
        *at = field.clone();
        value
    }

    fn without(mut value: Value, path: &str) -> Value {
        let (parent, name) =
            path.rsplit_once('.').map_or((None, path), |(parent, name)| (Some(parent), name));
        let at = parent.into_iter().fold(&mut value, |at, name| &mut at[name]);
        at.as_object_mut().unwrap().remove(name);
        value
    }

    #[test]
    fn fields_mean_what_they_mean_to_transformers() {
        for (value, scales) in both().into_iter().zip([false, true]) {
            let config = parse(&value).unwrap();
            let latent = config.latent.unwrap();
            assert_eq!((config.head_dim, config.num_key_value_heads, config.rope.head_dim), (20, 4, 8));
            assert_eq!(
                (latent.q_lora_rank, latent.qk_head_dim(), latent.rope_interleave),
                (Some(20), 20, true)
            );
            assert_eq!((config.rms_norm_eps, latent.layernorm_eps), (1e-5, 1e-6));
            assert_eq!(latent.query_scaling.is_some(), scales);
            let Scaling::Yarn(yarn) = config.rope.scaling else { panic!("no yarn") };
            assert_eq!((yarn.beta_fast, yarn.beta_slow, yarn.truncate), (32.0, 1.0, true));
            assert_eq!((yarn.mscale, yarn.mscale_all_dim, yarn.attention_factor), (None, None, None));
        }
    }

    #[test]
    fn null_is_not_the_same_as_absent() {
        for value in both() {
            let value = with(value, "q_lora_rank", &Value::Null);
            assert_eq!(parse(&value).unwrap().latent.unwrap().q_lora_rank, None);
            let error = parse(&without(value.clone(), "q_lora_rank")).unwrap_err();
            assert!(error.contains("field `q_lora_rank` is missing"), "{error}");
            let value = with(value, "rope_interleave", &Value::Null);
            assert!(!parse(&value).unwrap().latent.unwrap().rope_interleave);
            let value = with(value, "rope_parameters.mscale_all_dim", &json!(0));
            let Scaling::Yarn(yarn) = parse(&value).unwrap().rope.scaling else { panic!("no yarn") };
            assert_eq!(yarn.mscale_all_dim, None);
        }
    }

    #[test]
    fn both_spellings_of_rope_mean_the_same() {
        for value in both() {
            let mut old = without(value.clone(), "rope_parameters.rope_type");
            old["rope_parameters"]["type"] = json!("yarn");
            old["rope_scaling"] = old["rope_parameters"].take();
            old["rope_theta"] = json!(1e4);
            assert_eq!(parse(&value).unwrap().rope, parse(&old).unwrap().rope);
        }
        let plain = without(good("deepseek_v3"), "rope_parameters");
        assert_eq!(parse(&plain).unwrap().rope.scaling, Scaling::Default);
    }

    #[test]
    fn what_cannot_be_used_is_named_with_its_value_and_what_can() {
        let yarn = "rope_parameters";
        for (path, found, parts) in [
            ("q_lora_rank", json!(0), vec!["from 1 to"]),
            ("kv_lora_rank", json!(0), vec!["from 1 to"]),
            ("kv_lora_rank", json!(-24), vec!["from 1 to"]),
            ("qk_nope_head_dim", json!(0), vec!["from 1 to"]),
            ("v_head_dim", json!("40"), vec!["from 1 to"]),
            ("qk_rope_head_dim", json!(7), vec!["an even number"]),
            ("num_key_value_heads", json!(2), vec!["`num_attention_heads` (4)"]),
            ("rope_interleave", json!("yes"), vec!["true or false"]),
            ("n_group", json!(3), vec!["divide", "(8)"]),
            ("n_group", json!(8), vec!["two best"]),
            ("topk_group", json!(5), vec!["`n_group` (4)"]),
            ("num_experts_per_tok", json!(9), vec!["at most", "(8)"]),
            ("num_experts_per_tok", json!(5), vec!["`topk_group` (2)", "4 of 8 experts"]),
            ("scoring_func", json!("tanh"), vec!["`tanh`", "supported is"]),
            ("rope_parameters.factor", json!(0.5), vec!["at least 1"]),
            ("rope_parameters.factor", json!(-4), vec!["positive"]),
            ("rope_parameters.beta_fast", json!(0.5), vec!["`beta_slow` (1)"]),
            ("rope_parameters.mscale", json!(-1), vec!["positive"]),
            ("rope_parameters.attention_factor", json!(0), vec!["positive"]),
            ("rope_parameters.partial_rotary_factor", json!(0.3), vec!["`qk_rope_head_dim` (8)"]),
            ("rope_parameters.original_max_position_embeddings", json!(0), vec!["positive"]),
            ("rope_parameters.rope_type", json!("longrope"), vec!["`longrope`", "supported", "`yarn`"]),
        ] {
            for value in both() {
                let error = parse(&with(value, path, &found)).unwrap_err();
                let field = format!("field `{path}` is ");
                assert!(error.contains(&field), "{path} = {found}: {error}");
                for part in &parts {
                    assert!(error.contains(part), "{path} = {found}: {error}");
                }
            }
        }
        let value = with(good("mistral4"), yarn, &json!({"rope_type": "default"}));
        assert_eq!(
            parse(&value).unwrap_err(),
            "config.json: field `rope_parameters.rope_type` is `default`; supported is `yarn`"
        );
        let value = with(good("deepseek_v3"), "original_max_position_embeddings", &json!(64));
        let error = parse(&value).unwrap_err();
        assert!(error.contains("is 128") && error.contains("64"), "{error}");
    }

    #[test]
    fn what_has_no_default_here_is_named_when_it_is_missing() {
        let needed =
            ["kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "rope_parameters.factor"];
        for value in both() {
            for path in needed {
                let error = parse(&without(value.clone(), path)).unwrap_err();
                assert!(error.contains(&format!("field `{path}` is missing")), "{path}: {error}");
            }
        }
        for (model, path) in [
            ("mistral4", "rope_parameters.llama_4_scaling_beta"),
            ("deepseek_v3", "n_group"),
            ("deepseek_v3", "routed_scaling_factor"),
        ] {
            let error = parse(&without(good(model), path)).unwrap_err();
            assert!(error.contains(&format!("field `{path}` is missing")), "{path}: {error}");
        }
    }
}
