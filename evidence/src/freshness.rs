//! Whether a record still describes what is there today. A record is fresh while every digest that it names, and
//! that its claim depends on, equals today's; nothing about dates enters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use contracts::{ClaimId, Lane};
use serde::{Deserialize, Serialize};

use crate::record::{Run, RunRecord};

/// What is there today, as digests. Whoever evaluates a gate fills this in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Today {
    /// The digest of the source tree, see [`crate::digest::tree`].
    pub tree: String,
    /// Contract id to the digest of its file.
    pub contracts: BTreeMap<String, String>,
    /// Every claim of every contract.
    pub claims: BTreeMap<ClaimId, ClaimToday>,
    /// Model name to the digest of its files.
    pub models: BTreeMap<String, String>,
    /// `MODEL/GOLDEN` to the digest of the golden.
    pub goldens: BTreeMap<String, String>,
    /// Kernel to its key.
    pub kernel_keys: BTreeMap<String, String>,
}

/// A claim as its contract makes it today.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimToday {
    /// The contract that makes it.
    pub contract: String,
    /// Whether no release waits for it: the contract says `ship_blocking: false`.
    pub advisory: bool,
    /// The lanes that it runs in.
    pub lanes: Vec<Lane>,
    /// The models that it runs on.
    pub models: Vec<String>,
    /// The goldens that it reads, as `MODEL/GOLDEN`.
    pub goldens: Vec<String>,
    /// The mutants that it must kill.
    pub kills: Vec<String>,
}

/// One way in which a record is not about today. `None` stands for "not there".
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Stale {
    /// The contract has changed.
    Contract {
        /// Its id.
        id: String,
        /// Its digest in the record.
        then: Option<String>,
        /// Its digest today.
        now: Option<String>,
    },
    /// The source tree has changed.
    Tree {
        /// Its digest in the record.
        then: String,
        /// Its digest today.
        now: String,
    },
    /// The binary that ran was built from another tree than the one that the record names.
    BinaryNotFromTree {
        /// The tree that the binary was built from.
        built_from: String,
        /// The tree that the record names.
        tree: String,
    },
    /// A model has changed.
    Model {
        /// Its name.
        name: String,
        /// Its digest in the record.
        then: Option<String>,
        /// Its digest today.
        now: Option<String>,
    },
    /// A golden has changed.
    Golden {
        /// `MODEL/GOLDEN`.
        name: String,
        /// Its digest in the record.
        then: Option<String>,
        /// Its digest today.
        now: Option<String>,
    },
    /// A kernel is another one today.
    KernelKey {
        /// The kernel.
        kernel: String,
        /// Its key in the record.
        then: Option<String>,
        /// Its key today.
        now: Option<String>,
    },
}

impl Stale {
    /// The one thing to do about it.
    pub const fn remedy(&self) -> &'static str {
        match self {
            Stale::BinaryNotFromTree { .. } => "build, then run again",
            _ => "run again",
        }
    }
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change =
            |f: &mut fmt::Formatter<'_>, what: &str, then: Option<&str>, now: Option<&str>| match (then, now)
            {
                (Some(then), Some(now)) => {
                    write!(f, "{what} has changed since ({} then, {} now)", short(then), short(now))
                }
                (None, Some(_)) => write!(f, "{what} is not in the record"),
                (_, None) => write!(f, "{what} is not here today"),
            };
        match self {
            Stale::Contract { id, then, now } => {
                change(f, &format!("contract {id}"), then.as_deref(), now.as_deref())
            }
            Stale::Tree { then, now } => change(f, "the source tree", Some(then), Some(now)),
            Stale::BinaryNotFromTree { built_from, tree } => write!(
                f,
                "the binary was not built from the tree that it claims (built from {}, ran in {})",
                short(built_from),
                short(tree)
            ),
            Stale::Model { name, then, now } => {
                change(f, &format!("model {name}"), then.as_deref(), now.as_deref())
            }
            Stale::Golden { name, then, now } => {
                change(f, &format!("golden {name}"), then.as_deref(), now.as_deref())
            }
            Stale::KernelKey { kernel, then, now } => {
                change(f, &format!("kernel {kernel}"), then.as_deref(), now.as_deref())
            }
        }
    }
}

/// The first digits of a digest, as people see it.
pub(crate) fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// Every way in which a whole run is not about today. Empty means fresh.
pub fn freshness(run: &RunRecord, today: &Today) -> Vec<Stale> {
    let mut stale = of_the_build(run, today);
    contracts(run, today, run.contracts.keys(), &mut stale);
    models(run, today, run.models.keys(), &mut stale);
    goldens(run, today, run.goldens.keys(), &mut stale);
    kernels(run, today, &mut stale);
    stale
}

