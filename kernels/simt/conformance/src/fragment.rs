//! Elements of matrix products: random, and chosen so that it shows how many bits of an addend the sum keeps, how
//! addends are aligned, and how the result is rounded.

use half::{bf16, f16};

/// The type of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum Element {
    F16,
    BF16,
    TF32,
    F32,
    F64,
    E4M3,
    E5M2,
    Byte,
    S32,
}

/// Which matrix it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Left.
    A,
    /// Right.
    B,
    /// What is added.
    C,
}

/// A register of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// What it holds.
    pub element: Element,
    /// Of which matrix.
    pub role: Role,
}

/// How the elements of a warp are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Regime {
    /// Magnitudes from 0.5 to 2.
    Plain,
    /// Exponents far apart.
    Wide,
    /// One large addend in eight, the others tiny.
    LargeAmongTiny,
    /// Any finite bits.
    Bits,
    /// As `Plain`, with an infinity, a NaN or the greatest value here and there.
    Special,
    /// Subnormal factors.
    Subnormal,
    /// Powers of two: every addend is one bit, at another place.
    Alignment,
    /// Sums that cancel to their last bits.
    Cancellation,
}

impl Regime {
    /// That of a warp.
    #[must_use]
    pub const fn of_warp(warp: u64) -> Self {
        match warp % 8 {
            0 => Self::Plain,
            1 => Self::Wide,
            2 => Self::LargeAmongTiny,
            3 => Self::Bits,
            4 => Self::Special,
            5 => Self::Subnormal,
            6 => Self::Alignment,
            _ => Self::Cancellation,
        }
    }
}

impl Element {
    /// Its bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::E4M3 | Self::E5M2 | Self::Byte => 8,
            Self::F16 | Self::BF16 => 16,
            Self::TF32 | Self::F32 | Self::S32 => 32,
            Self::F64 => 64,
        }
    }

    /// All of its bits.
    #[must_use]
    pub const fn mask(self) -> u64 {
        u64::MAX >> (64 - self.bits())
    }

    /// The value of its bits. TF32 has no low 13 bits.
    #[must_use]
    pub fn decode(self, bits: u64) -> f64 {
        match self {
            Self::F16 => f16::from_bits(bits as u16).to_f64(),
            Self::BF16 => bf16::from_bits(bits as u16).to_f64(),
            Self::TF32 => f64::from(f32::from_bits(bits as u32 & !0x1fff)),
            Self::F32 => f64::from(f32::from_bits(bits as u32)),
            Self::F64 => f64::from_bits(bits),
            // The upper byte of a binary16.
            Self::E5M2 => f16::from_bits((bits as u16 & 0xff) << 8).to_f64(),
            Self::E4M3 => e4m3(bits as u8),
            Self::Byte => f64::from(bits as u8),
            Self::S32 => f64::from(bits as u32 as i32),
        }
    }

    fn encode(self, value: f64) -> u64 {
        match self {
            Self::F16 => u64::from(f16::from_f64(value).to_bits()),
            Self::BF16 => u64::from(bf16::from_f64(value).to_bits()),
            Self::TF32 => u64::from((value as f32).to_bits() & !0x1fff),
            Self::F32 => u64::from((value as f32).to_bits()),
            Self::F64 => value.to_bits(),
            Self::E5M2 => u64::from(f16::from_f64(value).to_bits() >> 8),
            Self::E4M3 => encode_e4m3(value),
            Self::Byte | Self::S32 => value as i64 as u64,
        }
    }

    /// Exponents of `Wide`: the products stay far inside the type of the sum.
    const fn reach(self) -> u64 {
        match self {
            Self::E4M3 => 5,
            Self::E5M2 | Self::F16 => 7,
            _ => 20,
        }
    }

    const fn special(self) -> [u64; 4] {
        match self {
            Self::F16 => [0x7c00, 0xfc00, 0x7e01, 0x7bff],
            Self::BF16 => [0x7f80, 0xff80, 0x7fc1, 0x7f7f],
            Self::TF32 | Self::F32 => [0x7f80_0000, 0xff80_0000, 0x7fc1_2345, 0x7f7f_e000],
            Self::F64 => [0x7ff0 << 48, 0xfff0 << 48, 0x7ff8_1234_5678_9abc, 0x7fef << 48],
            Self::E5M2 => [0x7c, 0xfc, 0x7e, 0x7b],
            Self::E4M3 => [0x7f, 0xff, 0x7e, 0xfe],
            Self::Byte => [0x7f, 0x80, 0xff, 0],
            Self::S32 => [0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fff_ff00],
        }
    }
}

impl Fragment {
    /// Bits of a register.
    #[must_use]
    pub const fn width(self) -> u32 {
        if matches!(self.element, Element::F64) { 64 } else { 32 }
    }

