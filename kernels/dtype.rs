//! Number formats that tensors are stored and computed in.

use std::fmt;

use half::{bf16, f16};
use serde::{Deserialize, Serialize};

/// A floating-point storage format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Dtype {
    /// IEEE 754 binary64.
    F64,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary16: 10 bits of fraction, largest value 65,504.
    F16,
    /// bfloat16: the upper half of a binary32, 7 bits of fraction.
    BF16,
    /// OCP 8-bit floating point E4M3: 3 bits of fraction, largest value 448, no infinity.
    E4M3,
}

impl Dtype {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::E4M3 => 1,
        }
    }

    /// Bits of fraction, without the hidden one.
    #[must_use]
    pub const fn fraction_bits(self) -> u32 {
        match self {
            Self::F64 => 52,
            Self::F32 => 23,
            Self::F16 => 10,
            Self::BF16 => 7,
            Self::E4M3 => 3,
        }
    }

    /// The distance from 1.0 to the next larger value: `2^-fraction_bits`.
    #[must_use]
    pub fn epsilon(self) -> f64 {
        (-f64::from(self.fraction_bits())).exp2()
    }

    /// The nearest value of this format, ties to even; overflow becomes infinity, as hardware converts. E4M3, which
    /// has no infinity, saturates.
    #[must_use]
    pub fn round(self, value: f64) -> f64 {
        match self {
            Self::F64 => value,
            Self::F32 => f64::from(value as f32),
            Self::F16 => f16::from_f32(odd(value)).to_f64(),
            Self::BF16 => bf16::from_f32(odd(value)).to_f64(),
            Self::E4M3 => e4m3(value),
        }
    }
}

/// The f32 from which a value can be rounded on as if it had been rounded once: its last bit is set where anything was
/// cut off, so that no tie comes from rounding (Boldo and Melquiond, "When double rounding is odd", 2005).
///
/// The conversions of `half` from f64 look at the upper 32 bits alone, and take a value just above a tie for one.
fn odd(value: f64) -> f32 {
    let nearest = value as f32;
    let back = f64::from(nearest);
    if back == value || !nearest.is_finite() || nearest == 0.0 {
        return nearest;
    }
    // One step toward zero where it was rounded away from it.
    let cut = nearest.to_bits() - u32::from(back.abs() > value.abs());
    f32::from_bits(cut | 1)
}

/// The nearest E4M3, ties to even, saturating at 448.
///
/// Micikevicius et al., "FP8 Formats for Deep Learning" (arXiv 2209.05433), table 1.
fn e4m3(value: f64) -> f64 {
    if value.is_nan() || value == 0.0 {
        return value;
    }
    // Below 2^-6 the units stay those of the smallest normal number. Above 2^8 everything saturates, infinity too.
    let exponent = value.abs().log2().floor().clamp(-6.0, 8.0);
    let unit = (exponent - 3.0).exp2();
    ((value / unit).round_ties_even() * unit).clamp(-448.0, 448.0)
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F64 => "F64",
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
            Self::E4M3 => "E4M3",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rounding_is_to_nearest_even_and_overflows_to_infinity() {
        assert_eq!(Dtype::BF16.round(1.0 + 1.0 / 256.0), 1.0);
        assert_eq!(Dtype::BF16.round(1.0 + 3.0 / 256.0), 1.0 + 4.0 / 256.0);
        // Just beside a tie is none, however near.
        for beyond in [20, 24, 40, 52] {
            let little = (-f64::from(beyond)).exp2();
            assert_eq!(Dtype::BF16.round(1.0 + 1.0 / 256.0 + little), 1.0 + 2.0 / 256.0, "{beyond}");
            assert_eq!(Dtype::BF16.round(1.0 + 3.0 / 256.0 - little), 1.0 + 2.0 / 256.0, "{beyond}");
            assert_eq!(Dtype::F16.round(-(1.0 + 1.0 / 2048.0 + little)), -(1.0 + 2.0 / 2048.0), "{beyond}");
        }
        assert_eq!(Dtype::F16.round(65_520.0), f64::INFINITY);
        assert_eq!(Dtype::F32.round(1e300), f64::INFINITY);
        assert!(Dtype::F16.round(f64::NAN).is_nan());
    }

    /// The value of an E4M3 code, from the table of the OCP specification: bias 7, no infinity, 0x7f and 0xff are NaN.
    fn decode(code: u8) -> f64 {
        let (exponent, fraction) = (i32::from(code >> 3 & 15), f64::from(code & 7));
        let magnitude = match (exponent, code & 7) {
            (15, 7) => f64::NAN,
            (0, _) => fraction / 8.0 * 2f64.powi(-6),
            _ => (1.0 + fraction / 8.0) * 2f64.powi(exponent - 7),
        };
        if code & 0x80 == 0 { magnitude } else { -magnitude }
    }

    #[test]
    fn e4m3_keeps_every_code_and_rounds_between_them_to_even() {
        let round = |x: f64| Dtype::E4M3.round(x);
        assert_eq!((decode(0x7e), decode(0x08), decode(0x01)), (448.0, 2f64.powi(-6), 2f64.powi(-9)));
        for code in (0..0x7f).chain(0x80..0xff) {
            assert_eq!(round(decode(code)).to_bits(), decode(code).to_bits(), "{code:#x}");
        }
        assert!(round(decode(0x7f)).is_nan() && round(decode(0xff)).is_nan());
        for code in 0..0x7e {
            let (below, above) = (decode(code), decode(code + 1));
            let middle = f64::midpoint(below, above);
            let even = if code % 2 == 0 { below } else { above };
            for (x, expected) in [(middle, even), (middle.next_down(), below), (middle.next_up(), above)] {
                assert_eq!((round(x), round(-x)), (expected, -expected), "{x} beside {code:#x}");
            }
        }
    }

    #[test]
    fn e4m3_saturates_and_keeps_the_sign_of_what_vanishes() {
        for x in [448.1, 464.0, 480.0, 65_504.0, 1e300, f64::INFINITY] {
            assert_eq!((Dtype::E4M3.round(x), Dtype::E4M3.round(-x)), (448.0, -448.0), "{x}");
        }
        for x in [-0.0, -1e-5, -f64::MIN_POSITIVE] {
            assert_eq!(Dtype::E4M3.round(x).to_bits(), (-0.0f64).to_bits(), "{x}");
        }
    }

    proptest! {
        #[test]
        fn rounding_moves_by_at_most_half_a_unit_in_the_last_place(x in 1.0f64..2.0) {
            for dtype in [Dtype::F64, Dtype::F32, Dtype::F16, Dtype::BF16] {
                prop_assert!((dtype.round(x) - x).abs() <= dtype.epsilon() / 2.0);
                prop_assert_eq!(dtype.round(dtype.round(x)), dtype.round(x));
            }
        }
    }
}
