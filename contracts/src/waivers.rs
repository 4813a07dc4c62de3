//! Waivers: findings that are known and accepted for a while. The only way to silence a rule.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::date::Date;
use crate::ids::ClaimId;

/// One accepted finding. It still prints, as a note; an unused or expired waiver is itself an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The code of the rule, such as `PV108`.
    #[schemars(length(min = 1))]
    pub code: String,
    /// The claim, or the contract, gate, or obligation id, that the finding names.
    pub claim: ClaimId,
    /// Why the finding is accepted.
    #[schemars(length(min = 1))]
    pub reason: String,
    /// The last day on which it is accepted.
    pub expires: Date,
}

/// The file `waivers.yaml`: a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Waivers(pub Vec<Waiver>);
