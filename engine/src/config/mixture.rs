//! The mixture of experts in `config.json`, in the two spellings that there are: that of Qwen3, and that of DeepSeek-V3,
//! which Mistral 4 took over.

use kernels::moe_route::{BEST_OF_A_GROUP, Parameters, Scoring};
use serde_json::Value;

use super::{ConfigError, Raw};

/// A mixture of experts: its router, its experts, and the layers that have it in place of a dense MLP.
#[derive(Debug, Clone, PartialEq)]
pub struct MixtureOfExperts {
    /// How tokens choose their experts.
    pub routing: Parameters,
    /// Features inside one expert.
    pub moe_intermediate_size: usize,
    /// Features inside the shared experts together, which every token goes through; 0 without any.
    pub shared_intermediate_size: usize,
    /// Whether the router has a bias for its choice: `mlp.gate.e_score_correction_bias`.
    pub correction_bias: bool,
    /// For each layer, whether it has the mixture.
    pub sparse: Vec<bool>,
}

impl MixtureOfExperts {
    /// Reads what `qwen3_moe` configures: softmax over all experts, no groups, no shared experts.
    pub fn qwen3(raw: &Raw<'_>, num_hidden_layers: usize) -> Result<Self, ConfigError> {
        scored(raw, "softmax")?;
        // Older files say `num_experts`; transformers 5 writes `num_local_experts`.
        let experts = Experts::read(raw, ["num_local_experts", "num_experts"])?;
        let per_token = experts.per_token(raw)?;
        let step = raw.size_if_present("decoder_sparse_step")?.unwrap_or(1);
        let dense = dense_layers(raw, num_hidden_layers)?;
        Ok(Self {
            routing: Parameters {
                num_experts: experts.number,
                num_experts_per_tok: per_token,
                scoring: Scoring::Softmax,
                n_group: 1,
                topk_group: 1,
                norm_topk_prob: raw.flag("norm_topk_prob", false)?,
                routed_scaling_factor: 1.0,
            },
            moe_intermediate_size: raw.size("moe_intermediate_size")?,
            shared_intermediate_size: 0,
            correction_bias: false,
            sparse: (0..num_hidden_layers)
                .map(|layer| !dense.contains(&layer) && (layer + 1).is_multiple_of(step))
                .collect(),
        })
    }

    /// Reads what `deepseek_v3` and `mistral4` configure. The first scores by sigmoids and has a correction bias, the second
    /// by a softmax and has none.
    pub fn deepseek(raw: &Raw<'_>, num_hidden_layers: usize, scoring: Scoring) -> Result<Self, ConfigError> {
        let (name, method) = match scoring {
            Scoring::Softmax => ("softmax", "group_limited_greedy"),
            Scoring::Sigmoid => ("sigmoid", "noaux_tc"),
        };
        scored(raw, name)?;
        if let Some(found) = raw.text("topk_method")?
            && found != method
        {
            return Err(raw.invalid("topk_method", format!("`{found}`"), format!("supported is `{method}`")));
        }
        if let Some(every) = raw.size_if_present("moe_layer_freq")?
            && every != 1
        {
            return Err(raw.invalid(
                "moe_layer_freq",
                every,
                "supported is 1: every layer after the dense ones",
            ));
        }
        let experts = Experts::read(raw, ["n_routed_experts", "num_local_experts"])?;
        let per_token = experts.per_token(raw)?;
        let (n_group, topk_group) = experts.groups(raw, per_token)?;
        let moe_intermediate_size = raw.size("moe_intermediate_size")?;
        let shared = count(raw, "n_shared_experts")?.unwrap_or(0);
        let first = count(raw, "first_k_dense_replace")?.unwrap_or(0);
        Ok(Self {
            routing: Parameters {
                num_experts: experts.number,
                num_experts_per_tok: per_token,
                scoring,
                n_group,
                topk_group,
                norm_topk_prob: raw.flag("norm_topk_prob", true)?,
                routed_scaling_factor: raw.positive_if_present("routed_scaling_factor")?.unwrap_or(1.0),
            },
            moe_intermediate_size,
            shared_intermediate_size: shared * moe_intermediate_size,
            correction_bias: scoring == Scoring::Sigmoid,
            sparse: (0..num_hidden_layers).map(|layer| layer >= first).collect(),
        })
    }
}

/// How many experts there are, and the field that says so.
struct Experts {
    field: &'static str,
    number: usize,
}

