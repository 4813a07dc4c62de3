//! Identifiers as types, so that a claim id cannot be handed in where a gate id is meant.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The id of one falsification test, such as `FALSIFY-ROPE-003`. Never reused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ClaimId(#[schemars(length(min = 1))] String);

/// The id of one ship gate, such as `ship-qwen2-tiny`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GateId(#[schemars(length(min = 1))] String);

macro_rules! string_id {
    ($name:ident) => {
        impl $name {
            /// Wraps a string that names one member.
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The id as it is written in a contract.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

string_id!(ClaimId);
string_id!(GateId);

/// Where a claim is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// The reference on the processor.
    Cpu,
    /// The virtual device: compiled PTX on the processor, with checks.
    Simt,
    /// A real NVIDIA device.
    Cuda,
}

impl Lane {
    /// Every lane, in the order of how much hardware it needs.
    pub const ALL: &'static [Lane] = &[Lane::Cpu, Lane::Simt, Lane::Cuda];

    /// The lane as it is written in a contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Cpu => "cpu",
            Lane::Simt => "simt",
            Lane::Cuda => "cuda",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// How often a claim is executed.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// On every change.
    #[default]
    Ci,
    /// On request, because it takes long.
    Long,
}

impl Tier {
    /// The tier as it is written in a contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Ci => "ci",
            Tier::Long => "long",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The arithmetic that the reference computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ArithmeticName {
    /// Double precision throughout: what we call truth.
    F64,
    /// Single precision throughout.
    F32,
    /// Rounded where each op declares that the device rounds.
    Declared,
}

impl ArithmeticName {
    /// The arithmetic as it is written in a contract.
    pub fn as_str(self) -> &'static str {
        match self {
            ArithmeticName::F64 => "f64",
            ArithmeticName::F32 => "f32",
            ArithmeticName::Declared => "declared",
        }
    }
}

impl fmt::Display for ArithmeticName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree_with_serialization() {
        for lane in Lane::ALL {
            assert_eq!(serde_json::to_value(lane).unwrap(), lane.as_str());
        }
        for tier in [Tier::Ci, Tier::Long] {
            assert_eq!(serde_json::to_value(tier).unwrap(), tier.as_str());
        }
        for arithmetic in [ArithmeticName::F64, ArithmeticName::F32, ArithmeticName::Declared] {
            assert_eq!(serde_json::to_value(arithmetic).unwrap(), arithmetic.as_str());
        }
    }

    #[test]
    fn ids_are_transparent() {
        assert_eq!(serde_json::to_value(ClaimId::from("A-1")).unwrap(), "A-1");
        assert_eq!(GateId::new("ship").to_string(), "ship");
    }
}
