//! The parameters of each falsifier kind: one kind a file. How a kind executes is not known here.

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
mod info;
mod instruction_coverage;
mod kv_dtype;
mod launch_limits;
mod left_out;
mod logits_parity;
mod long_prefill;
mod loss_bound;
mod memory_safety;
mod model_set;
mod op_parity;
mod oracle_parity;
mod plan_checks;
mod prefill_equals_decode;
mod prefix_hit;
mod race_freedom;
mod stage_parity;
mod sync_safety;
mod synthetic_name;
mod taps_invariance;
mod throughput_floor;
mod weights_consumed;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use admission::Admission;
pub use batch_invariance::BatchInvariance;
pub use cache_key_distinctness::{CacheKeyDistinctness, Vary};
pub use chunked_prefill::ChunkedPrefill;
pub use decode_equals_prefill::DecodeEqualsPrefill;
pub use determinism::Determinism;
pub use finiteness::Finiteness;
pub use fusion_equality::FusionEquality;
pub use golden_output::{GoldenCase, GoldenOutput, Message};
pub use graph_equals_eager::GraphEqualsEager;
pub use info::{KindInfo, NeedsTolerance, Parameters};
pub use instruction_coverage::{InstructionCoverage, Unreachable};
pub use kv_dtype::{CacheDtype, KvDtype};
pub use launch_limits::LaunchLimits;
pub use logits_parity::LogitsParity;
pub use long_prefill::LongPrefill;
pub use loss_bound::LossBound;
pub use memory_safety::MemorySafety;
pub use model_set::ModelSet;
pub use op_parity::OpParity;
pub use oracle_parity::OracleParity;
pub use plan_checks::PlanChecks;
pub use prefill_equals_decode::PrefillEqualsDecode;
pub use prefix_hit::PrefixHit;
pub use race_freedom::RaceFreedom;
pub use stage_parity::{PhaseName, StageParity, VerdictName};
pub use sync_safety::SyncSafety;
pub use synthetic_name::SyntheticName;
pub use taps_invariance::TapsInvariance;
pub use throughput_floor::ThroughputFloor;
pub use weights_consumed::WeightsConsumed;

use crate::ids::{ArithmeticName, Lane};
use left_out::{double_and_single, every_stage, single};

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
    /// The gate at load admits the model, and nothing that computes something else.
    Admission(Admission),
    /// A sequence has the same bits alone and in a batch.
    BatchInvariance(BatchInvariance),
    /// Kernels that differ in anything have different keys.
    CacheKeyDistinctness(CacheKeyDistinctness),
    /// A prompt in pieces has the bits of the prompt in one piece, on a device.
    ChunkedPrefill(ChunkedPrefill),
    /// Tokens decoded one by one have the logits of a prefill, within honest rounding.
    DecodeEqualsPrefill(DecodeEqualsPrefill),
    /// A fused plan has the bits of the plan it was made from.
    FusionEquality(FusionEquality),
    /// A replayed graph has the bits of its steps launched one by one.
    GraphEqualsEager(GraphEqualsEager),
    /// Keys and values are stored as asked for.
    KvDtype(KvDtype),
    /// The logits of a device are as close to the truth as honest arithmetic is.
    LogitsParity(LogitsParity),
    /// A prefill of many tokens through real layers is launched, and finite at every stage.
    LongPrefill(LongPrefill),
    /// Plans stay within the limits of every target.
    PlanChecks(PlanChecks),
    /// A sequence that adopts pages has the bits of one that does not.
    PrefixHit(PrefixHit),
    /// Looking at stages changes no bit.
    TapsInvariance(TapsInvariance),
    /// Every stage of a device is as close to the truth as honest arithmetic is.
    StageParity(StageParity),
    /// The cases of an op run the instructions of its kernels.
    InstructionCoverage(InstructionCoverage),
    /// Every launch of a plan is one that every target takes.
    LaunchLimits(LaunchLimits),
    /// A kernel reads only what was written, and stays inside its memory.
    MemorySafety(MemorySafety),
    /// No two threads touch the same memory without an order between them.
    RaceFreedom(RaceFreedom),
    /// Threads meet where they say that they meet, and come to an end.
    SyncSafety(SyncSafety),
    /// A model of a real shape runs at a share of what the device can do.
    ThroughputFloor(ThroughputFloor),
}

/// The lanes of what runs on a device.
const DEVICES: &[Lane] = &[Lane::Simt, Lane::Cuda];

/// The lane of what only the virtual device can see.
const VIRTUAL: &[Lane] = &[Lane::Simt];

/// Tolerances that state their own limit.
const STATED: &[&str] = &["bitwise", "ulp", "abs_rel", "row_l2"];

