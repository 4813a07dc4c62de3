//! Why an attempt did not end in "survived".

use std::fmt;

use evidence::{CurvePoint, Need, Real, Vacuity};
use serde::{Deserialize, Serialize};

use crate::exact;

/// The four ways in which an attempt ends without the claim having survived it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Stop {
    /// The claim does not hold.
    Falsified(Box<Defect>),
    /// Something that the attempt needs is not there.
    Blocked(Need),
    /// There was nothing to attack.
    Vacuous(Vacuity),
    /// The attempt itself went wrong.
    Errored(String),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Falsified(defect) => {
                let (value, limit) = (Real::new(defect.value), Real::new(defect.limit));
                write!(f, "{}: {} {value}, limit {limit}", defect.message, defect.metric)
            }
            Self::Blocked(need) => write!(f, "{need}"),
            Self::Vacuous(why) => write!(f, "{why}"),
            Self::Errored(error) => f.write_str(error),
        }
    }
}

/// Where and how a claim does not hold. The runner adds the case, the seed and the command to rerun it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defect {
    /// Canonical name of the stage.
    pub stage: Option<String>,
    /// Which token of the sequence.
    pub token: Option<u64>,
    /// Coordinates of the element.
    pub index: Vec<u64>,
    /// The truth there.
    #[serde(with = "exact::option")]
    pub truth: Option<f64>,
    /// What was found there.
    #[serde(with = "exact::option")]
    pub found: Option<f64>,
    /// The name of the metric.
    pub metric: String,
    /// Its value.
    #[serde(with = "exact")]
    pub value: f64,
    /// What it was held to.
    #[serde(with = "exact")]
    pub limit: f64,
    /// One sentence.
    pub message: String,
    /// The error of each stage, those after the wrong one included; empty where no stages were compared.
    pub curve: Vec<CurvePoint>,
    /// What the curve is measured in. The defect itself may be of another metric: a NaN is `non_finite`.
    pub curve_metric: String,
}

impl Defect {
    /// A defect that is counted rather than measured: `value` things that should be none.
    #[must_use]
    pub fn counted(metric: &str, value: f64, message: impl Into<String>) -> Self {
        Self {
            stage: None,
            token: None,
            index: Vec::new(),
            truth: None,
            found: None,
            metric: metric.to_owned(),
            value,
            limit: 0.0,
            message: message.into(),
            curve: Vec::new(),
            curve_metric: String::new(),
        }
    }
}

impl From<Defect> for Stop {
    fn from(defect: Defect) -> Self {
        Self::Falsified(Box::new(defect))
    }
}
