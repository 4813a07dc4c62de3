//! The contract: what one YAML file may say. The schema is closed, so a misspelled key is an error.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::date::Date;
use crate::ids::{ClaimId, Lane, Tier};
use crate::kinds::Falsifier;
use crate::tolerance::Tolerance;

/// One contract: the claims that hold for a kernel, a model, or a part of the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Who this contract is.
    pub metadata: Metadata,
    /// The equations that the implementation follows, by name.
    #[serde(default)]
    pub equations: BTreeMap<String, Equation>,
    /// What has to hold for the equations to be implemented correctly.
    #[serde(default)]
    pub proof_obligations: Vec<ProofObligation>,
    /// The claims: each one is a prediction that can be falsified, and the falsifier that tries.
    #[serde(default)]
    pub falsification_tests: Vec<FalsificationTest>,
    /// The claims of this contract that have to survive before its subject is released.
    #[serde(default)]
    pub qa_gate: Option<QaGate>,
    /// The order in which the subject is built.
    #[serde(default)]
    pub implementation_stages: Vec<ImplementationStage>,
    /// What changed in this contract, newest first.
    #[serde(default)]
    pub amendment_history: Vec<Amendment>,
}

/// Who a contract is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    /// The id that other contracts name in `depends_on`.
    #[schemars(length(min = 1))]
    pub id: String,
    /// The version of the contract, as `MAJOR.MINOR.PATCH`.
    pub version: String,
    /// One line for lists.
    pub title: String,
    /// What the contract is about.
    pub kind: ContractKind,
    /// The op that a contract of kind `kernel` is about. Left out, the one with the name of its id.
    #[serde(default)]
    #[schemars(length(min = 1))]
    pub op: Option<String>,
    /// More than one line, where needed.
    #[serde(default)]
    pub description: Option<String>,
    /// Papers, and pages that the equations come from.
    #[serde(default)]
    pub references: Vec<String>,
    /// Ids of contracts that have to hold first.
    #[serde(default)]
    pub depends_on: Vec<String>,
}

/// What a contract is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContractKind {
    /// One kernel and its twin.
    Kernel,
    /// One model architecture.
    Model,
    /// A part of the engine that belongs to no single kernel or model.
    Engine,
}

impl Metadata {
    /// The op that a contract of kind `kernel` is about.
    pub fn op(&self) -> Option<&str> {
        (self.kind == ContractKind::Kernel).then(|| self.op.as_deref().unwrap_or(&self.id))
    }
}

impl ContractKind {
    /// The kind as it is written in a contract.
    pub fn as_str(self) -> &'static str {
        match self {
            ContractKind::Kernel => "kernel",
            ContractKind::Model => "model",
            ContractKind::Engine => "engine",
        }
    }
}

/// One equation, written as in its paper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Equation {
    /// The equation.
    pub formula: String,
    /// Where its inputs come from.
    #[serde(default)]
    pub domain: Option<String>,
    /// Where its outputs lie.
    #[serde(default)]
    pub codomain: Option<String>,
    /// What holds for every input.
    #[serde(default)]
    pub invariants: Vec<String>,
}

/// One thing that has to hold, and that at least one falsification test attacks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProofObligation {
    /// The id that falsification tests name in `obligation`.
    #[schemars(length(min = 1))]
    pub id: String,
    /// The shape of the property.
    #[serde(rename = "type")]
    pub kind: ObligationKind,
    /// The property in words.
    pub property: String,
    /// The property in symbols.
    #[serde(default)]
    pub formal: Option<String>,
}

/// The shape of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObligationKind {
    /// Holds for every input.
    Invariant,
    /// Two ways of computing agree.
    Equivalence,
    /// A quantity stays within a limit.
    Bound,
    /// A larger input never gives a smaller output.
    Monotonicity,
    /// Applying twice is applying once.
    Idempotency,
    /// Sums and multiples pass through.
    Linearity,
    /// Exchanging inputs changes nothing, or only a sign.
    Symmetry,
    /// A total is neither gained nor lost.
    Conservation,
    /// An order is kept.
    Ordering,
    /// Nothing is left out.
    Completeness,
    /// Nothing wrong is let in.
    Soundness,
    /// The same input gives the same output.
    Determinism,
    /// Writing and reading back gives the original.
    Roundtrip,
    /// Nothing is touched that must not be.
    Safety,
}

/// One claim: a prediction, and the falsifier that tries to refute it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FalsificationTest {
    /// The id of the claim, unique over all contracts.
    pub id: ClaimId,
    /// The proof obligation that this claim discharges.
    #[serde(default)]
    pub obligation: Option<String>,
    /// What has to hold, in one sentence.
    #[schemars(length(min = 1))]
    pub rule: String,
    /// What the falsifier will see if the rule holds.
    #[schemars(length(min = 1))]
    pub prediction: String,
    /// What to look at first if it does not.
    #[schemars(length(min = 1))]
    pub if_fails: String,
    /// Whether a release has to wait for this claim. Left out, it has to; a gate that lists a claim which does not
    /// block judges and shows it, and passes without it.
    #[serde(default = "yes")]
    pub ship_blocking: bool,
    /// What is executed.
    pub falsifier: Falsifier,
    /// Where it is executed. Left out, this is every lane that the kind supports.
    #[serde(default)]
    pub lanes: Vec<Lane>,
    /// How often it is executed.
    #[serde(default)]
    pub tier: Tier,
    /// The lanes in which it takes too long to be executed on every change: there its tier is long, whatever `tier` says.
    #[serde(default)]
    pub long_in: Vec<Lane>,
    /// How far the outputs may lie from truth.
    #[serde(default)]
    pub tolerance: Option<Tolerance>,
    /// The mutants that this claim has to kill. Without one, nothing shows that it can fail.
    #[serde(default)]
    pub kills: Vec<String>,
}

/// The strict reading is the default one: a claim has to say so to be less.
fn yes() -> bool {
    true
}

impl FalsificationTest {
    /// The lanes that this claim runs in: those it names, or else all that its kind supports.
    pub fn lanes(&self) -> &[Lane] {
        if self.lanes.is_empty() { self.falsifier.info().lanes } else { &self.lanes }
    }

    /// How often this claim is executed in a lane.
    pub fn tier_in(&self, lane: Lane) -> Tier {
        if self.long_in.contains(&lane) { Tier::Long } else { self.tier }
    }
}

/// The claims of a contract that have to survive before its subject is released.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QaGate {
    /// The id of the gate.
    pub id: String,
    /// One line for lists.
    pub name: String,
    /// More than one line, where needed.
    #[serde(default)]
    pub description: Option<String>,
    /// Ids of claims.
    #[serde(default)]
    pub checks: Vec<ClaimId>,
    /// The criterion in words. What is computed is `checks`.
    #[serde(default)]
    pub pass_criteria: Option<String>,
}

/// One step of building the subject.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImplementationStage {
    /// The id that later stages name in `depends_on`.
    #[schemars(length(min = 1))]
    pub id: String,
    /// What is built.
    pub description: String,
    /// Ids of stages of this contract that come first.
    #[serde(default)]
    pub depends_on: Vec<String>,
    /// How far it is. Nothing is computed from it: what holds is what claims survive.
    #[serde(default)]
    pub status: Option<StageStatus>,
}

/// How far a step of building is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageStatus {
    /// Not begun.
    Planned,
    /// Being built.
    Building,
    /// Built; whether it is right is for claims to say.
    Built,
}

/// One change of a contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// The version that the change made.
    pub version: String,
    /// When it was made.
    pub date: Date,
    /// What changed, and why.
    pub description: String,
}
