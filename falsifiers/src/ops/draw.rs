//! Inputs that are the same wherever they are drawn.

use std::sync::LazyLock;

use kernels::Dtype;

/// A stream of numbers that follows from a name: SplitMix64 (Steele et al., OOPSLA 2014).
#[derive(Debug, Clone)]
pub struct Draw {
    state: u64,
}

impl Draw {
    /// The stream of a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let digest = blake3::hash(name.as_bytes());
        let state = digest.as_bytes().iter().take(8).fold(0, |state, &byte| state << 8 | u64::from(byte));
        Self { state }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number below `bound`; 0 for a bound of 0.
    pub fn below(&mut self, bound: usize) -> usize {
        match bound {
            0 => 0,
            bound => (self.bits() % bound as u64) as usize,
        }
    }

    /// A number from -1 to 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }

    /// `count` numbers of about the size `scale`, as `dtype` holds them: a sum of four, so that large ones are rare.
    pub fn values(&mut self, count: usize, scale: f64, dtype: Dtype) -> Vec<f64> {
        (0..count)
            .map(|_| {
                let sum: f64 = (0..4).map(|_| self.unit()).sum();
                dtype.round(sum * scale)
            })
            .collect()
    }

    /// 0 .. count in a random order.
    pub fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for at in (1..count).rev() {
            order.swap(at, self.below(at + 1));
        }
        order
    }
}

/// Numbers as a device holds them; each is rounded to `dtype`, little-endian.
#[must_use]
pub fn encode(values: &[f64], dtype: Dtype) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(values.len() * dtype.size());
    for &value in values {
        match dtype {
            Dtype::F64 => bytes.extend(value.to_le_bytes()),
            Dtype::F32 => bytes.extend((value as f32).to_le_bytes()),
            Dtype::F16 => bytes.extend(half::f16::from_f64(value).to_le_bytes()),
            Dtype::BF16 => bytes.extend(half::bf16::from_f64(value).to_le_bytes()),
            Dtype::E4M3 => bytes.push(encode_e4m3(value)),
        }
    }
    bytes
}

/// What a device holds, widened exactly.
#[must_use]
pub fn decode(bytes: &[u8], dtype: Dtype) -> Vec<f64> {
    match dtype {
        Dtype::F64 => bytes.as_chunks().0.iter().map(|raw| f64::from_le_bytes(*raw)).collect(),
        Dtype::F32 => bytes.as_chunks().0.iter().map(|raw| f64::from(f32::from_le_bytes(*raw))).collect(),
        Dtype::F16 => bytes.as_chunks().0.iter().map(|raw| half::f16::from_le_bytes(*raw).to_f64()).collect(),
        Dtype::BF16 => {
            bytes.as_chunks().0.iter().map(|raw| half::bf16::from_le_bytes(*raw).to_f64()).collect()
        }
        Dtype::E4M3 => bytes.iter().map(|&code| decode_e4m3(code)).collect(),
    }
}

/// OCP 8-bit floating point specification 1.0, section 5.2.
fn decode_e4m3(code: u8) -> f64 {
    let (exponent, fraction) = (i32::from(code >> 3 & 15), f64::from(code & 7));
    let magnitude = match (exponent, code & 7) {
        (15, 7) => f64::NAN,
        (0, _) => fraction * (-9f64).exp2(),
        _ => (1.0 + fraction / 8.0) * f64::from(exponent - 7).exp2(),
    };
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

/// The code whose value is nearest; of two, the even one. Beyond 448 the largest.
fn encode_e4m3(value: f64) -> u8 {
    /// The values of the codes that are not NaN and have no sign, in order.
    static VALUES: LazyLock<[f64; 0x7f]> =
        LazyLock::new(|| std::array::from_fn(|code| decode_e4m3(code as u8)));
    let sign = if value.is_sign_negative() { 0x80 } else { 0 };
    if value.is_nan() {
        return sign | 0x7f;
    }
    let distance =
        |code: u8| VALUES.get(usize::from(code)).map_or(f64::INFINITY, |x| (x - value.abs()).abs());
    let above = VALUES.partition_point(|x| *x < value.abs()).min(0x7e) as u8;
    let nearest = [above.saturating_sub(1), above]
        .into_iter()
        .min_by(|&a, &b| distance(a).total_cmp(&distance(b)).then((a & 1).cmp(&(b & 1))));
    sign | nearest.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_always_draws_the_same() {
        let draw = |name| Draw::new(name).values(4, 1.0, Dtype::F32);
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
        let mut order = Draw::new("a").order(20);
        order.sort_unstable();
        assert_eq!(order, (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for dtype in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::E4M3] {
            let values = Draw::new("values").values(500, 3.0, dtype);
            assert_eq!(decode(&encode(&values, dtype), dtype), values, "{dtype}");
        }
        assert_eq!(encode(&[449.0, -1e9, 0.0], Dtype::E4M3), [0x7e, 0xfe, 0]);
        assert!(decode(&[0x7f], Dtype::E4M3)[0].is_nan());
    }

    #[test]
    fn all_codes_of_e4m3_agree_with_its_rounding() {
        for code in (0..=0xffu8).filter(|code| code & 0x7f != 0x7f) {
            let value = decode_e4m3(code);
            assert_eq!(Dtype::E4M3.round(value), value, "{code:#x}");
            assert_eq!(encode_e4m3(value), code);
        }
        for step in 0..20_000 {
            let value = f64::from(step) * 0.031_25 / 7.0;
            assert_eq!(Dtype::E4M3.round(value), decode_e4m3(encode_e4m3(value)), "{value}");
        }
    }
}
