//! Sequences of drawn numbers, and what attention makes of them.

use half::{bf16, f16};
use kernels::Dtype;
use kernels::launch::attention_prefill;

/// What tensor cores multiply.
pub(super) const FORMATS: [Dtype; 2] = [Dtype::BF16, Dtype::F16];

/// Sequences, each of its last tokens a query: `(queries, length)`. Every number follows from its place.
#[derive(Clone)]
pub(super) struct Batch {
    pub(super) head_dim: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) page_size: usize,
    pub(super) window: Option<usize>,
    pub(super) dtype: Dtype,
    pub(super) scale: f64,
    pub(super) sequences: Vec<(usize, usize)>,
    /// Keys are codes of their positions, and queries those of the keys in [`Batch::coded_values`].
    pub(super) codes: bool,
    /// Values from this position on are not finite, or as large as can be.
    pub(super) wild_from: Option<usize>,
    /// Some values are NaN, or infinite.
    pub(super) odd_values: bool,
}

impl Batch {
    pub(super) fn new(head_dim: usize, dtype: Dtype) -> Self {
        Self {
            head_dim,
            heads: 4,
            kv_heads: 2,
            page_size: 16,
            window: None,
            dtype,
            scale: (head_dim as f64).powf(-0.5),
            sequences: vec![(1, 1)],
            codes: false,
            wild_from: None,
            odd_values: false,
        }
    }

    pub(super) fn attention(&self) -> attention_prefill::Axes {
        attention_prefill::Axes {
            head_dim: self.head_dim,
            num_attention_heads: self.heads,
            num_key_value_heads: self.kv_heads,
            scale: self.scale,
            window: self.window,
            page_size: self.page_size,
            activation: self.dtype,
            kv: self.dtype,
        }
    }

    /// The queries `from .. to` of the only sequence.
    pub(super) fn chunk(&self, from: usize, to: usize) -> Self {
        Self { sequences: vec![(to - from, to)], ..self.clone() }
    }

    pub(super) fn tokens(&self) -> usize {
        self.sequences.iter().map(|(queries, _)| queries).sum()
    }

    fn bits(&self, value: f32) -> u16 {
        if self.dtype == Dtype::BF16 {
            bf16::from_f32(value).to_bits()
        } else {
            f16::from_f32(value).to_bits()
        }
    }

    fn value(&self, bits: u16) -> f64 {
        if self.dtype == Dtype::BF16 { bf16::from_bits(bits).to_f64() } else { f16::from_bits(bits).to_f64() }
    }

    pub(super) fn finite(&self, bits: u16) -> bool {
        self.value(bits).is_finite()
    }

    /// Half a unit in the last place of 1.
    pub(super) fn epsilon(&self) -> f64 {
        if self.dtype == Dtype::BF16 { 0.5_f64.powi(8) } else { 0.5_f64.powi(11) }
    }

    /// From -2 to 2: of a sequence, a position, a head, a feature, and what it is.
    fn drawn(what: u64, sequence: usize, position: usize, head: usize, feature: usize) -> f32 {
        let mut state = what;
        for number in [sequence, position, head, feature] {
            state = (state ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            state ^= state >> 29;
        }
        (state >> 40) as f32 / (1 << 22) as f32 - 2.0
    }

    /// Plus or minus one: a bit of a position.
    fn code(position: usize, feature: usize) -> f32 {
        if position >> (feature % 16) & 1 == 1 { 1.0 } else { -1.0 }
    }

    /// Whom a query of codes asks for.
    fn asked(position: usize, head: usize) -> usize {
        (position * 7 + head * 3) % (position + 1)
    }

    pub(super) fn query(&self, sequence: usize, position: usize, head: usize, feature: usize) -> u16 {
        self.bits(match self.codes {
            true => Self::code(Self::asked(position, head), feature),
            false => Self::drawn(1, sequence, position, head, feature),
        })
    }

    pub(super) fn key(&self, sequence: usize, position: usize, head: usize, feature: usize) -> u16 {
        self.bits(match self.codes {
            true => Self::code(position, feature),
            false => Self::drawn(2, sequence, position, head, feature),
        })
    }

    pub(super) fn held(&self, sequence: usize, position: usize, head: usize, feature: usize) -> u16 {
        if self.wild_from.is_some_and(|from| position >= from) {
            let wild = [f32::NAN, f32::INFINITY, -3.0e38, f32::NEG_INFINITY, 3.0e38];
            return self.bits(wild[(position + feature) % 5]);
        }
        let value = match (self.odd_values, position, feature) {
            (true, 3, 5) => f32::NAN,
            (true, 66, 9 | 63) => f32::INFINITY,
            (true, 129, 9) => f32::NEG_INFINITY,
            (true, 150, 33) => f32::INFINITY,
            _ => Self::drawn(3, sequence, position, head, feature),
        };
        self.bits(value)
    }

    /// Every token and head, in order.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (0..self.tokens()).flat_map(|token| (0..self.heads).map(move |head| (token, head)))
    }

