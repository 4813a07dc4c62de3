//! Products of a fused decode step: the norm before them and what comes after, each rounded as if it were stored.

use super::Call;
use super::ops::{Done, normed, products};

/// Lanes of `matvec`.
const LANES: usize = 32;

pub(super) fn run(call: &mut Call<'_>) -> Done {
    let (n, in_features) = (call.number, call.int("IN_FEATURES"));
    let mut x = call.floats("x", "ACT_DTYPE", n * in_features)?;
    if call.spec.kernel.starts_with("norm") {
        let gain = call.floats("norm_weight", "NORM_DTYPE", in_features)?;
        x = stored(call, normed(&x, &gain, call.real("EPS") as f32));
    }
    if call.spec.kernel.starts_with("norm_qkv") {
        return ["q", "k", "v"].into_iter().try_for_each(|part| projection(call, &x, part));
    }
    let features = call.int("OUT_FEATURES");
    let out = match call.spec.kernel.as_str() {
        "norm_gate_up_matvec" => {
            let gate = product(call, &x, "gate_weight", features)?;
            let up = product(call, &x, "up_weight", features)?;
            gate.into_iter().zip(up).map(|(a, b)| a / (1.0 + (-a).exp()) * b).collect()
        }
        "matvec_add" => {
            let residual = call.floats("residual", "ACT_DTYPE", n * features)?;
            let product = product(call, &x, "weight", features)?;
            residual.into_iter().zip(product).map(|(a, b)| a + b).collect()
        }
        _ => product(call, &x, "weight", features)?,
    };
    call.store("out", "ACT_DTYPE", 0, &out)
}

fn projection(call: &mut Call<'_>, x: &[f32], part: &str) -> Done {
    let features = call.int(if part == "q" { "Q_FEATURES" } else { "KV_FEATURES" });
    let mut out = product(call, x, &format!("{part}_weight"), features)?;
    if call.spec.kernel == "norm_qkv_bias_matvec" {
        let bias = call.floats(&format!("{part}_bias"), "BIAS_DTYPE", features)?;
        for row in out.chunks_mut(features) {
            row.iter_mut().zip(&bias).for_each(|(x, bias)| *x += bias);
        }
    }
    call.store(&format!("{part}_out"), "ACT_DTYPE", 0, &out)
}

fn product(
    call: &mut Call<'_>,
    x: &[f32],
    weight: &str,
    features: usize,
) -> Result<Vec<f32>, kernels::device::DeviceError> {
    let in_features = call.int("IN_FEATURES");
    let weight = call.floats(weight, "WEIGHT_DTYPE", features * in_features)?;
    Ok(stored(call, products(x, &weight, in_features, LANES)))
}

/// As what activations are stored as holds them.
fn stored(call: &Call<'_>, values: Vec<f32>) -> Vec<f32> {
    let dtype = call.spec.dtype("ACT_DTYPE").unwrap();
    values.into_iter().map(|value| dtype.round(f64::from(value)) as f32).collect()
}
