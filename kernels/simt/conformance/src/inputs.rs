//! What the threads of a form read: edge values crossed, then values that often round, then random bits.

use crate::edges;
use crate::fragment::{self, Regime};
use crate::random::bits;

/// The values of an operand.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the ISA's types")]
pub enum Input {
    I16,
    I32,
    I64,
    F16,
    BF16,
    F32,
    F64,
    F16x2,
    BF16x2,
    /// A position, a length or a count, of 32 bits.
    Position,
    /// A predicate.
    Pred,
    /// Of 32 bits: from 0 to below this.
    Below(u32),
    /// Of 32 bits: the bits of one of these.
    OneOf(&'static [u64]),
    /// Binary32 for conversions: with halves and limits of narrower types.
    Limits,
    /// Binary32, evenly between minus this and this, and a few special ones.
    Within(f32),
    /// Binary32: a whole number, from minus this to this, so that sums are exact in any order.
    Whole(u32),
    /// Binary64, likewise.
    Whole64(u32),
    /// A register of a fragment of a matrix product.
    Fragment(fragment::Fragment),
}

/// A thread's place among the others, and what all of a form's values hang on.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Of the form's name.
    pub seed: u64,
    /// The thread.
    pub thread: u64,
    /// How many there are.
    pub threads: u64,
    /// How many operands each has.
    pub operands: u64,
}

impl Input {
    /// Bits of its register; 1 for a predicate.
    #[must_use]
    pub const fn width(self) -> u32 {
        match self {
            Self::I16 | Self::F16 | Self::BF16 => 16,
            Self::I64 | Self::F64 | Self::Whole64(_) => 64,
            Self::Pred => 1,
            Self::Fragment(fragment) => fragment.width(),
            _ => 32,
        }
    }

    /// The edge values.
    const fn edges(self) -> &'static [u64] {
        match self {
            Self::I16 => edges::INT16,
            Self::I32 => edges::INT32,
            Self::I64 => edges::INT64,
            Self::F16 | Self::F16x2 => edges::F16,
            Self::BF16 | Self::BF16x2 => edges::BF16,
            Self::F32 => edges::F32,
            Self::F64 => edges::F64,
            Self::Position => edges::POSITION,
            Self::Limits => edges::F32_LIMITS,
            Self::OneOf(values) => values,
            _ => &[],
        }
    }

    /// The value of one thread: `index` counts the operands from 0.
    #[must_use]
    pub fn value(self, place: Place, index: u64) -> u64 {
        let random = bits(place.seed, place.thread, index);
        let mask = if self.width() == 64 { u64::MAX } else { (1 << self.width()) - 1 };
        let value = match self {
            Self::Pred => random >> 17,
            Self::Below(end) => random % u64::from(end.max(1)),
            Self::Within(limit) => within(limit, random),
            Self::Whole(most) => u64::from((whole(most, random) as f32).to_bits()),
            Self::Whole64(most) => whole(most, random).to_bits(),
            Self::Fragment(fragment) => fragment.value(Regime::of_warp(place.thread / 32), random, index),
            _ => self.crossed(place, index, random),
        };
        value & mask
    }

    /// A half edges, a quarter values that round, a quarter random bits.
    fn crossed(self, place: Place, index: u64, random: u64) -> u64 {
        let (half, edges) = (place.threads / 2, self.edges());
        // One operand takes each edge once.
        let crossed = if place.operands == 1 { half.min(edges.len() as u64) } else { half };
        if place.thread < crossed && !edges.is_empty() {
            let low = pick(edges, place, half, index, random);
            return match self {
                Self::F16x2 | Self::BF16x2 => low | pick(edges, place, half, index + 7, random >> 20) << 16,
                _ => low,
            };
        }
        let rounding = place.thread < half + half / 2;
        match self {
            Self::OneOf(values) => values.get(random as usize % values.len().max(1)).copied().unwrap_or(0),
            Self::Position => random % 72,
            Self::F32 | Self::Limits if rounding => rounds(random, 23, 8),
            Self::F64 if rounding => rounds(random, 52, 11),
            Self::F16 if rounding => rounds(random, 10, 5),
            Self::BF16 if rounding => rounds(random, 7, 8),
            Self::F16x2 if rounding => rounds(random, 10, 5) | rounds(random.rotate_left(23), 10, 5) << 16,
            Self::BF16x2 if rounding => rounds(random, 7, 8) | rounds(random.rotate_left(23), 7, 8) << 16,
            // Small values, so that quotients and differences are not always the same.
            Self::I16 | Self::I32 | Self::I64 if rounding => {
                let value = random >> (random % 61 + 3);
                if random & 4 == 0 { value } else { value.wrapping_neg() }
            }
            _ => random,
        }
    }
}

/// The first two operands take pairs of edges, all of them where there are threads enough; the others one by chance.
fn pick(edges: &[u64], place: Place, half: u64, index: u64, random: u64) -> u64 {
    let count = edges.len() as u64;
    let at = match index {
        0 => place.thread % count,
        // Every edge of the first with as many of the second's as there are threads for, spread evenly.
        1 => {
            let rows = (half / count).clamp(1, count);
            (place.thread / count % rows) * count / rows + (random >> 33) % (count / rows).max(1)
        }
        _ => random >> 33,
    };
    edges.get((at % count) as usize).copied().unwrap_or(0)
}

/// A float near 1, so that sums cancel and round, or of any common magnitude; its mantissa is short, one unit beside a
/// short one, or random.
fn rounds(random: u64, mantissa: u32, exponent: u32) -> u64 {
    let bias = (1_u64 << (exponent - 1)) - 1;
    let (near, far) = (random >> 8 & 7, random >> 11 & 0x7f);
    let mut power = if random & 1 == 0 { bias + near - 4 } else { bias + far };
    if random & 1 == 1 {
        power = power.saturating_sub(if exponent == 5 { far / 2 + 10 } else { 32 });
    }
    power = power.min(2 * bias);
    let mut fraction = random >> 20 & ((1 << mantissa) - 1);
    let short = (random >> 3 & 31) as u32 % mantissa;
    if random & 2 == 2 {
        fraction = fraction >> short << short;
        fraction |= (1 << short) >> 1;
        if random & 4 == 4 {
            fraction ^= random >> 19 & 1;
        }
    }
    let sign = random >> 18 & 1;
    sign << (mantissa + exponent) | power << mantissa | fraction
}

fn within(limit: f32, random: u64) -> u64 {
    if random.is_multiple_of(16) {
        let special = edges::F32.get((random >> 8) as usize % edges::F32.len()).copied().unwrap_or(0);
        let value = f32::from_bits(special as u32);
        if !value.is_finite() || value.abs() <= limit {
            return special;
        }
    }
    let unit = (random >> 11) as f64 / (1_u64 << 53) as f64;
    u64::from((((unit * 2.0 - 1.0) * f64::from(limit)) as f32).to_bits())
}

fn whole(most: u32, random: u64) -> f64 {
    (random % (2 * u64::from(most) + 1)) as f64 - f64::from(most)
}
