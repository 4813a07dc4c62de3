//! How what the virtual device computes is compared with what hardware computed.

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Class {
    /// Equal bits, those of NaN too.
    Exact,
    /// Equal bits, but that any NaN equals any other: the ISA leaves its payload open and hardware's differs.
    AnyNan(Float),
    /// Not farther apart than this many units in the last place, or than this distance; NaN where hardware has NaN.
    Near {
        /// What the bits are.
        float: Float,
        /// Units in the last place.
        ulps: u64,
        /// Distance.
        absolute: f64,
    },
    /// A matrix product of floats: equal bits too.
    Accumulation {
        /// The product.
        shape: crate::matrix::Shape,
        /// How far hardware's sums are from the exact ones, as a share of the greatest addend and a power of two: -22
        /// for 2^-22. By this a test sees that elements lie where the layout says; it excuses no deviation.
        share: i32,
    },
}

impl Class {
    /// Whether all bits must be equal.
    #[must_use]
    pub const fn exact(self) -> bool {
        matches!(self, Self::Exact | Self::Accumulation { .. })
    }
}

/// A type of floating point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum Float {
    F16,
    BF16,
    F16x2,
    BF16x2,
    F32,
    F64,
}

impl Float {
    /// Bits of one.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::F16 | Self::BF16 | Self::F16x2 | Self::BF16x2 => 16,
            Self::F32 => 32,
            Self::F64 => 64,
        }
    }

    /// The bits of infinity: what is above, without its sign, is a NaN.
    const fn infinity(self) -> u64 {
        match self {
            Self::F16 | Self::F16x2 => 0x7c00,
            Self::BF16 | Self::BF16x2 => 0x7f80,
            Self::F32 => 0x7f80_0000,
            Self::F64 => 0x7ff0 << 48,
        }
    }

    /// Whether bits are a NaN.
    #[must_use]
    pub const fn is_nan(self, bits: u64) -> bool {
        bits & ((1 << (self.bits() - 1)) - 1) > self.infinity()
    }

    /// The value of bits.
    #[must_use]
    pub fn value(self, bits: u64) -> f64 {
        match self {
            Self::F16 | Self::F16x2 => half::f16::from_bits(bits as u16).to_f64(),
            Self::BF16 | Self::BF16x2 => half::bf16::from_bits(bits as u16).to_f64(),
            Self::F32 => f64::from(f32::from_bits(bits as u32)),
            Self::F64 => f64::from_bits(bits),
        }
    }

    /// How many values lie between two, of which neither is NaN. Both zeros count as one value.
    #[must_use]
    pub const fn ulps(self, a: u64, b: u64) -> u64 {
        let sign = 1_u64 << (self.bits() - 1);
        let (x, y) = (ordered(a, sign), ordered(b, sign));
        x.abs_diff(y)
    }
}

/// Bits as numbers in the order of their values.
const fn ordered(bits: u64, sign: u64) -> i64 {
    let magnitude = (bits & (sign - 1)) as i64;
    if bits & sign == 0 { magnitude } else { -magnitude }
}
