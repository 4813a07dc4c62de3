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