/// Every way in which what a run says about one claim in one lane is not about today: as [`freshness`], for what
/// this claim depends on, as the run recorded it and as its contract says today.
pub fn claim_freshness(run: &Run, claim: &ClaimId, lane: Lane, today: &Today) -> Vec<Stale> {
    let record = &run.record;
    let result = run.outcomes.iter().find(|result| result.claim == *claim && result.lane == lane);
    let now = today.claims.get(claim);

    let mut contract_ids: BTreeSet<&String> = now.map(|claim| &claim.contract).into_iter().collect();
    contract_ids.extend(result.map(|result| &result.contract));
    let mut model_names: BTreeSet<&String> = result.iter().flat_map(|result| &result.models).collect();
    match &record.artifact {
        // The artifact stood in for the models that the contract names.
        Some(artifact) => {
            model_names.insert(artifact);
        }
        None => model_names.extend(now.iter().flat_map(|claim| &claim.models)),
    }
    let mut golden_names: BTreeSet<&String> = now.iter().flat_map(|claim| &claim.goldens).collect();
    golden_names.extend(record.goldens.keys().filter(|golden| {
        model_names
            .iter()
            .any(|model| golden.strip_prefix(model.as_str()).is_some_and(|rest| rest.starts_with('/')))
    }));

    let mut stale = of_the_build(record, today);
    contracts(record, today, contract_ids, &mut stale);
    models(record, today, model_names, &mut stale);
    goldens(record, today, golden_names, &mut stale);
    // The CPU lane launches no kernel.
    if lane != Lane::Cpu {
        kernels(record, today, &mut stale);
    }
    stale
}

fn of_the_build(run: &RunRecord, today: &Today) -> Vec<Stale> {
    let (built_from, tree) = (&run.binary.built_from, &run.source.tree);
    let mut stale = Vec::new();
    if *tree != today.tree {
        stale.push(Stale::Tree { then: tree.clone(), now: today.tree.clone() });
    }
    if built_from != tree {
        stale.push(Stale::BinaryNotFromTree { built_from: built_from.clone(), tree: tree.clone() });
    }
    stale
}

/// The digests of one name then and now, unless they are equal. Absent on both sides is not equal: nothing is
/// known then.
fn changed(
    name: &str,
    then: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Option<(Option<String>, Option<String>)> {
    let (then, now) = (then.get(name), now.get(name));
    if then.is_some() && then == now { None } else { Some((then.cloned(), now.cloned())) }
}

fn contracts<'a>(
    run: &RunRecord,
    today: &Today,
    ids: impl IntoIterator<Item = &'a String>,
    to: &mut Vec<Stale>,
) {
    to.extend(ids.into_iter().filter_map(|id| {
        let (then, now) = changed(id, &run.contracts, &today.contracts)?;
        Some(Stale::Contract { id: id.clone(), then, now })
    }));
}

fn models<'a>(
    run: &RunRecord,
    today: &Today,
    names: impl IntoIterator<Item = &'a String>,
    to: &mut Vec<Stale>,
) {
    to.extend(names.into_iter().filter_map(|name| {
        let (then, now) = changed(name, &run.models, &today.models)?;
        Some(Stale::Model { name: name.clone(), then, now })
    }));
}

fn goldens<'a>(
    run: &RunRecord,
    today: &Today,
    names: impl IntoIterator<Item = &'a String>,
    to: &mut Vec<Stale>,
) {
    to.extend(names.into_iter().filter_map(|name| {
        let (then, now) = changed(name, &run.goldens, &today.goldens)?;
        Some(Stale::Golden { name: name.clone(), then, now })
    }));
}

