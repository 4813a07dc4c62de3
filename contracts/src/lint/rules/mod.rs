//! One rule a file, and the array of all of them.

mod duplicate_key;
mod prose_only_falsifier;
mod schema_violation;
mod too_large;
mod unknown_key;
mod unreadable_input;
mod unsupported_yaml;
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

/// Every rule, by code.
pub const RULES: &[&Rule] = &[
    &unreadable_input::RULE,
    &yaml_syntax::RULE,
    &duplicate_key::RULE,
    &unknown_key::RULE,
    &schema_violation::RULE,
    &too_large::RULE,
    &unsupported_yaml::RULE,
    &prose_only_falsifier::RULE,
];
