//! Attention over some of the keys: what each split of them gives by itself.
//!
//! Dao et al., "Flash-Decoding for long-context inference" (2023): the keys are shared out, and each share is a softmax
//! of its own (Milakov and Gimelshein, arXiv 1805.02867) that [`crate::attention_merge`] joins with the others. Keys lie
//! in tiles of `tile`, counted from the beginning of the sequence; tile `t` is that of split `t % splits`.

use ndarray::{Array2, Array3, Array4, ArrayView2};

use crate::attention::{self, Parameters};
use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "attention_split",
    summary: "attention over splits of the keys, each by itself",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    // Weights are rounded to the operand dtype of the second matrix product; what is stored goes on to another sum.
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: activation, output: Dtype::F32 }
}

/// How keys are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sharing {
    /// Keys of a tile.
    pub tile: usize,
    /// Splits, which take the tiles in turn.
    pub splits: usize,
}

impl Sharing {
    /// The split of a key.
    #[must_use]
    pub const fn of(&self, key: usize) -> usize {
        key / self.tile % self.splits
    }
}

/// What the splits give.
#[derive(Debug, Clone, PartialEq)]
pub struct Splits<T> {
    /// The largest scaled score: `[num_tokens, num_attention_heads, splits]`; minus infinity for a split without keys.
    pub largest: Array3<T>,
    /// The sum of the weights `exp(score - largest)`: the same shape; 0 for a split without keys.
    pub total: Array3<T>,
    /// The values added with these weights: `[num_tokens, num_attention_heads, splits, head_dim]`.
    pub context: Array4<T>,
}

/// `q [num_tokens, num_attention_heads * head_dim]` over `k` and `v [kv_len, num_key_value_heads * head_dim]`, at the
/// positions that [`attention::reference`] says.
#[must_use]
pub fn reference<T: Real>(
    q: ArrayView2<'_, T>,
    k: ArrayView2<'_, T>,
    v: ArrayView2<'_, T>,
    parameters: &Parameters,
    sharing: &Sharing,
    arithmetic: Arithmetic,
) -> Splits<T> {
    let Parameters { num_attention_heads, num_key_value_heads, head_dim, window, v_scale, .. } = *parameters;
    let rounding = arithmetic.rounding(declares);
    let (num_tokens, past) = (q.nrows(), k.nrows() - q.nrows());
    let scores = scores(q, k, parameters, arithmetic);
    let shape = (num_tokens, num_attention_heads, sharing.splits);
    let mut largest = Array3::from_elem(shape, T::neg_infinity());
    let mut total = Array3::zeros(shape);
    let mut context = Array4::zeros((num_tokens, num_attention_heads, sharing.splits, head_dim));
    for token in 0..num_tokens {
        let position = past + token;
        let seen = window.map_or(0, |window| (position + 1).saturating_sub(window))..position + 1;
        for head in 0..num_attention_heads {
            let first = head / (num_attention_heads / num_key_value_heads) * head_dim;
            for split in 0..sharing.splits {
                let keys: Vec<usize> = seen.clone().filter(|&key| sharing.of(key) == split).collect();
                if keys.is_empty() {
                    continue;
                }
                let score = |at: usize| scores[[head, token, keys[at]]];
                let most = (0..keys.len()).fold(T::neg_infinity(), |most, at| most.max(score(at)));
                let weight = |at: usize| (score(at) - most).exp();
                largest[[token, head, split]] = most;
                total[[token, head, split]] = rounding.sum(keys.len(), weight);
                for d in 0..head_dim {
                    let term = |at: usize| {
                        rounding.intermediate(weight(at)) * rounding.input(v[[keys[at], first + d]])
                    };
                    context[[token, head, split, d]] = rounding.sum(keys.len(), term) * T::of(v_scale);
                }
            }
        }
    }
    Splits { largest, total, context }
}

/// The scaled scores, as attention has them. Its values play no part in them.
fn scores<T: Real>(
    q: ArrayView2<'_, T>,
    k: ArrayView2<'_, T>,
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Array3<T> {
    let nothing = Array2::zeros(k.raw_dim());
    attention::reference(q, k, nothing.view(), parameters, arithmetic).scores
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention_merge;

    fn waves(rows: usize, columns: usize, seed: usize) -> Array2<f64> {
        Array2::from_shape_fn((rows, columns), |(i, j)| ((i * 31 + j * 17 + seed * 7) as f64).sin())
    }

    fn parameters(window: Option<usize>) -> Parameters {
        Parameters {
            num_attention_heads: 4,
            num_key_value_heads: 2,
            head_dim: 6,
            scale: 0.5,
            window,
            k_scale: 3.0,
            v_scale: 0.7,
        }
    }

    #[test]
    fn merged_splits_are_the_attention_that_they_were_split_from() {
        for (window, tile, splits, length) in [(None, 4, 3, 50), (Some(9), 4, 8, 33), (Some(1), 2, 2, 7)] {
            let (q, k, v) = (waves(2, 24, 0), waves(length, 12, 1), waves(length, 12, 2));
            let (p, sharing) = (parameters(window), Sharing { tile, splits });
            let split = reference(q.view(), k.view(), v.view(), &p, &sharing, Arithmetic::F64);
            let merged = attention_merge::reference(&split, Arithmetic::F64);
            let whole = attention::reference(q.view(), k.view(), v.view(), &p, Arithmetic::F64).context;
            for (a, b) in merged.iter().zip(&whole) {
                assert!((a - b).abs() < 1e-14, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_split_without_keys_says_so() {
        let (q, k, v) = (waves(1, 24, 0), waves(5, 12, 1), waves(5, 12, 2));
        let sharing = Sharing { tile: 4, splits: 3 };
        let split = reference(q.view(), k.view(), v.view(), &parameters(None), &sharing, Arithmetic::F64);
        assert_eq!(split.largest[[0, 3, 2]], f64::NEG_INFINITY);
        assert_eq!((split.total[[0, 3, 2]], split.total[[0, 3, 1]]), (0.0, 1.0));
        assert_eq!(split.context[[0, 3, 1, 5]], v[[4, 11]] * 0.7);
    }
}
