//! Numbers, as PTX writes them (PTX ISA 9.0, section 4.5).

use super::Type;

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// A whole number of up to 64 bits, and whether it had a minus.
    Integer { magnitude: u64, negative: bool },
    /// The bits of a binary32: `0f3F800000`.
    Single(u32),
    /// The bits of a binary64: `0d3FF0000000000000`.
    Double(u64),
    /// `1.5`: a binary64 that becomes what it is used as.
    Decimal(f64),
}

impl Number {
    /// From a token, with the minus before it taken off.
    ///
    /// # Errors
    /// What PTX does not write so.
    pub(super) fn parse(text: &str, negative: bool) -> Result<Self, String> {
        let bad = || format!("`{}` is no number", super::cursor::shorten(text));
        let bits = |digits: &str, length: usize| {
            (digits.len() == length).then(|| u64::from_str_radix(digits, 16).ok()).flatten().ok_or_else(
                || {
                    format!(
                        "`{}` is no number: {length} hexadecimal digits follow",
                        super::cursor::shorten(text)
                    )
                },
            )
        };
        match text.as_bytes() {
            [b'0', b'f' | b'F', ..] => {
                let bits = bits(text.get(2..).unwrap_or(""), 8)?;
                let sign = if negative { 1 << 31 } else { 0 };
                return Ok(Self::Single(u32::try_from(bits).map_err(|_| bad())? ^ sign));
            }
            [b'0', b'd' | b'D', ..] => {
                let bits = bits(text.get(2..).unwrap_or(""), 16)?;
                return Ok(Self::Double(bits ^ (u64::from(negative) << 63)));
            }
            _ => {}
        }
        let (radix, digits) = match text.as_bytes() {
            [b'0', b'x' | b'X', ..] => (16, text.get(2..).unwrap_or("")),
            [b'0', b'b' | b'B', ..] => (2, text.get(2..).unwrap_or("")),
            _ if text.contains(['.', 'e', 'E']) => {
                let value: f64 = text.parse().map_err(|_| bad())?;
                return Ok(Self::Decimal(if negative { -value } else { value }));
            }
            [b'0', _, ..] => (8, text.get(1..).unwrap_or("")),
            _ => (10, text),
        };
        let digits = digits.strip_suffix(['U', 'u']).unwrap_or(digits);
        // `0U` is octal without digits.
        let digits = if digits.is_empty() && radix == 8 { "0" } else { digits };
        if digits.starts_with(['+', '-']) {
            return Err(bad());
        }
        let magnitude = u64::from_str_radix(digits, radix).map_err(|_| bad())?;
        Ok(Self::Integer { magnitude, negative })
    }

    /// A whole number from 0 on.
    pub(super) const fn index(self) -> Option<u64> {
        match self {
            Self::Integer { magnitude, negative: false } | Self::Integer { magnitude: magnitude @ 0, .. } => {
                Some(magnitude)
            }
            _ => None,
        }
    }

    /// A whole number with a sign.
    pub(super) fn offset(self) -> Option<i64> {
        match self {
            Self::Integer { magnitude, negative: false } => i64::try_from(magnitude).ok(),
            Self::Integer { magnitude, negative: true } => 0_i64.checked_sub_unsigned(magnitude),
            _ => None,
        }
    }

    /// Its bits as a value of a type, zero-extended.
    ///
    /// # Errors
    /// The type holds no such number.
    pub(super) fn bits(self, ty: Type) -> Result<u64, String> {
        use Type::{BF16, BF16x2, E4M3x2, E5M2x2, F16, F16x2, F32, F64, TF32};
        let float = matches!(ty, F16 | F16x2 | BF16 | BF16x2 | E4M3x2 | E5M2x2 | TF32 | F32 | F64);
        match self {
            Self::Integer { magnitude, .. } if ty == Type::Pred => Ok(u64::from(magnitude != 0)),
            Self::Integer { magnitude, negative } if !float => integer(magnitude, negative, ty.bytes() * 8),
            Self::Single(bits) if matches!(ty, F32 | TF32 | Type::B32) => Ok(u64::from(bits)),
            Self::Double(bits) if matches!(ty, F64 | Type::B64) => Ok(bits),
            Self::Decimal(value) if ty == F64 => Ok(value.to_bits()),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "PTX rounds the number to the type of its use"
            )]
            Self::Decimal(value) if ty == F32 => Ok(u64::from((value as f32).to_bits())),
            _ => Err(format!("the number {self:?} does not go with the type {ty:?}")),
        }
    }
}

/// The low bits of a whole number that fits, read as signed or as unsigned.
fn integer(magnitude: u64, negative: bool, width: u32) -> Result<u64, String> {
    let mask = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
    let fits = if negative { magnitude <= 1 << (width - 1) } else { magnitude <= mask };
    if !fits {
        let sign = if negative { "-" } else { "" };
        return Err(format!("the number {sign}{magnitude} does not fit into {width} bits"));
    }
    Ok(if negative { magnitude.wrapping_neg() & mask } else { magnitude })
}
