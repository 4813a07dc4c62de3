//! Whole-number expressions over what varies between two runs of one plan.

use std::fmt;
use std::ops::{Add, Mul};

/// What a plan is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extent {
    /// Tokens of all sequences together.
    pub tokens: u64,
    /// Sequences.
    pub batch: u64,
    /// The longest sequence, its new tokens included.
    pub max_kv: u64,
}

/// An expression over an [`Extent`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// A number.
    Const(u64),
    /// Tokens of all sequences together.
    Tokens,
    /// Sequences.
    Batch,
    /// The longest sequence.
    MaxKv,
    /// A sum.
    Add(Box<Expr>, Box<Expr>),
    /// A product.
    Mul(Box<Expr>, Box<Expr>),
    /// A quotient, rounded up.
    CeilDiv(Box<Expr>, u64),
}

impl Expr {
    /// The value; `None` where it does not fit 64 bits, or a divisor is zero.
    #[must_use]
    pub fn at(&self, extent: Extent) -> Option<u64> {
        match self {
            Self::Const(value) => Some(*value),
            Self::Tokens => Some(extent.tokens),
            Self::Batch => Some(extent.batch),
            Self::MaxKv => Some(extent.max_kv),
            Self::Add(a, b) => a.at(extent)?.checked_add(b.at(extent)?),
            Self::Mul(a, b) => a.at(extent)?.checked_mul(b.at(extent)?),
            Self::CeilDiv(a, divisor) => {
                (*divisor != 0).then(|| a.at(extent).map(|a| a.div_ceil(*divisor)))?
            }
        }
    }

    /// `self / divisor`, rounded up.
    #[must_use]
    pub fn ceil_div(self, divisor: usize) -> Self {
        Self::CeilDiv(Box::new(self), divisor as u64)
    }
}

impl From<usize> for Expr {
    fn from(value: usize) -> Self {
        Self::Const(value as u64)
    }
}

impl Add for Expr {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self::Add(Box::new(self), Box::new(other))
    }
}

impl Mul<usize> for Expr {
    type Output = Self;

    fn mul(self, factor: usize) -> Self {
        match factor {
            1 => self,
            _ => Self::Mul(Box::new(self), Box::new(factor.into())),
        }
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Const(value) => write!(f, "{value}"),
            Self::Tokens => f.write_str("tokens"),
            Self::Batch => f.write_str("batch"),
            Self::MaxKv => f.write_str("max_kv"),
            Self::Add(a, b) => write!(f, "({a} + {b})"),
            Self::Mul(a, b) => write!(f, "{a} * {b}"),
            Self::CeilDiv(a, divisor) => write!(f, "ceil({a} / {divisor})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_overflow() {
        let extent = Extent { tokens: 65, batch: 2, max_kv: 100 };
        let expr = Expr::Tokens.ceil_div(64) * 3 + Expr::Batch;
        assert_eq!(
            (expr.at(extent), expr.to_string()),
            (Some(8), "(ceil(tokens / 64) * 3 + batch)".to_owned())
        );
        assert_eq!((Expr::MaxKv * usize::MAX).at(extent), None);
        assert_eq!(Expr::CeilDiv(Box::new(Expr::Tokens), 0).at(extent), None);
    }
}
