//! The parameters of each falsifier kind: one kind a file. How a kind executes is not known here.

mod determinism;
mod finiteness;
mod golden_output;
mod loss_bound;
mod model_set;
mod op_parity;
mod oracle_parity;
mod prefill_equals_decode;
mod weights_consumed;

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

pub use determinism::Determinism;
pub use finiteness::Finiteness;
pub use golden_output::{GoldenCase, GoldenOutput, Message};
pub use loss_bound::LossBound;
pub use model_set::ModelSet;
pub use op_parity::OpParity;
pub use oracle_parity::OracleParity;
pub use prefill_equals_decode::PrefillEqualsDecode;
pub use weights_consumed::WeightsConsumed;

use crate::ids::{ArithmeticName, Lane};

/// What is executed to try to refute a claim. Written as a mapping with one key, the kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(transform = crate::schema::one_key_mapping)]
pub enum Falsifier {
    /// A kernel computes what the op's reference computes.
    OpParity(OpParity),
    /// Every stage agrees with goldens that an outside implementation computed.
    OracleParity(OracleParity),
    /// No stage holds a NaN or an infinity.
    Finiteness(Finiteness),
    /// Greedy generation gives the golden's tokens.
    GoldenOutput(GoldenOutput),
    /// The mean loss over a golden text is the oracle's, and is below that of a uniform guess.
    LossBound(LossBound),
    /// One prefill, a chunked prefill, and token-by-token decoding agree.
    PrefillEqualsDecode(PrefillEqualsDecode),
    /// Repeats, and different thread counts, give the same bits.
    Determinism(Determinism),
    /// Every weight in the file is read, or is named as ignored with a reason.
    WeightsConsumed(WeightsConsumed),
}

/// Tolerances that state their own limit.
const STATED: &[&str] = &["bitwise", "ulp", "abs_rel", "row_l2"];

/// Tolerances that are derived from honest runs.
const DERIVED: &[&str] = &["derived"];

/// What the harness tells about a falsifier kind.
#[derive(Debug)]
pub struct KindInfo {
    /// The key that contracts write.
    pub name: &'static str,
    /// One line for lists.
    pub summary: &'static str,
    /// What is executed, and what falsifies it.
    pub doc: &'static str,
    /// A falsifier of this kind, as YAML.
    pub example: &'static str,
    /// Whether a claim of this kind says a tolerance.
    pub needs_tolerance: NeedsTolerance,
    /// The forms of tolerance that this kind can apply, by [`crate::Tolerance::name`].
    pub tolerances: &'static [&'static str],
    /// The lanes that the kind is defined for.
    pub lanes: &'static [Lane],
    /// What to expect of its running time.
    pub tier_note: &'static str,
    /// The JSON Schema of the parameters.
    pub schema: fn() -> Schema,
}

/// Whether a claim of a kind says a tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeedsTolerance {
    /// It compares numbers: a claim without one says nothing.
    Required,
    /// It compares bit for bit unless told otherwise.
    Optional,
    /// It compares nothing that a tolerance could apply to.
    Forbidden,
}

impl NeedsTolerance {
    /// One word for lists.
    pub fn as_str(self) -> &'static str {
        match self {
            NeedsTolerance::Required => "required",
            NeedsTolerance::Optional => "optional",
            NeedsTolerance::Forbidden => "forbidden",
        }
    }
}

/// Every falsifier kind, by name.
pub const KINDS: &[&KindInfo] = &[
    &determinism::INFO,
    &finiteness::INFO,
    &golden_output::INFO,
    &loss_bound::INFO,
    &op_parity::INFO,
    &oracle_parity::INFO,
    &prefill_equals_decode::INFO,
    &weights_consumed::INFO,
];

