//! What rules look at, with the lookups that several of them need.

use std::collections::{HashMap, HashSet};

use super::Rule;
use crate::date::Date;
use crate::finding::{Finding, Secondary};
use crate::ids::ClaimId;
use crate::load::{Loaded, LoadedContract, SourceFile};
use crate::model::FalsificationTest;
use crate::span::Step;
use crate::vocabulary::Vocabulary;

/// What rules look at.
#[derive(Debug)]
pub struct Context<'a> {
    /// What was read.
    pub loaded: &'a Loaded,
    /// The names that exist outside of contracts.
    pub vocabulary: &'a Vocabulary,
    /// The day that waivers are held to.
    pub today: Date,
    claims: HashMap<&'a str, Claim<'a>>,
    contracts: HashSet<&'a str>,
    models: HashSet<&'a str>,
    mutants: HashSet<&'a str>,
    ops: HashSet<&'a str>,
}

/// One claim, with where it comes from.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The index in `Loaded::files`.
    pub file: usize,
    /// The index in the contract's list.
    pub index: usize,
    /// What it says.
    pub test: &'a FalsificationTest,
}

/// The claims that a gate lists: of a gate's file, or of the `qa_gate` of a contract.
#[derive(Debug, Clone, Copy)]
pub(super) struct GateList<'a> {
    /// The name of the gate.
    pub(super) gate: &'a str,
    /// The index in `Loaded::files`.
    pub(super) file: usize,
    /// Where the list is written.
    pub(super) path: &'static [Step<'static>],
    /// What it lists.
    pub(super) claims: &'a [ClaimId],
}

impl<'a> Context<'a> {
    pub(super) fn new(loaded: &'a Loaded, vocabulary: &'a Vocabulary, today: Date) -> Context<'a> {
        let mut claims = HashMap::new();
        for claim in claims_of(loaded) {
            claims.entry(claim.test.id.as_str()).or_insert(claim);
        }
        Context {
            loaded,
            vocabulary,
            today,
            claims,
            contracts: loaded
                .contracts
                .iter()
                .map(|contract| contract.contract.metadata.id.as_str())
                .collect(),
            models: vocabulary.models.iter().map(String::as_str).collect(),
            mutants: vocabulary.mutants.iter().map(|entry| entry.name.as_str()).collect(),
            ops: vocabulary.ops.iter().map(String::as_str).collect(),
        }
    }

    /// Every contract, with what is left of those that violate the schema. Their metadata, equations, obligations, and
    /// amendments are whole; claims may be missing, so ask [`Context::claims`] for those.
    pub(super) fn contracts(&self) -> impl Iterator<Item = &'a LoadedContract> + use<'a> {
        self.loaded.contracts.iter().chain(self.loaded.partial.iter().map(|partial| &partial.contract))
    }

    /// Every claim, those of contracts that violate the schema last.
    pub fn claims(&self) -> impl Iterator<Item = Claim<'a>> + use<'a> {
        claims_of(self.loaded)
    }

    /// The first claim with this id.
    pub fn claim(&self, id: &str) -> Option<Claim<'a>> {
        self.claims.get(id).copied()
    }

    /// Whether a claim with this id is declared, even if in a file that violates the schema.
    pub fn declares_claim(&self, id: &str) -> bool {
        self.claims.contains_key(id) || self.loaded.broken_ids.contains(id)
    }

    /// Whether a contract with this id is declared, even if in a file that violates the schema.
    pub fn declares_contract(&self, id: &str) -> bool {
        self.contracts.contains(id) || self.loaded.broken_ids.contains(id)
    }

    /// Whether an id is declared in a file that violates the schema, so that not all is known about it.
    pub(super) fn is_broken(&self, id: &str) -> bool {
        self.loaded.broken_ids.contains(id)
    }

    /// Whether the zoo has this model.
    pub fn has_model(&self, name: &str) -> bool {
        self.models.contains(name)
    }

    /// Whether there is such a mutant.
    pub fn has_mutant(&self, name: &str) -> bool {
        self.mutants.contains(name)
    }

    /// Whether there is such an op.
    pub fn has_op(&self, name: &str) -> bool {
        self.ops.contains(name)
    }

    /// The ids of all claims, to suggest one.
    pub fn claim_ids(&self) -> impl Iterator<Item = &'a str> {
        self.claims.keys().copied()
    }

    /// Every list of claims that a gate holds.
    pub(super) fn gate_lists(&self) -> impl Iterator<Item = GateList<'a>> {
        let gates = self.loaded.gates.iter().map(|loaded| GateList {
            gate: loaded.gate.gate.as_str(),
            file: loaded.file,
            path: &[Step::Key("claims")],
            claims: &loaded.gate.claims,
        });
        let of_contract = |loaded: &'a LoadedContract| {
            let gate = loaded.contract.qa_gate.as_ref()?;
            let path: &[Step<'static>] = &[Step::Key("qa_gate"), Step::Key("checks")];
            Some(GateList { gate: &gate.id, file: loaded.file, path, claims: &gate.checks })
        };
        gates.chain(self.contracts().filter_map(of_contract))
    }

    /// The ids of all contracts, to suggest one.
    pub fn contract_ids(&self) -> impl Iterator<Item = &'a str> {
        self.contracts.iter().copied()
    }

    /// A finding at the value of a path. The subject is what a waiver names.
    pub(super) fn finding(
        &self,
        rule: &Rule,
        file: usize,
        path: &[Step<'_>],
        subject: &str,
        text: [String; 3],
    ) -> Finding {
        let [message, label, help] = text;
        rule.finding(self.loaded.place(file, path), message, label, help, Some(subject.to_owned()))
    }

    /// The file that a finding is in, to make a fix of its text.
    pub(super) fn source(&self, file: usize) -> Option<&'a SourceFile> {
        self.loaded.files.get(file)
    }

    /// A second place.
    pub(super) fn secondary(&self, file: usize, path: &[Step<'_>], label: &str) -> Secondary {
        Secondary { place: self.loaded.place(file, path), label: label.to_owned() }
    }
}

impl<'a> Claim<'a> {
    /// The path to a value of this claim.
    pub(super) fn path<'p>(&self, below: &[Step<'p>]) -> Vec<Step<'p>> {
        let mut path = vec![Step::Key("falsification_tests"), Step::Index(self.index)];
        path.extend_from_slice(below);
        path
    }
}

fn claims_of(loaded: &Loaded) -> impl Iterator<Item = Claim<'_>> {
    let whole = loaded.contracts.iter().flat_map(|LoadedContract { file, contract, .. }| {
        contract.falsification_tests.iter().enumerate().map(|(index, test)| Claim {
            file: *file,
            index,
            test,
        })
    });
    let partial = loaded.partial.iter().flat_map(|partial| {
        let LoadedContract { file, contract, .. } = &partial.contract;
        let tests = partial.indices.iter().zip(&contract.falsification_tests);
        tests.map(|(index, test)| Claim { file: *file, index: *index, test })
    });
    whole.chain(partial)
}
