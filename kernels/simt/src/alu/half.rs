//! `f16` and `bf16`: as `f32`, and back, rounded to nearest with ties to even.

/// The bits of a binary16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct F16(pub(super) u16);

/// The bits of a bfloat16.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bf16(pub(super) u16);

/// Two values in a register, the first in the low half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair<T>(pub(super) T, pub(super) T);

/// What the two types of 16 bits have in common.
pub(super) trait Half: Copy {
    /// The NaN that instructions give.
    const NAN: Self;
    /// 1.0.
    const ONE: Self;
    /// Nothing rounds to a normal number that is less, were exponents without end: halfway from the least normal
    /// number to the one below.
    const TINY: f32;
    /// The bits of the exponent.
    const EXPONENT: u16;
    /// From bits.
    fn from_bits(bits: u16) -> Self;
    /// Its bits.
    fn bits(self) -> u16;
    /// Its value, exactly; a NaN if it is one.
    fn value(self) -> f32;
    /// The nearest. To be right, `value` must be exact, or rounded to odd.
    fn nearest(value: f32) -> Self;

    /// Zero of the same sign instead of a subnormal.
    #[inline(always)]
    fn flush(self) -> Self {
        let bits = self.bits();
        Self::from_bits(if bits & Self::EXPONENT == 0 { bits & 0x8000 } else { bits })
    }

    /// Whether it is NaN.
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.bits() & 0x7fff > Self::EXPONENT
    }
}

impl Half for F16 {
    const NAN: Self = Self(0x7fff);
    const ONE: Self = Self(0x3c00);
    const TINY: f32 = f32::from_bits(0x387f_f000);
    const EXPONENT: u16 = 0x7c00;

    #[inline(always)]
    fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    #[inline(always)]
    fn bits(self) -> u16 {
        self.0
    }

    #[inline(always)]
    fn value(self) -> f32 {
        let bits = u32::from(self.0);
        let sign = (bits & 0x8000) << 16;
        let magnitude = (bits & 0x7fff) << 13;
        // The exponent is off by 127 - 15, for normal and for subnormal values alike.
        let scaled = (f32::from_bits(magnitude) * f32::from_bits(0x7780_0000)).to_bits();
        let value = if magnitude > 0x0f80_0000 {
            return f32::from_bits(0x7fff_ffff);
        } else if magnitude == 0x0f80_0000 {
            0x7f80_0000
        } else {
            scaled
        };
        f32::from_bits(value | sign)
    }

    #[inline(always)]
    fn nearest(value: f32) -> Self {
        let bits = value.to_bits();
        let magnitude = bits & 0x7fff_ffff;
        let sign = (bits >> 16) & 0x8000;
        // Rounded by adding just under half of the last place, and its oddness; a carry goes into the exponent.
        let normal = (magnitude.wrapping_sub(112 << 23).wrapping_add(0xfff + ((magnitude >> 13) & 1))) >> 13;
        // The last place of 0.5 is that of a subnormal binary16.
        let small = (f32::from_bits(magnitude) + 0.5).to_bits().wrapping_sub(0.5f32.to_bits());
        let finite = if magnitude < 0x3880_0000 { small } else { normal };
        let result = if magnitude >= 0x477f_f000 { 0x7c00 } else { finite };
        Self(if magnitude > 0x7f80_0000 { 0x7fff } else { (result | sign) as u16 })
    }
}

impl Half for Bf16 {
    const NAN: Self = Self(0x7fff);
    const ONE: Self = Self(0x3f80);
    const TINY: f32 = f32::from_bits(0x007f_c000);
    const EXPONENT: u16 = 0x7f80;

    #[inline(always)]
    fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    #[inline(always)]
    fn bits(self) -> u16 {
        self.0
    }

    #[inline(always)]
    fn value(self) -> f32 {
        f32::from_bits(u32::from(self.0) << 16)
    }

    #[inline(always)]
    fn nearest(value: f32) -> Self {
        let bits = value.to_bits();
        let rounded = (bits.wrapping_add(0x7fff + ((bits >> 16) & 1))) >> 16;
        Self(if bits & 0x7fff_ffff > 0x7f80_0000 { 0x7fff } else { rounded as u16 })
    }
}
