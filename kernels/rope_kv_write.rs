//! Heads of queries and keys, normed where a model does that, turned to their positions, and keys and values in their
//! pages.
//!
//! What [`crate::rmsnorm`], [`crate::rope`] and [`crate::kv_write`] say, one after the other; each stores what the next
//! one reads, so that it is rounded in between.

use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::rope::Parameters;
use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real, kv_write, rmsnorm, rope};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "rope_kv_write",
    summary: "heads normed and turned, and keys and values written to their pages",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: activation }
}

/// What the op reads.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a, T> {
    /// Queries before they are turned: `[num_tokens, num_attention_heads * head_dim]`.
    pub q: ArrayView2<'a, T>,
    /// Keys before they are turned: `[num_tokens, num_key_value_heads * head_dim]`.
    pub k: ArrayView2<'a, T>,
    /// Values: the shape of the keys.
    pub v: ArrayView2<'a, T>,
    /// The weights of the norms of query and key heads, `[head_dim]` each, where there are norms.
    pub weights: Option<[ArrayView1<'a, T>; 2]>,
    /// What the pages of keys and of values hold before: `[slots, num_key_value_heads * head_dim]`.
    pub pages: [ArrayView2<'a, T>; 2],
    /// The position of each token.
    pub positions: &'a [usize],
    /// The row of the pages of each token; negative for padding.
    pub slot_mapping: &'a [i32],
    /// What keys, and values, are divided by before pages of E4M3 hold them.
    pub scales: [f32; 2],
}

/// What the op computes.
#[derive(Debug, Clone, PartialEq)]
pub struct Written<T> {
    /// The pages of keys.
    pub k_pages: Array2<T>,
    /// The pages of values.
    pub v_pages: Array2<T>,
    /// The queries, turned.
    pub q: Array2<T>,
}

/// Norms with `eps` under the root, turns as `parameters` say, and writes to pages of format `kv`.
#[must_use]
pub fn reference<T: Real>(
    inputs: &Inputs<'_, T>,
    eps: f64,
    parameters: &Parameters,
    kv: Dtype,
    arithmetic: Arithmetic,
) -> Written<T> {
    let turned = |x: ArrayView2<'_, T>, weight: Option<ArrayView1<'_, T>>| {
        let normed = weight.map(|weight| of_heads(x, weight, eps, arithmetic));
        let x = normed.as_ref().map_or(x, |normed| normed.view());
        rope::reference(x, inputs.positions, parameters, arithmetic)
    };
    let [q_weight, k_weight] = inputs.weights.map_or([None, None], |weights| weights.map(Some));
    let (q, k) = (turned(inputs.q, q_weight), turned(inputs.k, k_weight));
    let [k_pages, v_pages] = inputs.pages;
    let [k_scale, v_scale] = inputs.scales;
    let written = |pages, x, scale| kv_write::reference(pages, x, inputs.slot_mapping, kv, scale, arithmetic);
    let (k_pages, v_pages) = (written(k_pages, k.view(), k_scale), written(v_pages, inputs.v, v_scale));
    Written { k_pages, v_pages, q }
}

/// The norm of each head.
fn of_heads<T: Real>(
    x: ArrayView2<'_, T>,
    weight: ArrayView1<'_, T>,
    eps: f64,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let mut out = Array2::zeros(x.raw_dim());
    let columns = 0..x.ncols() / weight.len();
    for head in columns.map(|head| ndarray::s![.., head * weight.len()..(head + 1) * weight.len()]) {
        out.slice_mut(head).assign(&rmsnorm::reference(x.slice(head), weight, eps, arithmetic));
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::rope::Scaling;

    #[test]
    fn keys_are_normed_turned_and_written_and_values_are_only_written() {
        let (q, k, v) = (array![[1.0, 0.0, 0.0, 2.0]], array![[3.0, 4.0]], array![[5.0, 6.0]]);
        let (pages, ones) = (Array2::from_elem((2, 2), -1.0), array![1.0, 1.0]);
        let inputs = Inputs {
            q: q.view(),
            k: k.view(),
            v: v.view(),
            weights: Some([ones.view(), ones.view()]),
            pages: [pages.view(), pages.view()],
            positions: &[1],
            slot_mapping: &[1],
            scales: [3.0, 5.0],
        };
        let parameters = Parameters { head_dim: 2, theta: 1e4, scaling: Scaling::Default };
        let found = reference(&inputs, 0.0, &parameters, Dtype::F32, Arithmetic::F64);
        let (sin, cos) = 1f64.sin_cos();
        let root = 12.5f64.sqrt();
        let (a, b) = (3.0 / root, 4.0 / root);
        let near = |x: f64, y: f64| assert!((x - y).abs() < 1e-14, "{x} {y}");
        near(found.k_pages[[1, 0]], a * cos - b * sin);
        near(found.k_pages[[1, 1]], b * cos + a * sin);
        near(found.q[[0, 0]], 2f64.sqrt() * cos);
        near(found.q[[0, 2]], -(2f64.sqrt()) * sin);
        assert_eq!((found.k_pages[[0, 0]], found.v_pages), (-1.0, array![[-1.0, -1.0], [5.0, 6.0]]));
    }
}
