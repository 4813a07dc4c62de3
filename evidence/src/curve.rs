//! How far each stage of one case was from what it was held to.

use serde::{Deserialize, Serialize};

use crate::real::Real;

/// The error of every stage that a case compared, in the order of execution.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Curve {
    /// The case, by its id.
    pub case: String,
    /// The name of the metric.
    pub metric: String,
    /// The stages. Never empty.
    pub points: Vec<CurvePoint>,
}

/// The error of one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    /// Canonical name of the stage.
    pub stage: String,
    /// The worst value there; not finite where the stage itself is not.
    pub value: Real,
    /// What it was held to.
    pub limit: Real,
}