impl Experts {
    /// Reads the number of experts under whichever name the file has; under both, they have to be equal.
    fn read(raw: &Raw<'_>, [first, second]: [&'static str; 2]) -> Result<Self, ConfigError> {
        match (raw.size_if_present(first)?, raw.size_if_present(second)?) {
            (Some(number), Some(other)) if number != other => Err(raw.invalid(
                second,
                other,
                format!("it must be equal to `{first}` ({number}), or absent"),
            )),
            (Some(number), _) => Ok(Self { field: first, number }),
            (None, Some(number)) => Ok(Self { field: second, number }),
            (None, None) => Err(raw.missing(first)),
        }
    }

    fn per_token(&self, raw: &Raw<'_>) -> Result<usize, ConfigError> {
        let per_token = raw.size("num_experts_per_tok")?;
        if per_token > self.number {
            return Err(raw.invalid(
                "num_experts_per_tok",
                per_token,
                format!("it must be at most `{}` ({})", self.field, self.number),
            ));
        }
        Ok(per_token)
    }

    /// The groups, and how many of them a token may choose from.
    fn groups(&self, raw: &Raw<'_>, per_token: usize) -> Result<(usize, usize), ConfigError> {
        let Self { field, number } = *self;
        let groups = raw.size_if_present("n_group")?.unwrap_or(1);
        if !number.is_multiple_of(groups) {
            return Err(raw.invalid("n_group", groups, format!("it must divide `{field}` ({number})")));
        }
        if groups > 1 && number / groups < BEST_OF_A_GROUP {
            let remedy = format!(
                "a group is ranked by its two best, so at most {} fit `{field}` ({number})",
                number / 2
            );
            return Err(raw.invalid("n_group", groups, remedy));
        }
        let kept = raw.size_if_present("topk_group")?.unwrap_or(1);
        if kept > groups {
            return Err(raw.invalid("topk_group", kept, format!("it must be at most `n_group` ({groups})")));
        }
        let left = kept * (number / groups);
        if per_token > left {
            let remedy = format!(
                "`topk_group` ({kept}) of `n_group` ({groups}) groups leave {left} of {number} experts"
            );
            return Err(raw.invalid("num_experts_per_tok", per_token, remedy));
        }
        Ok((groups, kept))
    }
}

/// Refuses another scoring than the one that the architecture has.
fn scored(raw: &Raw<'_>, supported: &str) -> Result<(), ConfigError> {
    match raw.text("scoring_func")? {
        Some(other) if other != supported => {
            Err(raw.invalid("scoring_func", format!("`{other}`"), format!("supported is `{supported}`")))
        }
        _ => Ok(()),
    }
}

/// The layers that keep a dense MLP whatever the step says.
fn dense_layers(raw: &Raw<'_>, num_hidden_layers: usize) -> Result<Vec<usize>, ConfigError> {
    let Some(value) = raw.get("mlp_only_layers") else { return Ok(Vec::new()) };
    let layer = |value: &Value| value.as_u64().and_then(|layer| usize::try_from(layer).ok());
    let layers = value.as_array().and_then(|layers| layers.iter().map(layer).collect::<Option<Vec<_>>>());
    layers.filter(|layers| layers.iter().all(|&layer| layer < num_hidden_layers)).ok_or_else(|| {
        let remedy =
            format!("it must be a list of layers, from 0 to {}", num_hidden_layers.saturating_sub(1));
        raw.invalid("mlp_only_layers", value, remedy)
    })
}

