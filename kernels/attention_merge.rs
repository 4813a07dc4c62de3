//! Attention from what splits of the keys give by themselves.
//!
//! Milakov and Gimelshein, "Online normalizer calculation for softmax" (arXiv 1805.02867), equation 4: with the largest
//! score `m_i` of each split, its total `d_i` and its weighed values `c_i`, and `m = max_i m_i`, the context is
//! `sum_i e^(m_i - m) c_i / sum_i e^(m_i - m) d_i`.

use ndarray::Array2;

use crate::attention_split::Splits;
use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "attention_merge", summary: "attention from what splits of the keys give", declares };

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: Dtype::F32, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// The context `[num_tokens, num_attention_heads * head_dim]`. What a split without keys has for values counts nothing.
#[must_use]
pub fn reference<T: Real>(splits: &Splits<T>, arithmetic: Arithmetic) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let (num_tokens, heads, _, head_dim) = splits.context.dim();
    let mut out = Array2::zeros((num_tokens, heads * head_dim));
    for token in 0..num_tokens {
        for head in 0..heads {
            let largest: Vec<T> = splits
                .largest
                .slice(ndarray::s![token, head, ..])
                .iter()
                .map(|&x| rounding.input(x))
                .collect();
            let most = largest.iter().fold(T::neg_infinity(), |most, &x| most.max(x));
            let with_keys: Vec<usize> =
                (0..largest.len()).filter(|&split| largest[split] != T::neg_infinity()).collect();
            let share = |at: usize| (largest[with_keys[at]] - most).exp();
            let total = rounding.sum(with_keys.len(), |at| {
                rounding.input(splits.total[[token, head, with_keys[at]]]) * share(at)
            });
            for d in 0..head_dim {
                let sum = rounding.sum(with_keys.len(), |at| {
                    rounding.input(splits.context[[token, head, with_keys[at], d]]) * share(at)
                });
                out[[token, head * head_dim + d]] = rounding.output(sum / total);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Array4, array};

    use super::*;

    #[test]
    fn matches_the_equation_by_hand() {
        let largest = Array3::from_shape_vec((1, 1, 3), vec![0.0, f64::NEG_INFINITY, 2f64.ln()]).unwrap();
        let total = Array3::from_shape_vec((1, 1, 3), vec![2.0, 0.0, 3.0]).unwrap();
        let context = Array4::from_shape_vec((1, 1, 3, 1), vec![4.0, f64::NAN, 10.0]).unwrap();
        let out = reference(&Splits { largest, total, context }, Arithmetic::F64);
        // (4 / 2 + 10) / (2 / 2 + 3)
        assert!((out - array![[3.0]]).iter().all(|x| x.abs() < 1e-15));
    }
}
