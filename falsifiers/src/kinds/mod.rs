//! How each falsifier kind executes: one kind a file.
//!
//! A kind turns a claim's parameters into [`Case`]s. A case has an id that names every axis, and a function that
//! attempts to falsify the claim there.

use contracts::{ArithmeticName, Falsifier, ModelSet, Tolerance};
use evidence::CurvePoint;
use serde::{Deserialize, Serialize};

use crate::compare::Difference;
use crate::exact;
use crate::ops::{CASES, Group, groups};
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

mod admission;
mod batch_invariance;
mod cache_key_distinctness;
mod chunked_prefill;
mod decode_equals_prefill;
mod determinism;
mod finiteness;
mod fusion_equality;
mod golden_output;
mod graph_equals_eager;
mod instruction_coverage;
mod kv_dtype;
mod launch_limits;
mod logits_parity;
mod long_prefill;
mod loss_bound;
mod memory_safety;
pub(crate) mod op_parity;
mod oracle_parity;
mod plan_checks;
mod prefill_equals_decode;
mod prefix_hit;
mod race_freedom;
mod stage_parity;
mod sync_safety;
mod taps_invariance;
mod throughput_floor;
mod weights_consumed;

/// One point of a claim's axes.
pub struct Case<'c> {
    /// `kind(axis=value,...)`: filter, failure name and rerun key.
    pub id: String,
    /// Attempts to falsify the claim here.
    pub attempt: Attempt<'c>,
}

/// Whether a kind needs the device for itself: because it times it, or because it takes most of its memory.
pub(crate) const fn takes_the_device(falsifier: &Falsifier) -> bool {
    matches!(falsifier, Falsifier::ThroughputFloor(_) | Falsifier::LongPrefill(_))
}

/// One attempt to falsify a claim.
pub type Attempt<'c> = Box<dyn Fn(&Subject) -> Result<Passed, Stop> + Send + Sync + 'c>;

/// An attempt that the claim survived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passed {
    /// Elements looked at; zero makes the claim vacuous.
    pub elements: u64,
    /// The stage that came closest to its limit.
    pub stage: Option<String>,
    /// The metric there.
    pub metric: String,
    /// Its value.
    #[serde(with = "exact")]
    pub value: f64,
    /// What it was held to.
    #[serde(with = "exact")]
    pub limit: f64,
    /// The error of each stage, in the order of execution; empty where no stages were compared.
    pub curve: Vec<CurvePoint>,
}

/// The cases of a falsifier, in the order in which they are tried.
#[must_use]
pub fn cases<'c>(falsifier: &'c Falsifier, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    match falsifier {
        Falsifier::Determinism(parameters) => determinism::cases(parameters),
        Falsifier::Finiteness(parameters) => finiteness::cases(parameters),
        Falsifier::GoldenOutput(parameters) => golden_output::cases(parameters, tolerance),
        Falsifier::InstructionCoverage(parameters) => instruction_coverage::cases(parameters),
        Falsifier::LossBound(parameters) => loss_bound::cases(parameters, tolerance),
        Falsifier::OpParity(parameters) => op_parity::cases(parameters, tolerance),
        Falsifier::OracleParity(parameters) => oracle_parity::cases(parameters, tolerance),
        Falsifier::PrefillEqualsDecode(parameters) => prefill_equals_decode::cases(parameters, tolerance),
        Falsifier::Admission(parameters) => admission::cases(parameters),
        Falsifier::BatchInvariance(parameters) => batch_invariance::cases(parameters),
        Falsifier::CacheKeyDistinctness(parameters) => cache_key_distinctness::cases(parameters),
        Falsifier::ChunkedPrefill(parameters) => chunked_prefill::cases(parameters),
        Falsifier::DecodeEqualsPrefill(parameters) => decode_equals_prefill::cases(parameters, tolerance),
        Falsifier::FusionEquality(parameters) => fusion_equality::cases(parameters),
        Falsifier::GraphEqualsEager(parameters) => graph_equals_eager::cases(parameters),
        Falsifier::KvDtype(parameters) => kv_dtype::cases(parameters, tolerance),
        Falsifier::LaunchLimits(parameters) => launch_limits::cases(parameters),
        Falsifier::LogitsParity(parameters) => logits_parity::cases(parameters, tolerance),
        Falsifier::LongPrefill(parameters) => long_prefill::cases(parameters),
        Falsifier::MemorySafety(parameters) => memory_safety::cases(parameters),
        Falsifier::PlanChecks(parameters) => plan_checks::cases(parameters),
        Falsifier::PrefixHit(parameters) => prefix_hit::cases(parameters),
        Falsifier::RaceFreedom(parameters) => race_freedom::cases(parameters),
        Falsifier::StageParity(parameters) => stage_parity::cases(parameters, tolerance),
        Falsifier::SyncSafety(parameters) => sync_safety::cases(parameters),
        Falsifier::TapsInvariance(parameters) => taps_invariance::cases(parameters),
        Falsifier::ThroughputFloor(parameters) => throughput_floor::cases(parameters),
        Falsifier::WeightsConsumed(parameters) => weights_consumed::cases(parameters),
    }
}