fn kernels(run: &RunRecord, today: &Today, to: &mut Vec<Stale>) {
    to.extend(run.kernel_keys.keys().filter_map(|kernel| {
        let (then, now) = changed(kernel, &run.kernel_keys, &today.kernel_keys)?;
        Some(Stale::KernelKey { kernel: kernel.clone(), then, now })
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    const CLAIM: &str = "FALSIFY-QWEN2-001";

    /// The run as it is, and once for each thing that it depends on, flipped in today's world.
    fn flips() -> Vec<(&'static str, Today)> {
        let flip = |change: fn(&mut Today)| {
            let mut today = samples::today();
            change(&mut today);
            today
        };
        vec![
            ("contract qwen2", flip(|today| *today.contracts.get_mut("qwen2").unwrap() = "other".into())),
            ("contract qwen2", flip(|today| drop(today.contracts.remove("qwen2")))),
            ("the source tree", flip(|today| today.tree = "other".into())),
            ("model qwen2-tiny", flip(|today| *today.models.get_mut("qwen2-tiny").unwrap() = "other".into())),
            ("model qwen2-tiny", flip(|today| drop(today.models.remove("qwen2-tiny")))),
            (
                "golden qwen2-tiny/fib",
                flip(|today| *today.goldens.get_mut("qwen2-tiny/fib").unwrap() = "x".into()),
            ),
            ("golden qwen2-tiny/fib", flip(|today| drop(today.goldens.remove("qwen2-tiny/fib")))),
        ]
    }

    #[test]
    fn a_run_of_today_is_fresh() {
        let run = samples::run();
        assert_eq!(freshness(&run.record, &samples::today()), []);
        assert_eq!(claim_freshness(&run, &CLAIM.into(), Lane::Cpu, &samples::today()), []);
    }

    #[test]
    fn each_digest_flipped_once_is_stale() {
        let run = samples::run();
        for (what, today) in flips() {
            for stale in
                [freshness(&run.record, &today), claim_freshness(&run, &CLAIM.into(), Lane::Cpu, &today)]
            {
                assert_eq!(stale.len(), 1, "{what}: {stale:?}");
                assert!(stale[0].to_string().starts_with(what), "{}", stale[0]);
            }
        }
    }

    #[test]
    fn a_binary_from_another_tree_is_noticed() {
        let mut run = samples::run();
        run.record.binary.built_from = "unknown".into();
        let expected =
            Stale::BinaryNotFromTree { built_from: "unknown".into(), tree: run.record.source.tree.clone() };
        assert_eq!(freshness(&run.record, &samples::today()), std::slice::from_ref(&expected));
        assert_eq!(claim_freshness(&run, &CLAIM.into(), Lane::Cpu, &samples::today()), [expected]);
    }

    #[test]
    fn what_the_record_does_not_name_is_stale() {
        let mut run = samples::run();
        run.record.contracts.clear();
        run.record.models.clear();
        run.record.goldens.clear();
        let stale = claim_freshness(&run, &CLAIM.into(), Lane::Cpu, &samples::today());
        let words: Vec<String> = stale.iter().map(Stale::to_string).collect();
        assert_eq!(
            words,
            [
                "contract qwen2 is not in the record",
                "model qwen2-tiny is not in the record",
                "golden qwen2-tiny/fib is not in the record",
            ]
        );
    }

    #[test]
    fn what_neither_names_is_not_fresh() {
        let (mut run, mut today) = (samples::run(), samples::today());
        run.record.models.clear();
        today.models.clear();
        let stale = claim_freshness(&run, &CLAIM.into(), Lane::Cpu, &today);
        assert_eq!(stale, [Stale::Model { name: "qwen2-tiny".into(), then: None, now: None }]);
    }

    #[test]
    fn kernel_keys_count_where_kernels_run() {
        let mut run = samples::run();
        run.record.kernel_keys.insert("rmsnorm".into(), "key-1".into());
        let mut today = samples::today();
        for (key, fresh) in [(Some("key-1"), true), (Some("key-2"), false), (None, false)] {
            today.kernel_keys.clear();
            today.kernel_keys.extend(key.map(|key| ("rmsnorm".to_owned(), key.to_owned())));
            assert_eq!(freshness(&run.record, &today).is_empty(), fresh, "{key:?}");
            assert_eq!(claim_freshness(&run, &CLAIM.into(), Lane::Simt, &today).is_empty(), fresh, "{key:?}");
            assert!(claim_freshness(&run, &CLAIM.into(), Lane::Cpu, &today).is_empty());
        }
    }

    #[test]
    fn another_claims_contract_does_not_matter() {
        let mut today = samples::today();
        today.contracts.insert("other".into(), "changed".into());
        assert_eq!(claim_freshness(&samples::run(), &CLAIM.into(), Lane::Cpu, &today), []);
    }

    #[test]
    fn an_artifact_stands_in_for_the_zoo() {
        let mut run = samples::run();
        run.record.artifact = Some("Qwen2.5-0.5B".into());
        run.record.models = BTreeMap::from([("Qwen2.5-0.5B".into(), "d".into())]);
        for result in &mut run.outcomes {
            result.models = vec!["Qwen2.5-0.5B".into()];
        }
        let mut today = samples::today();
        assert_eq!(claim_freshness(&run, &CLAIM.into(), Lane::Cpu, &today).len(), 1);
        today.models.insert("Qwen2.5-0.5B".into(), "d".into());
        assert_eq!(claim_freshness(&run, &CLAIM.into(), Lane::Cpu, &today), []);
    }
}
