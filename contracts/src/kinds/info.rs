//! What is told about a kind, and what its parameters say about a claim.

use schemars::Schema;

use crate::ids::{ArithmeticName, Lane};

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

/// What the parameters of a kind say about a claim.
pub trait Parameters {
    /// What the harness tells about the kind.
    fn info(&self) -> &'static KindInfo;

    /// The zoo models that the claim runs on.
    fn models(&self) -> &[String];

    /// The op that the claim is about, where it is about one.
    fn op(&self) -> Option<&str> {
        None
    }

    /// The goldens that the claim reads, without repetition of the models.
    fn goldens(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The globs over canonical stage names. Empty where the kind looks at no stages.
    fn stages(&self) -> &[String] {
        &[]
    }

    /// The arithmetics that the claim runs in. Empty where the kind computes nothing, or what a device computes.
    fn arithmetic(&self) -> &[ArithmeticName] {
        &[]
    }
}
