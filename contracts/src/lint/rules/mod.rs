//! One rule a file, and the array of all of them.

mod contract_without_claims;
mod dangling_depends_on;
mod dangling_gate_claim;
mod dangling_obligation;
mod duplicate_claim_id;
mod duplicate_id;
mod duplicate_key;
mod expired_waiver;
mod gate_without_claims;
mod invalid_tolerance;
mod kills_nothing;
mod kind_without_mutant;
mod missing_tolerance;
mod needless_tolerance;
mod placeholder_left;
mod prose_only_falsifier;
mod schema_violation;
mod tolerance_without_reason;
mod too_large;
mod undischarged_obligation;
mod unknown_key;
mod unknown_model;
mod unknown_mutant;
mod unknown_stage;
mod unreadable_input;
mod unsupported_lane;
mod unsupported_tolerance;
mod unsupported_yaml;
mod unused_waiver;
mod version_not_semver;
mod yaml_syntax;

use super::Rule;

pub(crate) use duplicate_key::RULE as DUPLICATE_KEY;
pub(crate) use prose_only_falsifier::RULE as PROSE_ONLY_FALSIFIER;
pub(crate) use schema_violation::RULE as SCHEMA_VIOLATION;
pub(crate) use too_large::RULE as TOO_LARGE;
pub(crate) use unknown_key::RULE as UNKNOWN_KEY;
pub(crate) use unreadable_input::RULE as UNREADABLE_INPUT;
pub(crate) use unsupported_yaml::RULE as UNSUPPORTED_YAML;
pub(crate) use yaml_syntax::RULE as YAML_SYNTAX;

/// Every rule, by code. Waivers come last, because they look at what the others found.
pub const RULES: &[&Rule] = &[
    &unreadable_input::RULE,
    &yaml_syntax::RULE,
    &duplicate_key::RULE,
    &unknown_key::RULE,
    &schema_violation::RULE,
    &too_large::RULE,
    &unsupported_yaml::RULE,
    &prose_only_falsifier::RULE,
    &duplicate_claim_id::RULE,
    &unknown_stage::RULE,
    &unknown_model::RULE,
    &unknown_mutant::RULE,
    &dangling_obligation::RULE,
    &dangling_depends_on::RULE,
    &dangling_gate_claim::RULE,
    &undischarged_obligation::RULE,
    &version_not_semver::RULE,
    &duplicate_id::RULE,
    &unsupported_lane::RULE,
    &kills_nothing::RULE,
    &kind_without_mutant::RULE,
    &gate_without_claims::RULE,
    &contract_without_claims::RULE,
    &placeholder_left::RULE,
    &missing_tolerance::RULE,
    &invalid_tolerance::RULE,
    &tolerance_without_reason::RULE,
    &needless_tolerance::RULE,
    &unsupported_tolerance::RULE,
    &unused_waiver::RULE,
    &expired_waiver::RULE,
];
