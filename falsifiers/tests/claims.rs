//! Every claim of the repository on its models, and every mutant against the claims that must kill it.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its inputs has failed")]

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use contracts::{Lane, Tier};
use evidence::{Outcome, Verdict};
use falsifiers::runner::{Options, duels, prove, run};
use falsifiers::select::{Request, Selection, select};
use falsifiers::subject::Subject;
use kernels::seam::Seam;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn selection() -> Selection {
    let loaded = contracts::load(&[root().join("contracts")]);
    let errors: Vec<String> = loaded.findings.iter().map(|finding| finding.message.clone()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let request = Request { lanes: vec![Lane::Cpu], tiers: vec![Tier::Ci], ..Request::default() };
    select(&loaded, &request, "contracts").unwrap()
}

fn options() -> Options {
    Options::default()
}

#[test]
fn every_claim_survives_on_the_unchanged_engine() {
    let selection = selection();
    let subject = Subject::new(&root().join("engine/zoo"), Seam::empty());
    let results = run(&selection.selected, &subject, &options(), &AtomicBool::new(false), &mut |_| {});
    assert_eq!(results.len(), selection.selected.len());
    assert!(!results.is_empty());
    let bad: Vec<_> = results.iter().filter(|r| !r.outcome.passes()).collect();
    for result in &results {
        if let Outcome::Survived { cases, elements, worst } = &result.outcome {
            println!("{} {cases} cases {elements} elements {worst} {} ms", result.claim, result.elapsed_ms);
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn every_mutant_dies_by_every_claim_that_names_it() {
    let selection = selection();
    let duels = duels(&selection.selected, None);
    assert!(!duels.is_empty());
    let clean = Subject::new(&root().join("engine/zoo"), Seam::empty());
    let kills = prove(&selection.selected, &duels, &clean, &options(), &AtomicBool::new(false), &mut |_| {});
    assert_eq!(kills.len(), duels.len());
    let alive: Vec<_> = kills.iter().filter(|k| !matches!(k.verdict, Verdict::Killed { .. })).collect();
    for kill in &kills {
        if let Verdict::Killed { counterexample } = &kill.verdict {
            println!("{} {} {} ms: {}", kill.mutant, kill.claim, kill.elapsed_ms, counterexample);
        }
    }
    assert!(alive.is_empty(), "{alive:#?}");
    // A mutant of device code is proved where there is a device; here it has to be named by a claim of such a lane.
    let mut elsewhere = 0;
    for mutant in falsifiers::mutants::MUTANTS {
        let here = kills.iter().any(|kill| kill.mutant == mutant.name);
        let claims = claims_that_name(mutant.name);
        assert!(here || !claims.is_empty(), "no claim kills {}", mutant.name);
        let on_cpu = claims.iter().any(|(tier, lanes)| *tier == Tier::Ci && lanes.contains(&Lane::Cpu));
        assert_eq!(here, on_cpu, "{} is named by a claim of the cpu lane, and was not tried", mutant.name);
        elsewhere += usize::from(!here);
    }
    println!("{elsewhere} of {} mutants need a device", falsifiers::mutants::MUTANTS.len());
    assert!(elsewhere < falsifiers::mutants::MUTANTS.len());
}

/// The tiers and lanes of the claims that a mutant is named by.
fn claims_that_name(mutant: &str) -> Vec<(Tier, Vec<Lane>)> {
    let loaded = contracts::load(&[root().join("contracts")]);
    let tests = loaded.contracts.iter().flat_map(|loaded| &loaded.contract.falsification_tests);
    let named = tests.filter(|test| test.kills.iter().any(|name| name == mutant));
    named.map(|test| (test.tier, test.lanes().to_vec())).collect()
}
