//! Ship gates: which claims have to hold, and how fresh and how real their evidence has to be.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{ClaimId, GateId, Lane};

/// One ship gate. It holds no threshold: tolerances live in claims and nowhere else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The id of the gate.
    pub gate: GateId,
    /// One line for lists.
    pub title: String,
    /// The claims that have to hold.
    #[serde(default)]
    pub claims: Vec<ClaimId>,
    /// The lanes in which they have to hold.
    #[schemars(length(min = 1))]
    pub lanes: Vec<Lane>,
    /// What their evidence has to be.
    pub requires: Requires,
}

/// What the evidence for a gate has to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Requires {
    /// The level that every claim has to reach.
    pub level: Level,
    /// Whether stale evidence fails the gate.
    #[serde(default = "yes")]
    pub fresh: bool,
    /// Whether every mutant that a claim names has to be killed.
    #[serde(default = "yes")]
    pub mutants_killed: bool,
}

/// The strict reading is the default one: a gate has to say so to be laxer.
fn yes() -> bool {
    true
}

/// How much a surviving claim is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Survived on the processor or on the virtual device.
    Algorithm,
    /// Survived on real hardware with a zoo model.
    Functional,
    /// Survived on real hardware with the named artifact, fresh, mutants killed.
    Discharged,
}

impl Level {
    /// The level as it is written in a gate.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::Algorithm => "algorithm",
            Level::Functional => "functional",
            Level::Discharged => "discharged",
        }
    }
}