    /// A register's value.
    pub(crate) fn value(self, regime: Regime, random: u64, index: u64) -> u64 {
        let bits = self.element.bits();
        (0..self.width() / bits).fold(0, |value, part| {
            let random = crate::random::bits(random, index, u64::from(part) + 1);
            let mask = if bits == 64 { u64::MAX } else { (1 << bits) - 1 };
            value | (self.element(regime, random) & mask) << (part * bits)
        })
    }

    fn element(self, regime: Regime, random: u64) -> u64 {
        let element = self.element;
        if matches!(element, Element::Byte | Element::S32) {
            let edge = element.special()[(random >> 4 & 3) as usize];
            return if random & 7 == 0 && regime == Regime::Special { edge } else { random >> 32 };
        }
        let sign = if random & 1 == 0 { 1.0 } else { -1.0 };
        let mantissa = 1.0 + (random >> 12 & 0x00ff_ffff) as f64 / f64::from(1 << 24);
        let two = |power: i64| 2.0_f64.powi(power as i32);
        let chance = random >> 40 & 0xff;
        let c = self.role == Role::C;
        let value = match regime {
            Regime::Plain => sign * mantissa * two((chance & 1) as i64 - 1),
            Regime::Wide => {
                let reach = element.reach();
                sign * mantissa * two((chance % (2 * reach + 1)) as i64 - reach as i64)
            }
            Regime::LargeAmongTiny => match self.role {
                Role::B => sign,
                _ if chance.is_multiple_of(8) => sign * two((random >> 48 & 3) as i64 + 4),
                _ => sign * mantissa * two(-6 - (random >> 48 & 7) as i64),
            },
            Regime::Bits => return self.finite(random >> 8),
            Regime::Special if chance < 3 || (c && chance < 6) => {
                return element.special()[(random >> 50 & 3) as usize];
            }
            Regime::Special => sign * mantissa * two((random >> 50 & 3) as i64 - 2),
            Regime::Subnormal => match self.role {
                Role::A => return self.subnormal(random),
                Role::B => sign * two((chance & 7) as i64),
                Role::C if chance & 1 == 0 => 0.0,
                Role::C => return self.subnormal(random),
            },
            Regime::Alignment => match self.role {
                Role::A => sign,
                Role::B => sign * two(-((chance % 29) as i64)),
                Role::C if chance & 3 == 0 => 0.0,
                Role::C => sign * two((random >> 50 & 7) as i64 - 3),
            },
            Regime::Cancellation => match self.role {
                Role::A => sign,
                Role::B if chance & 7 == 0 => two(-10 - (random >> 50 & 15) as i64),
                Role::B => 1.0 + (random >> 50 & 3) as f64 * two(-(element.mantissa())),
                Role::C => sign * ((random >> 50 & 7) as f64 + mantissa * two(-20)),
            },
        };
        element.encode(value)
    }

    /// Any bits but those of infinities and NaN.
    fn finite(self, random: u64) -> u64 {
        let exponent = match self.element {
            Element::F16 => 0x7c00,
            Element::BF16 => 0x7f80,
            Element::E5M2 => 0x7c,
            // The least of a NaN's bits.
            Element::E4M3 => return if random & 0x7f == 0x7f { random & 0xf7 } else { random & 0xff },
            // Not so great that the sum of products is infinite each time.
            Element::F64 => return random & !(0x7 << 60) | 0x3 << 60,
            _ => return random & !(0x7 << 28) | 0x3 << 28,
        };
        if random & exponent == exponent { random & !(exponent & exponent >> 1) } else { random }
    }

    fn subnormal(self, random: u64) -> u64 {
        let bits = self.element.bits();
        let fraction = (1_u64 << self.element.mantissa()) - 1;
        (random >> 8 & fraction) | (random & 1) << (bits - 1)
    }
}

impl Element {
    const fn mantissa(self) -> i64 {
        match self {
            Self::E5M2 => 2,
            Self::E4M3 => 3,
            Self::BF16 => 7,
            Self::F16 | Self::TF32 => 10,
            Self::F64 => 52,
            _ => 23,
        }
    }
}

fn e4m3(bits: u8) -> f64 {
    let (exponent, fraction) = (i32::from(bits >> 3 & 15), f64::from(bits & 7));
    let magnitude = match exponent {
        15 if bits & 7 == 7 => f64::NAN,
        0 => fraction / 8.0 * 2.0_f64.powi(-6),
        _ => (1.0 + fraction / 8.0) * 2.0_f64.powi(exponent - 7),
    };
    if bits & 0x80 == 0 { magnitude } else { -magnitude }
}

/// The nearest not above in magnitude: inputs need no more.
fn encode_e4m3(value: f64) -> u64 {
    let sign = u64::from(value.is_sign_negative()) << 7;
    (0..0x7f_u8).rev().find(|&bits| e4m3(bits) <= value.abs()).map_or(sign, |bits| sign | u64::from(bits))
}
