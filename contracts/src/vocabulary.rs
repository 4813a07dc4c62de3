//! What is known outside of contracts. This crate knows no registry and no record: the caller fills this in.

use crate::ids::{ClaimId, Lane};

/// What a contract may refer to. The binary fills it from its registries and hands it to the linter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// The ops that have a kernel.
    pub ops: Vec<String>,
    /// Canonical stage names, with `{N}` for the layer: `model.layers.{N}.self_attn.q_proj`.
    pub stages: Vec<String>,
    /// Folders under the zoo: `qwen2-tiny`, `micro/qwen3-dense`.
    pub models: Vec<String>,
    /// The falsifier kinds that can be executed.
    pub kinds: Vec<KindEntry>,
    /// The mutants that exist, such as `rope@theta-missing-from-key`.
    pub mutants: Vec<MutantEntry>,
    /// Evidence that is not about today any more. Empty where nobody looked, or where there is none.
    pub stale: Vec<StaleEvidence>,
}

/// What a run found out about a claim, before something changed that the claim depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleEvidence {
    /// The claim.
    pub claim: ClaimId,
    /// The run, the latest that asked for the claim.
    pub run: String,
    /// What changed, in words.
    pub reason: String,
}

/// A known-bad engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutantEntry {
    /// What contracts call it.
    pub name: String,
    /// What is wrong with it, in one sentence.
    pub defect: String,
    /// Where it is planted.
    pub point: String,
}

/// What the runner knows about one falsifier kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindEntry {
    /// The key that contracts write.
    pub name: String,
    /// Mutants that show that this kind can fail.
    pub mutants: Vec<String>,
    /// The lanes that it runs in.
    pub lanes: Vec<Lane>,
}

impl Vocabulary {
    /// The entry of a kind.
    pub fn kind(&self, name: &str) -> Option<&KindEntry> {
        self.kinds.iter().find(|kind| kind.name == name)
    }
}
