//! What pages make of what they hold: the rounding of their format, and in E4M3 that of what is left of it after the scale
//! of the layer.
//!
//! Everything here is read from the checkpoint anew, by names of its own: how a device comes by its scales is a part of what
//! is judged.

use engine::Loaded;
use engine::stage::StageName;
use engine::weights::WeightsError;
use kernels::Dtype;

/// Where checkpoints have the scale of keys, below a layer; latents have this one alone.
const KEYS: [&str; 3] = ["self_attn.k_scale", "self_attn.attn.k_scale", "self_attn.k_proj.k_scale"];
/// The same of values.
const VALUES: [&str; 3] = ["self_attn.v_scale", "self_attn.attn.v_scale", "self_attn.v_proj.v_scale"];

/// The pages of a layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pages {
    dtype: Dtype,
    k_scale: f64,
    v_scale: f64,
    /// Whether they hold latents with a turned key, in the place of keys and values.
    pub(super) latent: bool,
}

impl Pages {
    /// Those of each layer, which are stored as these dtypes say.
    pub(super) fn of(loaded: &Loaded, dtypes: &[Dtype]) -> Result<Vec<Self>, WeightsError> {
        let latent = loaded.config().latent.is_some();
        let each = dtypes.iter().enumerate().map(|(layer, &dtype)| {
            let scaled = dtype == Dtype::E4M3;
            let scale = |names| if scaled { scale(loaded, layer, names) } else { Ok(1.0) };
            Ok(Self { dtype, k_scale: scale(KEYS)?, v_scale: scale(VALUES)?, latent })
        });
        each.collect()
    }

    /// What comes back of an element of a key, of a latent, or of the key that all heads share.
    pub(super) fn key(&self, x: f64) -> f64 {
        self.dtype.round(x / self.k_scale) * self.k_scale
    }

    /// What comes back of an element of a value.
    pub(super) fn value(&self, x: f64) -> f64 {
        self.dtype.round(x / self.v_scale) * self.v_scale
    }

    /// Whether a stage is what pages of latents hold a part of.
    pub(super) fn holds(&self, stage: StageName) -> bool {
        self.latent && ["self_attn.kv_a_layernorm", "self_attn.k_rope"].contains(&stage.local())
    }
}

/// The scale of a layer that a checkpoint has under one of these names; 1 under none.
fn scale(loaded: &Loaded, layer: usize, names: [&str; 3]) -> Result<f64, WeightsError> {
    let weights = loaded.weights();
    let names = names.map(|name| format!("model.layers.{layer}.{name}"));
    let Some(name) = names.into_iter().find(|name| weights.contains(name)) else { return Ok(1.0) };
    let shape = weights.shape(&name).unwrap_or_default().to_vec();
    let values = weights.reader(loaded.seam()).values(&name, None, &shape)?;
    Ok(values.first().map_or(f64::NAN, |scale| f64::from(*scale)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_a_code_times_the_scale() {
        let pages = Pages { dtype: Dtype::E4M3, k_scale: 4.0, v_scale: 1.0, latent: false };
        // 1000 / 4 lies between 240 and 256, and 2000 / 4 beyond 448.
        assert_eq!([1000.0, 2000.0, 0.0].map(|x| pages.key(x)), [1024.0, 1792.0, 0.0]);
        assert_eq!([1000.0, 100.0].map(|x| pages.value(x)), [448.0, 96.0]);
        for x in [3.0, 1234.5, 0.007] {
            let once = Pages { k_scale: f64::from(0.3f32), ..pages }.key(x);
            assert_eq!(Pages { k_scale: f64::from(0.3f32), ..pages }.key(once), once, "{x}");
        }
    }

    #[test]
    fn pages_of_latents_hold_two_stages() {
        let pages = Pages { dtype: Dtype::BF16, k_scale: 1.0, v_scale: 1.0, latent: true };
        let held = |name| pages.holds(StageName::layer(1, name));
        assert!(held("self_attn.kv_a_layernorm") && held("self_attn.k_rope") && !held("self_attn.q_rope"));
        let heads = Pages { latent: false, ..pages };
        assert!(!heads.holds(StageName::layer(1, "self_attn.k_rope")));
    }
}
