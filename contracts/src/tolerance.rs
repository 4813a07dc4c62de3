//! How far an output may lie from truth. The only place where a number of that kind can live.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The distance that a claim accepts between what was found and what is true.
///
/// Every bound is checked as "not (ok)", so that a NaN fails. Cosine similarity is no criterion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[schemars(transform = crate::schema::one_key_mapping)]
pub enum Tolerance {
    /// Equal bit for bit.
    Bitwise,
    /// At most this many units in the last place, for every element.
    Ulp(u32),
    /// `|found - truth| <= abs + rel * |truth|`, for every element.
    AbsRel {
        /// The absolute part.
        abs: f64,
        /// The part relative to the magnitude of the truth.
        rel: f64,
        /// Why these numbers, and not smaller ones.
        because: String,
    },
    /// The worst row: `||found - truth||2 / ||truth||2 <= max`.
    RowL2 {
        /// The largest relative error of a row.
        max: f64,
        /// Why this number, and not a smaller one.
        because: String,
    },
    /// At most `factor` times as far from truth as an honest run in the declared arithmetic.
    Derived {
        /// How many times farther than an honest run.
        factor: f64,
    },
}

impl Tolerance {
    /// The key that a contract writes for this tolerance.
    pub fn name(&self) -> &'static str {
        match self {
            Tolerance::Bitwise => "bitwise",
            Tolerance::Ulp(_) => "ulp",
            Tolerance::AbsRel { .. } => "abs_rel",
            Tolerance::RowL2 { .. } => "row_l2",
            Tolerance::Derived { .. } => "derived",
        }
    }

    /// The reason that the contract gives, where this tolerance asks for one.
    pub fn because(&self) -> Option<&str> {
        match self {
            Tolerance::AbsRel { because, .. } | Tolerance::RowL2 { because, .. } => Some(because),
            Tolerance::Bitwise | Tolerance::Ulp(_) | Tolerance::Derived { .. } => None,
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Tolerance::Bitwise => formatter.write_str("bitwise"),
            Tolerance::Ulp(count) => write!(formatter, "{count} ulp"),
            Tolerance::AbsRel { abs, rel, .. } => write!(formatter, "abs {abs:e} + rel {rel:e}"),
            Tolerance::RowL2 { max, .. } => write!(formatter, "worst row l2 {max:e}"),
            Tolerance::Derived { factor } => write!(formatter, "{factor} x an honest run"),
        }
    }
}
