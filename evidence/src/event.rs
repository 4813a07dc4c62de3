//! What a runner tells while it works. The runner never prints and never records: a terminal, a JSON stream,
//! and the store are consumers of the same events.

use std::collections::BTreeMap;

use contracts::{ClaimId, Lane};
use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::real::Real;
use crate::record::{ClaimResult, Kill};
use crate::time::RunId;

/// One thing that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The run begins. Always the first event.
    RunStarted {
        /// The run.
        run_id: RunId,
        /// How many claims will finish, counting a claim once for each lane.
        claims: u64,
        /// How many attempts to kill a mutant will finish.
        kills: u64,
    },
    /// A claim begins.
    ClaimStarted {
        /// The claim.
        id: ClaimId,
        /// Where it runs.
        lane: Lane,
    },
    /// An attempt at one case of a claim begins.
    CaseStarted {
        /// The claim.
        id: ClaimId,
        /// Where it runs.
        lane: Lane,
        /// The case, by its id.
        case: String,
        /// The mutant that was planted for it, where one was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mutant: Option<String>,
    },
    /// Kernels were compiled or loaded for an attempt: their keys, as the record of the run names them.
    KernelsLoaded {
        /// Kernel to its key.
        keys: BTreeMap<String, String>,
    },
    /// One case of a claim is done.
    CaseFinished {
        /// The claim.
        id: ClaimId,
        /// Where it runs.
        lane: Lane,
        /// The case, by its id.
        case: String,
        /// How many elements it compared.
        elements: u64,
        /// How much of the limit its worst element used, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        margin: Option<Real>,
    },
    /// A claim is done: one line of `outcomes.jsonl`.
    ClaimFinished(Box<ClaimResult>),
    /// An attempt to kill a mutant is done: one line of `kills.jsonl`.
    MutantFinished(Box<Kill>),
    /// Somebody pressed Ctrl-C, or the system asked the run to end.
    Interrupted,
    /// The run is over. Always the last event.
    RunFinished {
        /// What the command will exit with.
        exit: Exit,
    },
}