/// The product of models, prompts and arithmetics, each point with the id of its case.
fn points<'c>(
    kind: &'static str,
    models: &'c ModelSet,
    prompts: &'c [String],
    arithmetic: &'c [ArithmeticName],
) -> impl Iterator<Item = Point<'c>> {
    models.names().iter().flat_map(move |model| {
        prompts.iter().flat_map(move |prompt| {
            arithmetic.iter().map(move |&arithmetic| Point {
                id: format!("{kind}(model={model},prompt={prompt},arithmetic={arithmetic})"),
                model,
                prompt,
                arithmetic,
            })
        })
    })
}

/// A point of that product.
struct Point<'c> {
    id: String,
    model: &'c str,
    prompt: &'c str,
    arithmetic: ArithmeticName,
}

/// Kinds that run on the virtual device and nowhere else.
const VIRTUAL: [&str; 4] = ["instruction_coverage", "memory_safety", "race_freedom", "sync_safety"];

/// One case for each kernel of an op and each way to store activations; one that is in error where there is no such op.
fn of_op<'c>(
    kind: &'static str,
    op: &'c str,
    kernels: &'c [String],
    attempt: impl Fn(&Subject, &Group) -> Result<Passed, Stop> + Send + Sync + Clone + 'c,
) -> Vec<Case<'c>> {
    let Some(groups) = groups(op) else {
        let known: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
        let message = format!("no op with cases is called `{op}`; those are {}", known.join(", "));
        return vec![Case {
            id: format!("{kind}(op={op})"),
            attempt: Box::new(move |_| Err(Stop::Errored(message.clone()))),
        }];
    };
    // What is watched on the virtual device alone is not for kernels that it does not run.
    let watched = VIRTUAL.contains(&kind);
    let asked = |group: &Group| match kernels {
        [] => !(watched && group.of_one_capability()),
        names => names.iter().any(|name| name == group.kernel),
    };
    let case = |group: Group| {
        let attempt = attempt.clone();
        Case {
            id: format!("{kind}(op={op},kernel={},dtype={})", group.kernel, group.activation),
            attempt: Box::new(move |subject| attempt(subject, &group)),
        }
    };
    groups.into_iter().filter(asked).map(case).collect()
}

/// Something that was counted and found to be none, over `elements` looked at.
fn none_found(elements: u64, metric: &str) -> Passed {
    Passed { elements, stage: None, metric: metric.to_owned(), value: 0.0, limit: 0.0, curve: Vec::new() }
}

/// A difference at a stage whose rows are tokens (or, for scores, whose second axis is).
pub(crate) fn defect(
    difference: Difference,
    stage: Option<&str>,
    first_token: usize,
    message: String,
) -> Stop {
    let place = |index: &[usize]| {
        let token = match index {
            [token, _] | [_, token, _] => Some((first_token + token) as u64),
            _ => None,
        };
        (token, index.iter().map(|&i| i as u64).collect())
    };
    let (token, index, truth, found, metric, value, limit) = match difference {
        Difference::Empty => return Stop::Vacuous(evidence::Vacuity::NoElements),
        Difference::Shape { .. } | Difference::Dtype { .. } => {
            (None, Vec::new(), None, None, "shape", f64::INFINITY, 0.0)
        }
        Difference::NonFinite { ref index, truth, found } => {
            let (token, index) = place(index);
            (token, index, Some(truth), Some(found), "non_finite", 1.0, 0.0)
        }
        Difference::Beyond { ref index, truth, found, metric, value, limit } => {
            let (token, index) = place(index);
            (token, index, Some(truth), Some(found), metric, value, limit)
        }
    };
    let message = match difference {
        Difference::Shape { .. } | Difference::Dtype { .. } => format!("{message}: {difference}"),
        _ => message,
    };
    Defect {
        stage: stage.map(str::to_owned),
        token,
        index,
        truth,
        found,
        metric: metric.to_owned(),
        value,
        limit,
        message,
        curve: Vec::new(),
        curve_metric: String::new(),
    }
    .into()
}
