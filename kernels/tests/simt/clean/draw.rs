//! Numbers that are the same wherever they are drawn.

use half::{bf16, f16};
use kernels::Dtype;

/// A stream of numbers that follows from a number: SplitMix64 (Steele et al., OOPSLA 2014).
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A whole number from `low` to `high`, both included.
    pub(super) fn within(&mut self, low: usize, high: usize) -> usize {
        low + (self.bits() % (high - low + 1) as u64) as usize
    }

    /// 0 .. count in a random order.
    pub(super) fn order(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        for at in (1..count).rev() {
            order.swap(at, self.within(0, at));
        }
        order
    }

    /// `count` numbers from -2 to 2, as a device holds them.
    pub(crate) fn values(&mut self, count: usize, dtype: Dtype) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count * dtype.size());
        for _ in 0..count {
            let bits = self.bits();
            let value = (bits >> 40) as f32 / (1 << 22) as f32 - 2.0;
            match dtype {
                Dtype::F64 => bytes.extend(f64::from(value).to_le_bytes()),
                Dtype::F32 => bytes.extend(value.to_le_bytes()),
                Dtype::F16 => bytes.extend(f16::from_f32(value).to_le_bytes()),
                Dtype::BF16 => bytes.extend(bf16::from_f32(value).to_le_bytes()),
                // Any code below 2: the exponent's topmost bit is clear.
                Dtype::E4M3 => bytes.push((bits & 0xbf) as u8),
            }
        }
        bytes
    }
}

/// Whole numbers as i32.
pub(super) fn indices(values: &[usize]) -> Vec<u8> {
    values.iter().flat_map(|&value| (value as i32).to_le_bytes()).collect()
}
