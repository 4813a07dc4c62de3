//! A token drawn from logits: temperature, then `top_k`, then `top_p`, as transformers and vLLM do, then one uniform
//! number.
//!
//! Tokens stand in a line, the largest logit first and the lowest index first among equals. `top_k` keeps the first ones
//! and all that equal the last of them; `top_p` the fewest whose probabilities, among those that `top_k` kept, sum to at
//! least so much. The draw is the first token at which the sum of the probabilities goes beyond the uniform number.

use ndarray::ArrayView1;

use crate::{Arithmetic, Declaration, Dtype, OpInfo};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "sample",
    summary: "a token drawn from logits, with temperature, top_k, top_p and a uniform number",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// How a token is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameters {
    /// Divides the logits; 0 takes the largest.
    pub temperature: f32,
    /// Keeps so many of the largest logits, and all that equal the last of them.
    pub top_k: Option<usize>,
    /// Keeps the fewest of the likeliest tokens whose probabilities sum to at least so much.
    pub top_p: Option<f32>,
}

/// A token, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drawn {
    /// The token.
    pub token: usize,
    /// How far `top_p` and the uniform number are from where another token would be drawn, as a share of the probability.
    pub margin: f64,
}

/// Below this margin a token may differ where weights are computed in f32: those of logits that weigh anything lie at most
/// 28 temperatures below the largest, which is rounded to 2^-24 of itself three times and makes up 2^-18 of a weight.
pub const MARGIN: f64 = 1.0 / (1 << 17) as f64;

/// The token that a number from 0 up to, not including, 1 draws. `None` where a logit is not finite, or where there is
/// none. Always computed in f64: the arithmetic says how logits are stored.
#[must_use]
pub fn reference(
    logits: ArrayView1<'_, f64>,
    parameters: &Parameters,
    unit: f64,
    arithmetic: Arithmetic,
) -> Option<Drawn> {
    let rounding = arithmetic.rounding(declares);
    let logits: Vec<f64> = logits.iter().map(|&x| rounding.input(x)).collect();
    if logits.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let mut line: Vec<usize> = (0..logits.len()).collect();
    // Stable, and finite numbers always compare.
    line.sort_by(|&a, &b| logits[b].partial_cmp(&logits[a]).unwrap_or(std::cmp::Ordering::Equal));
    let largest = logits[*line.first()?];
    if parameters.temperature == 0.0 {
        return Some(Drawn { token: line[0], margin: 1.0 });
    }
    if let Some(&last) = parameters.top_k.and_then(|top_k| line.get(top_k.checked_sub(1)?)) {
        line.retain(|&token| logits[token] >= logits[last]);
    }
    let temperature = f64::from(parameters.temperature);
    let mut sum = 0.0;
    // Where the share of each token ends.
    let ends: Vec<f64> = line
        .iter()
        .map(|&token| {
            sum += ((logits[token] - largest) / temperature).exp();
            sum
        })
        .collect();
    let (mut kept, mut margin) = (sum, 1.0f64);
    if let Some(top_p) = parameters.top_p.filter(|top_p| *top_p < 1.0) {
        let enough = f64::from(top_p) * sum;
        let count = ends.iter().take_while(|&&end| end < enough).count();
        kept = ends.get(count).copied().unwrap_or(sum);
        margin = margin.min(nearest(&ends, count, enough) / sum);
    }
    let target = unit * kept;
    let at = ends.iter().take_while(|&&end| end <= target).count().min(ends.len() - 1);
    // What lies in front of the first token is nothing, exactly; what ends the last one is all that was kept.
    margin = margin.min(nearest(&ends, at, target) / kept);
    Some(Drawn { token: line[at], margin })
}

/// How far a number is from the ends of the share that it is in. A share that begins at nothing begins there exactly.
fn nearest(ends: &[f64], at: usize, number: f64) -> f64 {
    let after = ends.get(at).map_or(0.0, |end| end - number);
    match at.checked_sub(1).and_then(|before| ends.get(before)) {
        Some(begin) => after.min(number - begin).max(0.0),
        None => after.max(0.0),
    }
}

/// Number `draw` of the stream of a key, from 0 up to, not including, 1: the upper 53 of 64 bits of ChaCha with 8 rounds, a
/// counter of 64 bits and a nonce of zero (Bernstein 2008; RFC 8439, section 2.3, with other rounds).
#[must_use]
pub fn unit(key: [u32; 8], draw: u64) -> f64 {
    let mut start = [0u32; 16];
    start[..4].copy_from_slice(&[0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574]);
    start[4..12].copy_from_slice(&key);
    let block = draw / 8;
    (start[12], start[13]) = (block as u32, (block >> 32) as u32);
    let mut x = start;
    for round in 0..8 {
        for column in 0..4 {
            let along = |row: usize| 4 * row + (column + row * (round % 2)) % 4;
            quarter_round(&mut x, [along(0), along(1), along(2), along(3)]);
        }
    }
    let word = |at: usize| u64::from(x[at].wrapping_add(start[at]));
    let first = (draw % 8) as usize * 2;
    let bits = word(first) | word(first + 1) << 32;
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

fn quarter_round(x: &mut [u32; 16], [a, b, c, d]: [usize; 4]) {
    for (to, from, turned, by) in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)] {
        x[to] = x[to].wrapping_add(x[from]);
        x[turned] = (x[turned] ^ x[to]).rotate_left(by);
    }
}