impl Falsifier {
    /// What the harness tells about this kind.
    pub fn info(&self) -> &'static KindInfo {
        match self {
            Falsifier::OpParity(_) => &op_parity::INFO,
            Falsifier::OracleParity(_) => &oracle_parity::INFO,
            Falsifier::Finiteness(_) => &finiteness::INFO,
            Falsifier::GoldenOutput(_) => &golden_output::INFO,
            Falsifier::LossBound(_) => &loss_bound::INFO,
            Falsifier::PrefillEqualsDecode(_) => &prefill_equals_decode::INFO,
            Falsifier::Determinism(_) => &determinism::INFO,
            Falsifier::WeightsConsumed(_) => &weights_consumed::INFO,
        }
    }

    /// The key that contracts write.
    pub fn kind(&self) -> &'static str {
        self.info().name
    }

    /// The zoo models that the claim runs on.
    pub fn models(&self) -> &[String] {
        match self {
            Falsifier::OracleParity(parameters) => parameters.model.names(),
            Falsifier::Finiteness(parameters) => parameters.model.names(),
            Falsifier::GoldenOutput(parameters) => parameters.model.names(),
            Falsifier::LossBound(parameters) => parameters.model.names(),
            Falsifier::PrefillEqualsDecode(parameters) => parameters.model.names(),
            Falsifier::Determinism(parameters) => parameters.model.names(),
            Falsifier::WeightsConsumed(parameters) => parameters.model.names(),
            Falsifier::OpParity(_) => &[],
        }
    }

    /// The goldens that the claim reads, without repetition of the models.
    pub fn goldens(&self) -> Vec<&str> {
        match self {
            Falsifier::OracleParity(parameters) => strings(&parameters.prompts),
            Falsifier::Finiteness(parameters) => strings(&parameters.prompts),
            Falsifier::GoldenOutput(parameters) => {
                parameters.cases.iter().map(|case| case.golden.as_str()).collect()
            }
            Falsifier::LossBound(parameters) => vec![parameters.golden.as_str()],
            Falsifier::PrefillEqualsDecode(parameters) => strings(&parameters.prompts),
            Falsifier::Determinism(parameters) => strings(&parameters.prompts),
            Falsifier::OpParity(_) | Falsifier::WeightsConsumed(_) => Vec::new(),
        }
    }

    /// The globs over canonical stage names. Empty where the kind looks at no stages.
    pub fn stages(&self) -> &[String] {
        match self {
            Falsifier::OracleParity(parameters) => &parameters.stages,
            Falsifier::Finiteness(parameters) => &parameters.stages,
            Falsifier::OpParity(_)
            | Falsifier::GoldenOutput(_)
            | Falsifier::LossBound(_)
            | Falsifier::PrefillEqualsDecode(_)
            | Falsifier::Determinism(_)
            | Falsifier::WeightsConsumed(_) => &[],
        }
    }

    /// The arithmetics that the claim runs in. Empty where the kind computes nothing.
    pub fn arithmetic(&self) -> &[ArithmeticName] {
        match self {
            Falsifier::OracleParity(parameters) => &parameters.arithmetic,
            Falsifier::Finiteness(parameters) => &parameters.arithmetic,
            Falsifier::LossBound(parameters) => &parameters.arithmetic,
            Falsifier::PrefillEqualsDecode(parameters) => &parameters.arithmetic,
            Falsifier::Determinism(parameters) => &parameters.arithmetic,
            Falsifier::OpParity(_) | Falsifier::GoldenOutput(_) | Falsifier::WeightsConsumed(_) => &[],
        }
    }
}

fn strings(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// The kind with this name.
pub fn kind(name: &str) -> Option<&'static KindInfo> {
    KINDS.iter().find(|kind| kind.name == name).copied()
}

/// `stages` left out: every stage.
fn every_stage() -> Vec<String> {
    vec!["*".to_owned()]
}

/// `arithmetic` left out, for kinds where single precision is what is at risk.
fn single() -> Vec<ArithmeticName> {
    vec![ArithmeticName::F32]
}

/// `arithmetic` left out, for kinds that hold in both.
fn double_and_single() -> Vec<ArithmeticName> {
    vec![ArithmeticName::F64, ArithmeticName::F32]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_registered_once_and_sorted() {
        let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(names, sorted);
        assert!(!names.is_empty());
    }

    #[test]
    fn every_variant_is_in_the_registry() {
        // The schema is generated from the enum, so its properties are the variants.
        let schema = schemars::schema_for!(Falsifier);
        let variants: Vec<&String> = schema.as_value()["properties"].as_object().unwrap().keys().collect();
        assert_eq!(variants.len(), KINDS.len());
        for variant in variants {
            assert!(kind(variant).is_some(), "{variant} is not in KINDS");
        }
    }

    #[test]
    fn every_example_parses_as_its_own_kind() {
        for kind in KINDS {
            let falsifier = crate::parse::falsifier(kind.example).unwrap();
            assert_eq!(falsifier.kind(), kind.name);
            assert!(!kind.lanes.is_empty(), "{}", kind.name);
            assert!(kind.doc.len() > kind.summary.len(), "{}", kind.name);
        }
    }
}
