//! What is meant where a contract leaves a parameter out.

use crate::ids::ArithmeticName;

/// `stages` left out: every stage.
pub(super) fn every_stage() -> Vec<String> {
    vec!["*".to_owned()]
}

/// `arithmetic` left out, for kinds where single precision is what is at risk.
pub(super) fn single() -> Vec<ArithmeticName> {
    vec![ArithmeticName::F32]
}

/// `arithmetic` left out, for kinds that hold in both.
pub(super) fn double_and_single() -> Vec<ArithmeticName> {
    vec![ArithmeticName::F64, ArithmeticName::F32]
}