/// An optional whole number that may be zero.
fn count(raw: &Raw<'_>, field: &str) -> Result<Option<usize>, ConfigError> {
    match raw.get(field) {
        Some(value) if value.as_u64() == Some(0) => Ok(Some(0)),
        _ => raw.size_if_present(field),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn read(
        value: &Value,
        read: impl Fn(&Raw<'_>) -> Result<MixtureOfExperts, ConfigError>,
    ) -> Result<MixtureOfExperts, String> {
        let object = value.as_object().unwrap();
        read(&Raw::new(Path::new("config.json"), object)).map_err(|error| error.to_string())
    }

    fn qwen3(value: &Value) -> Result<MixtureOfExperts, String> {
        read(value, |raw| MixtureOfExperts::qwen3(raw, 4))
    }

    fn deepseek(value: &Value) -> Result<MixtureOfExperts, String> {
        read(value, |raw| MixtureOfExperts::deepseek(raw, 4, Scoring::Sigmoid))
    }

    fn small() -> Value {
        json!({"num_experts": 7, "num_experts_per_tok": 3, "moe_intermediate_size": 24})
    }

    fn grouped() -> Value {
        json!({"n_routed_experts": 12, "num_experts_per_tok": 3, "moe_intermediate_size": 24, "n_group": 4,
            "topk_group": 2, "n_shared_experts": 2, "first_k_dense_replace": 1, "routed_scaling_factor": 2.5,
            "scoring_func": "sigmoid", "topk_method": "noaux_tc", "moe_layer_freq": 1})
    }

    fn with(mut value: Value, field: &str, new: Value) -> Value {
        value[field] = new;
        value
    }

    #[test]
    fn defaults_are_those_of_transformers() {
        let found = qwen3(&small()).unwrap();
        assert!(!found.routing.norm_topk_prob && !found.correction_bias);
        assert_eq!((found.routing.scoring, found.sparse), (Scoring::Softmax, vec![true; 4]));
        let bare = json!({"num_local_experts": 4, "num_experts_per_tok": 1, "moe_intermediate_size": 8});
        let found = deepseek(&bare).unwrap();
        assert!(found.routing.norm_topk_prob && found.correction_bias);
        assert_eq!((found.routing.n_group, found.routing.topk_group), (1, 1));
        assert_eq!((found.shared_intermediate_size, found.routing.routed_scaling_factor), (0, 1.0));
    }

    #[test]
    fn experts_are_counted_under_both_names() {
        let new = json!({"num_local_experts": 7, "num_experts_per_tok": 3, "moe_intermediate_size": 24});
        assert_eq!(qwen3(&new), qwen3(&small()));
        let error = qwen3(&with(new, "num_experts", json!(8))).unwrap_err();
        assert!(error.contains("`num_experts` is 8; it must be equal to `num_local_experts` (7)"), "{error}");
    }

    #[test]
    fn steps_and_lists_say_which_layers_are_sparse() {
        let stepped = with(small(), "decoder_sparse_step", json!(2));
        assert_eq!(qwen3(&stepped).unwrap().sparse, [false, true, false, true]);
        let listed = with(stepped, "mlp_only_layers", json!([3]));
        assert_eq!(qwen3(&listed).unwrap().sparse, [false, true, false, false]);
        assert_eq!(deepseek(&grouped()).unwrap().sparse, [false, true, true, true]);
        assert_eq!(deepseek(&grouped()).unwrap().shared_intermediate_size, 48);
    }

    #[test]
    fn what_does_not_add_up_is_named_with_what_is_supported() {
        for (field, value, remedy) in [
            ("num_experts_per_tok", json!(8), "it must be at most `num_experts` (7)"),
            ("num_experts_per_tok", json!(0), "it must be a whole number from 1"),
            ("num_experts", json!(0), "it must be a whole number from 1"),
            ("decoder_sparse_step", json!(0), "it must be a whole number from 1"),
            ("mlp_only_layers", json!([4]), "a list of layers, from 0 to 3"),
            ("mlp_only_layers", json!([-1]), "a list of layers, from 0 to 3"),
            ("mlp_only_layers", json!("all"), "a list of layers, from 0 to 3"),
            ("norm_topk_prob", json!(1), "it must be true or false"),
            ("scoring_func", json!("sigmoid"), "supported is `softmax`"),
        ] {
            let error = qwen3(&with(small(), field, value)).unwrap_err();
            assert!(error.contains(&format!("config.json: field `{field}` is ")), "{field}: {error}");
            assert!(error.contains(remedy), "{field}: {error}");
        }
        for (field, value, remedy) in [
            ("n_group", json!(5), "it must divide `n_routed_experts` (12)"),
            ("n_group", json!(12), "at most 6 fit `n_routed_experts` (12)"),
            ("topk_group", json!(5), "it must be at most `n_group` (4)"),
            ("num_experts_per_tok", json!(7), "leave 6 of 12 experts"),
            ("num_experts_per_tok", json!(13), "it must be at most `n_routed_experts` (12)"),
            ("routed_scaling_factor", json!(-1), "it must be a positive number"),
            ("n_shared_experts", json!(-1), "it must be a whole number"),
            ("first_k_dense_replace", json!("one"), "it must be a whole number"),
            ("scoring_func", json!("tanh"), "supported is `sigmoid`"),
            ("topk_method", json!("greedy"), "supported is `noaux_tc`"),
            ("moe_layer_freq", json!(2), "supported is 1"),
        ] {
            let error = deepseek(&with(grouped(), field, value)).unwrap_err();
            assert!(error.contains(&format!("config.json: field `{field}` is ")), "{field}: {error}");
            assert!(error.contains(remedy), "{field}: {error}");
        }
        for field in ["num_experts", "num_experts_per_tok", "moe_intermediate_size"] {
            let mut value = small();
            value.as_object_mut().unwrap().remove(field);
            assert!(qwen3(&value).unwrap_err().contains("is missing"), "{field}");
        }
    }
}