    /// The sequence, position and head of every row, in order.
    pub(super) fn places(&self) -> Vec<(usize, usize, usize)> {
        let mut places = Vec::new();
        for (sequence, &(queries, length)) in self.sequences.iter().enumerate() {
            for position in length - queries..length {
                places.extend((0..self.heads).map(|head| (sequence, position, head)));
            }
        }
        places
    }

    /// A row of results.
    pub(super) fn row<'a>(&self, found: &'a [u16], token: usize, head: usize) -> &'a [u16] {
        let first = (token * self.heads + head) * self.head_dim;
        &found[first..first + self.head_dim]
    }

    fn values_of(&self, whose: impl Fn(usize, usize) -> usize) -> Vec<Vec<u16>> {
        let group = self.heads / self.kv_heads;
        let of = |(sequence, position, head): (usize, usize, usize)| {
            let key = whose(position, head);
            (0..self.head_dim)
                .map(|feature| self.held(sequence, key, head / group, feature))
                // A result is no negative zero.
                .map(|bits| if bits == 0x8000 { 0 } else { bits })
                .collect()
        };
        self.places().into_iter().map(of).collect()
    }

    /// For each row the values of its own position.
    pub(super) fn own_values(&self) -> Vec<Vec<u16>> {
        self.values_of(|position, _| position)
    }

    /// For each row the values of the key that it asks for.
    pub(super) fn coded_values(&self) -> Vec<Vec<u16>> {
        self.values_of(Self::asked)
    }

    /// Every result, in binary64.
    pub(super) fn truth(&self) -> Vec<f64> {
        let group = self.heads / self.kv_heads;
        // [sequence][position * kv_heads + head][feature]
        let all = |bits: &dyn Fn(usize, usize, usize, usize) -> u16| -> Vec<Vec<Vec<f64>>> {
            let of = |(sequence, &(_, length)): (usize, &(usize, usize))| {
                let row = |at: usize| {
                    let (position, head) = (at / self.kv_heads, at % self.kv_heads);
                    (0..self.head_dim).map(|d| self.value(bits(sequence, position, head, d))).collect()
                };
                (0..length * self.kv_heads).map(row).collect()
            };
            self.sequences.iter().enumerate().map(of).collect()
        };
        let keys = all(&|sequence, position, head, d| self.key(sequence, position, head, d));
        let values = all(&|sequence, position, head, d| self.held(sequence, position, head, d));
        let mut out = Vec::new();
        for (sequence, position, head) in self.places() {
            let first = self.window.map_or(0, |window| (position + 1).saturating_sub(window));
            let at = |key: usize| key * self.kv_heads + head / group;
            let query: Vec<f64> =
                (0..self.head_dim).map(|d| self.value(self.query(sequence, position, head, d))).collect();
            let scores: Vec<f64> = (first..=position)
                .map(|key| {
                    let key = &keys[sequence][at(key)];
                    query.iter().zip(key).map(|(a, b)| a * b).sum::<f64>() * self.scale
                })
                .collect();
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
            let total: f64 = weights.iter().sum();
            let mut row = vec![0.0; self.head_dim];
            for (key, weight) in (first..=position).zip(&weights) {
                for (sum, value) in row.iter_mut().zip(&values[sequence][at(key)]) {
                    *sum += weight / total * value;
                }
            }
            out.extend(row);
        }
        out
    }

    /// How far the worst row is from the truth, as a part of its length.
    pub(super) fn error(&self, found: &[u16], truth: &[f64]) -> f64 {
        let rows = found.chunks_exact(self.head_dim).zip(truth.chunks_exact(self.head_dim));
        rows.map(|(found, truth)| {
            let apart: f64 =
                found.iter().zip(truth).map(|(bits, truth)| (self.value(*bits) - truth).powi(2)).sum();
            let whole: f64 = truth.iter().map(|truth| truth * truth).sum();
            let error = (apart / whole).sqrt();
            if error.is_nan() { f64::INFINITY } else { error }
        })
        .fold(0.0, f64::max)
    }
}
