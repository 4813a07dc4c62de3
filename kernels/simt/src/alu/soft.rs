//! Exact arithmetic in integers, rounded once to any format: slow, and right in every case. It serves what nothing
//! else does (`f64` in directions other than to nearest, conversions in such directions), and tests measure the rest
//! against it. It is called by hundreds of functions, so none of it is inlined: that would take long to build.

use super::directed::{DOWN, ODD, UP, ZERO};

/// A binary format, as IEEE 754 describes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    /// Bits of the significand, with the one that is not written.
    precision: i32,
    /// Exponent of the smallest normal number.
    least: i32,
    /// Bits of the largest finite number.
    largest: u64,
    /// The position of the sign.
    sign: u32,
}

/// `f64`.
pub(super) const F64: Format =
    Format { precision: 53, least: -1022, largest: 0x7fef_ffff_ffff_ffff, sign: 63 };
/// `f32`.
pub(super) const F32: Format = Format { precision: 24, least: -126, largest: 0x7f7f_ffff, sign: 31 };
/// `f16`.
pub(super) const F16: Format = Format { precision: 11, least: -14, largest: 0x7bff, sign: 15 };
/// `bf16`.
pub(super) const BF16: Format = Format { precision: 8, least: -126, largest: 0x7f7f, sign: 15 };
/// `e5m2`.
pub(super) const E5M2: Format = Format { precision: 3, least: -14, largest: 0x7b, sign: 7 };
/// `e4m3`: no infinity; the next after the largest finite is NaN.
pub(super) const E4M3: Format = Format { precision: 4, least: -6, largest: 0x7e, sign: 7 };
/// `tf32`, as the upper bits of an `f32` without its low 13.
pub(super) const TF32: Format = Format { precision: 11, least: -126, largest: 0x3fbff, sign: 18 };

/// Ties away from zero, besides the ways in `directed`.
pub(super) const AWAY: u8 = 5;

/// A number: `significand * 2^exponent`, and a little more (less than its last place) where `sticky`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exact {
    /// Whether it is negative, or a negative zero.
    pub(super) negative: bool,
    /// What `significand` counts.
    pub(super) exponent: i32,
    /// At least two bits longer than the format where `sticky`.
    pub(super) significand: u128,
    /// Whether something below is not written.
    pub(super) sticky: bool,
}

impl Exact {
    /// A finite `f64`.
    #[inline(never)]
    pub(super) fn of(value: f64) -> Self {
        let bits = value.to_bits();
        let fraction = u128::from(bits & 0x000f_ffff_ffff_ffff);
        let biased = ((bits >> 52) & 0x7ff) as i32;
        let (significand, exponent) =
            if biased == 0 { (fraction, -1074) } else { (fraction | (1 << 52), biased - 1075) };
        Self { negative: value.is_sign_negative(), exponent, significand, sticky: false }
    }

    /// With the highest bit at 125.
    #[inline(never)]
    fn raised(mut self) -> Self {
        if self.significand != 0 {
            let by = self.significand.leading_zeros() as i32 - 2;
            self.significand = if by >= 0 { self.significand << by } else { self.significand >> -by };
            self.exponent -= by;
        }
        self
    }

    /// The product of two that have at most 53 bits.
    pub(super) fn times(self, other: Self) -> Self {
        Self {
            negative: self.negative != other.negative,
            exponent: self.exponent + other.exponent,
            significand: self.significand * other.significand,
            sticky: false,
        }
    }

    /// The sum of two that have at most 106 bits. What is an exact zero of two signs is negative where `down`.
    #[inline(never)]
    pub(super) fn plus(self, other: Self, down: bool) -> Self {
        if self.significand == 0 && other.significand == 0 {
            let negative = if self.negative == other.negative { self.negative } else { down };
            return Self { negative, ..self };
        }
        if self.significand == 0 {
            return other;
        }
        if other.significand == 0 {
            return self;
        }
        let (a, b) = (self.raised(), other.raised());
        let (big, small) =
            if (a.exponent, a.significand) >= (b.exponent, b.significand) { (a, b) } else { (b, a) };
        let distance = (big.exponent - small.exponent) as u32;
        let (low, sticky) = if distance >= 128 {
            (0, true)
        } else {
            let low = small.significand >> distance;
            (low, low << distance != small.significand)
        };
        let significand = if big.negative == small.negative {
            big.significand + low
        } else {
            // What is not written is taken away too: one less, and a little more than that.
            big.significand - low - u128::from(sticky)
        };
        let negative = if significand == 0 && !sticky { down } else { big.negative };
        Self { negative, exponent: big.exponent, significand, sticky }
    }