#[cfg(test)]
mod tests {
    use ndarray::aview1;

    use super::*;

    fn kept(probabilities: &[f64], top_k: Option<usize>, top_p: Option<f32>) -> Vec<usize> {
        let logits: Vec<f64> = probabilities.iter().map(|p| p.ln()).collect();
        let parameters = Parameters { temperature: 1.0, top_k, top_p };
        let mut tokens: Vec<usize> = (0..1000)
            .map(|at| {
                let unit = f64::from(at) / 1000.0;
                reference(aview1(&logits), &parameters, unit, Arithmetic::F64).unwrap().token
            })
            .collect();
        tokens.dedup();
        tokens
    }

    #[test]
    fn tokens_are_drawn_in_their_line() {
        let half = [0.1, 0.5, 0.25, 0.15];
        assert_eq!(kept(&half, None, None), [1, 2, 3, 0]);
        assert_eq!(kept(&half, Some(2), None), [1, 2]);
        assert_eq!(kept(&[0.1, 0.4, 0.4, 0.1], Some(3), None), [1, 2, 0, 3]);
        assert_eq!(kept(&half, None, Some(0.6)), [1, 2]);
        assert_eq!(kept(&half, None, Some(0.4)), [1]);
        // Of the two that top_k leaves, the first holds two thirds.
        assert_eq!(kept(&half, Some(2), Some(0.6)), [1]);
    }

    #[test]
    fn what_is_not_finite_has_no_token_and_no_temperature_the_first_of_the_largest() {
        let parameters = Parameters { temperature: 0.0, top_k: None, top_p: None };
        let of =
            |logits: &[f64]| reference(aview1(logits), &parameters, 0.99, Arithmetic::F64).map(|d| d.token);
        assert_eq!(of(&[1.0, -0.0, 3.0, 3.0]), Some(2));
        assert_eq!(of(&[-0.0, 0.0]), Some(0));
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(of(&[0.0, bad]), None);
        }
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn the_margin_says_how_far_another_token_is() {
        let logits = [0.0, 0.0, 0.0, 0.0];
        let parameters = Parameters { temperature: 1.0, top_k: None, top_p: None };
        let of = |unit| reference(aview1(&logits), &parameters, unit, Arithmetic::F64).unwrap();
        assert_eq!(of(0.3), Drawn { token: 1, margin: of(0.3).margin });
        assert!((of(0.3).margin - 0.05).abs() < 1e-12 && (of(0.49).margin - 0.01).abs() < 1e-12);
        assert_eq!(of(0.5).margin, 0.0);
        let near = Parameters { top_p: Some(0.751), ..parameters };
        let margin = reference(aview1(&logits), &near, 0.3, Arithmetic::F64).unwrap().margin;
        assert!((margin - 0.001).abs() < 1e-6, "{margin}");
    }

    #[test]
    fn the_stream_is_that_of_chacha8() {
        // The key stream of a zero key: 3e00ef2f 895f40d6 7f5bb8e8 1f09a5a1 ...
        let number = |bytes: [u8; 8]| (u64::from_le_bytes(bytes) >> 11) as f64 / (1u64 << 53) as f64;
        assert_eq!(unit([0; 8], 0), number([0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6]));
        assert_eq!(unit([0; 8], 1), number([0x7f, 0x5b, 0xb8, 0xe8, 0x1f, 0x09, 0xa5, 0xa1]));
    }

    /// Chi-square of draws against the probabilities that they were drawn with: 15 degrees of freedom, of which fewer than
    /// one sample in ten thousand is beyond 44.
    #[test]
    fn draws_follow_the_distribution() {
        let logits: Vec<f64> = (0..16).map(|i| f64::from(i) * 0.2).collect();
        let chi_square = |temperature: f32| {
            let parameters = Parameters { temperature, top_k: None, top_p: None };
            let mut counts = [0.0f64; 16];
            for draw in 0..20_000 {
                let unit = unit([7, 1, 2, 3, 4, 5, 6, 8], draw);
                counts[reference(aview1(&logits), &parameters, unit, Arithmetic::F64).unwrap().token] += 1.0;
            }
            let total: f64 = logits.iter().map(|x| x.exp()).sum();
            let expected = |at: usize| 20_000.0 * logits[at].exp() / total;
            (0..16).map(|at| (counts[at] - expected(at)).powi(2) / expected(at)).sum::<f64>()
        };
        assert!(chi_square(1.0) < 44.0, "{}", chi_square(1.0));
        assert!(chi_square(1.15) > 44.0, "{}", chi_square(1.15));
    }
}
