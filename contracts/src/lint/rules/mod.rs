//! One rule a file, and the array of all of them.

mod amendments_out_of_order;
mod blank_text;
mod blocking_claim_in_no_gate;
mod constant_input;
mod contract_without_claims;
mod cosine_criterion;
mod dangling_depends_on;
mod dangling_gate_claim;
mod dangling_obligation;
mod dependency_cycle;
mod duplicate_claim_id;
mod duplicate_id;
mod duplicate_item;
mod duplicate_key;
mod duplicate_statement;
mod duplicate_test;
mod empty_axis;
mod expired_waiver;
mod gate_claim_twice;
mod gate_lane_mismatch;
mod gate_without_claims;
mod gate_without_lanes;
mod invalid_tolerance;
mod invented_status;
mod kills_nothing;
mod kind_without_mutant;
mod loose_tolerance;
mod missing_references;
mod missing_tolerance;
mod model_without_oracle;
mod needless_tolerance;
mod older_language;
mod op_without_contract;
mod placeholder_left;
mod prose_only_falsifier;
mod schema_violation;
mod stale_evidence;
mod tolerance_without_reason;
mod too_large;
mod typed_percentage;
mod undischarged_obligation;
mod unknown_key;
mod unknown_kind;
mod unknown_model;
mod unknown_mutant;
mod unknown_op;
mod unknown_stage;
mod unreadable_input;
mod unsuitable_mutant;
mod unsupported_lane;
mod unsupported_tolerance;
mod unsupported_yaml;
mod unused_waiver;
mod unwaivable_code;
mod version_not_semver;
mod version_without_amendment;
mod waiver_without_reason;
mod yaml_syntax;

use super::Rule;

pub(crate) use cosine_criterion::RULE as COSINE_CRITERION;
pub(crate) use duplicate_key::RULE as DUPLICATE_KEY;
pub(crate) use empty_axis::RULE as EMPTY_AXIS;
pub(crate) use gate_without_lanes::RULE as GATE_WITHOUT_LANES;
pub(crate) use invented_status::RULE as INVENTED_STATUS;
pub(crate) use older_language::RULE as OLDER_LANGUAGE;
pub(crate) use prose_only_falsifier::RULE as PROSE_ONLY_FALSIFIER;
pub(crate) use schema_violation::RULE as SCHEMA_VIOLATION;
pub(crate) use stale_evidence::RULE as STALE_EVIDENCE;
pub(crate) use too_large::RULE as TOO_LARGE;
pub(crate) use unknown_key::RULE as UNKNOWN_KEY;
pub(crate) use unknown_kind::RULE as UNKNOWN_KIND;
pub(crate) use unreadable_input::RULE as UNREADABLE_INPUT;
pub(crate) use unsupported_yaml::RULE as UNSUPPORTED_YAML;
pub(crate) use waiver_without_reason::RULE as WAIVER_WITHOUT_REASON;
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
    &unknown_kind::RULE,
    &older_language::RULE,
    &prose_only_falsifier::RULE,
    &empty_axis::RULE,
    &cosine_criterion::RULE,
    &gate_without_lanes::RULE,
    &invented_status::RULE,
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
    &unsuitable_mutant::RULE,
    &unknown_op::RULE,
    &op_without_contract::RULE,
    &dependency_cycle::RULE,
    &gate_lane_mismatch::RULE,
    &gate_claim_twice::RULE,
    &duplicate_item::RULE,
    &amendments_out_of_order::RULE,
    &version_without_amendment::RULE,
    &kills_nothing::RULE,
    &kind_without_mutant::RULE,
    &gate_without_claims::RULE,
    &contract_without_claims::RULE,
    &model_without_oracle::RULE,
    &duplicate_test::RULE,
    &constant_input::RULE,
    &typed_percentage::RULE,
    &missing_references::RULE,
    &duplicate_statement::RULE,
    &blank_text::RULE,
    &blocking_claim_in_no_gate::RULE,
    &placeholder_left::RULE,
    &missing_tolerance::RULE,
    &invalid_tolerance::RULE,
    &tolerance_without_reason::RULE,
    &needless_tolerance::RULE,
    &unsupported_tolerance::RULE,
    &loose_tolerance::RULE,
    &stale_evidence::RULE,
    &unused_waiver::RULE,
    &expired_waiver::RULE,
    &waiver_without_reason::RULE,
    &unwaivable_code::RULE,
];