    /// The quotient of two that have at most 53 bits; the other is not zero.
    #[inline(never)]
    pub(super) fn over(self, other: Self) -> Self {
        let negative = self.negative != other.negative;
        if self.significand == 0 {
            return Self { negative, ..self };
        }
        let (a, b) = (self.raised(), other.significand);
        let divisor = b.max(1);
        Self {
            negative,
            exponent: a.exponent - other.exponent,
            significand: a.significand / divisor,
            sticky: a.significand % divisor != 0,
        }
    }

    /// The square root of what is not negative.
    #[inline(never)]
    pub(super) fn root(self) -> Self {
        let mut a = self.raised();
        if a.exponent % 2 != 0 {
            a.significand <<= 1;
            a.exponent -= 1;
        }
        let root = a.significand.isqrt();
        Self {
            negative: self.negative,
            exponent: a.exponent / 2,
            significand: root,
            sticky: root * root != a.significand,
        }
    }

    /// The bits of the number in a format. Too large a number becomes the one after the largest finite (infinity),
    /// unless it is rounded toward zero.
    #[inline(never)]
    pub(super) fn round(self, format: Format, rounding: u8) -> u64 {
        let sign = u64::from(self.negative) << format.sign;
        if self.significand == 0 {
            return sign;
        }
        let length = 128 - self.significand.leading_zeros() as i32;
        let least = format.least - (format.precision - 1);
        let place = (self.exponent + length - format.precision).max(least);
        let shift = place - self.exponent;
        let (kept, over, half) = if shift <= 0 {
            (self.significand << -shift, self.sticky, std::cmp::Ordering::Less)
        } else if shift > 127 {
            (0, true, std::cmp::Ordering::Less)
        } else {
            let kept = self.significand >> shift;
            let rest = self.significand - (kept << shift);
            let half = rest.cmp(&(1 << (shift - 1)));
            let half = if half.is_eq() && self.sticky { std::cmp::Ordering::Greater } else { half };
            (kept, rest != 0 || self.sticky, half)
        };
        let odd = kept & 1 == 1;
        let away = match rounding {
            ZERO => false,
            DOWN => over && self.negative,
            UP => over && !self.negative,
            ODD => over && !odd,
            AWAY => half.is_ge(),
            _ => half.is_gt() || (half.is_eq() && odd),
        };
        // A significand that grows by a bit counts as one more of the exponent, as it should.
        let count = kept + u128::from(away);
        let bits = (((place - least) as u128) << (format.precision - 1)) + count;
        let largest = u128::from(format.largest);
        let bits = if bits > largest {
            let stay = match rounding {
                ZERO | ODD => true,
                DOWN => !self.negative,
                UP => self.negative,
                _ => false,
            };
            if stay { largest } else { largest + 1 }
        } else {
            bits
        };
        sign | bits as u64
    }
}

/// `a + b` of finite numbers.
pub(super) fn add(a: f64, b: f64, rounding: u8) -> f64 {
    f64::from_bits(Exact::of(a).plus(Exact::of(b), rounding == DOWN).round(F64, rounding))
}

/// `a * b` of finite numbers.
pub(super) fn mul(a: f64, b: f64, rounding: u8) -> f64 {
    f64::from_bits(Exact::of(a).times(Exact::of(b)).round(F64, rounding))
}

/// `a * b + c` of finite numbers.
pub(super) fn fma(a: f64, b: f64, c: f64, rounding: u8) -> f64 {
    let product = Exact::of(a).times(Exact::of(b));
    f64::from_bits(product.plus(Exact::of(c), rounding == DOWN).round(F64, rounding))
}

/// `a / b` of finite numbers, `b` not zero.
pub(super) fn div(a: f64, b: f64, rounding: u8) -> f64 {
    f64::from_bits(Exact::of(a).over(Exact::of(b)).round(F64, rounding))
}

/// The square root of a finite number that is not negative.
pub(super) fn sqrt(a: f64, rounding: u8) -> f64 {
    f64::from_bits(Exact::of(a).root().round(F64, rounding))
}