/// Tolerances that are derived from honest runs.
const DERIVED: &[&str] = &["derived"];

/// Every falsifier kind, by name.
pub const KINDS: &[&KindInfo] = &[
    &admission::INFO,
    &batch_invariance::INFO,
    &cache_key_distinctness::INFO,
    &chunked_prefill::INFO,
    &decode_equals_prefill::INFO,
    &determinism::INFO,
    &finiteness::INFO,
    &fusion_equality::INFO,
    &golden_output::INFO,
    &graph_equals_eager::INFO,
    &instruction_coverage::INFO,
    &kv_dtype::INFO,
    &launch_limits::INFO,
    &logits_parity::INFO,
    &long_prefill::INFO,
    &loss_bound::INFO,
    &memory_safety::INFO,
    &op_parity::INFO,
    &oracle_parity::INFO,
    &plan_checks::INFO,
    &prefill_equals_decode::INFO,
    &prefix_hit::INFO,
    &race_freedom::INFO,
    &stage_parity::INFO,
    &sync_safety::INFO,
    &taps_invariance::INFO,
    &throughput_floor::INFO,
    &weights_consumed::INFO,
];

impl Falsifier {
    /// The parameters, whatever the kind.
    pub fn parameters(&self) -> &dyn Parameters {
        match self {
            Falsifier::Admission(parameters) => parameters,
            Falsifier::BatchInvariance(parameters) => parameters,
            Falsifier::CacheKeyDistinctness(parameters) => parameters,
            Falsifier::ChunkedPrefill(parameters) => parameters,
            Falsifier::DecodeEqualsPrefill(parameters) => parameters,
            Falsifier::Determinism(parameters) => parameters,
            Falsifier::Finiteness(parameters) => parameters,
            Falsifier::FusionEquality(parameters) => parameters,
            Falsifier::GoldenOutput(parameters) => parameters,
            Falsifier::GraphEqualsEager(parameters) => parameters,
            Falsifier::InstructionCoverage(parameters) => parameters,
            Falsifier::KvDtype(parameters) => parameters,
            Falsifier::LaunchLimits(parameters) => parameters,
            Falsifier::LogitsParity(parameters) => parameters,
            Falsifier::LongPrefill(parameters) => parameters,
            Falsifier::LossBound(parameters) => parameters,
            Falsifier::MemorySafety(parameters) => parameters,
            Falsifier::OpParity(parameters) => parameters,
            Falsifier::OracleParity(parameters) => parameters,
            Falsifier::PlanChecks(parameters) => parameters,
            Falsifier::PrefillEqualsDecode(parameters) => parameters,
            Falsifier::PrefixHit(parameters) => parameters,
            Falsifier::RaceFreedom(parameters) => parameters,
            Falsifier::StageParity(parameters) => parameters,
            Falsifier::SyncSafety(parameters) => parameters,
            Falsifier::TapsInvariance(parameters) => parameters,
            Falsifier::ThroughputFloor(parameters) => parameters,
            Falsifier::WeightsConsumed(parameters) => parameters,
        }
    }

    /// What the harness tells about this kind.
    pub fn info(&self) -> &'static KindInfo {
        self.parameters().info()
    }

    /// The key that contracts write.
    pub fn kind(&self) -> &'static str {
        self.info().name
    }

    /// The zoo models that the claim runs on. Empty where the kind runs none.
    pub fn models(&self) -> &[String] {
        self.parameters().models()
    }

    /// The goldens that the claim reads, without repetition of the models.
    pub fn goldens(&self) -> Vec<&str> {
        self.parameters().goldens()
    }

    /// The globs over canonical stage names. Empty where the kind looks at no stages.
    pub fn stages(&self) -> &[String] {
        self.parameters().stages()
    }

    /// The arithmetics that the claim runs in. Empty where the kind computes nothing, or what a device computes.
    pub fn arithmetic(&self) -> &[ArithmeticName] {
        self.parameters().arithmetic()
    }
}

fn strings(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// The kind with this name.
pub fn kind(name: &str) -> Option<&'static KindInfo> {
    KINDS.iter().find(|kind| kind.name == name).copied()
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
            let of_op = falsifier.parameters().op().is_some();
            let drawn = matches!(falsifier, Falsifier::ThroughputFloor(_) | Falsifier::LongPrefill(_));
            let kernels = of_op || drawn || matches!(falsifier, Falsifier::CacheKeyDistinctness(_));
            assert_eq!(falsifier.models().is_empty(), kernels, "{}", kind.name);
            assert!(!kind.lanes.is_empty(), "{}", kind.name);
            assert!(kind.doc.len() > kind.summary.len(), "{}", kind.name);
        }
    }
}
