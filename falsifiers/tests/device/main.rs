//! The claims about models on the virtual device: the kinds, the gate at load, and every mutant that is not in the source of
//! a kernel, on a few small models. `pv run` and `pv prove` with `--device simt` try all of them; this needs an NVRTC, too.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its inputs has failed")]

use std::path::{Path, PathBuf};

use contracts::{FalsificationTest, Lane, Tier};
use evidence::Vacuity;
use falsifiers::kinds::{Case, cases};
use falsifiers::mutants::{MUTANTS, Mutant};
use falsifiers::stop::Stop;
use falsifiers::subject::Subject;
use kernels::seam::Seam;
use rayon::prelude::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The zoo on a virtual device of its own.
fn subject(seam: Seam) -> Subject {
    Subject::new(&root().join("engine/zoo"), seam).on(Lane::Simt)
}

/// Every claim of the lane simt and the tier ci about models; those of kernels are for `pv run --device simt`.
fn claims() -> Vec<FalsificationTest> {
    let loaded = contracts::load(&[root().join("contracts")]);
    let tests = loaded.contracts.into_iter().flat_map(|loaded| loaded.contract.falsification_tests);
    let quick =
        |test: &FalsificationTest| test.lanes().contains(&Lane::Simt) && test.tier_in(Lane::Simt) == Tier::Ci;
    let of_model = |test: &FalsificationTest| quick(test) && !test.falsifier.models().is_empty();
    let tests: Vec<FalsificationTest> = tests.filter(of_model).collect();
    assert!(tests.len() > 15, "{}", tests.len());
    tests
}

/// The models that are tried here: one that stores F32, one with a window, one with norms of heads, and one with both.
/// The others are for the lane itself.
const MODELS: [&str; 4] =
    ["micro/qwen2-untied-f32", "micro/qwen2-window", "micro/qwen3-dense", "micro/qwen3-window"];

/// The cases of a claim on those models and on short prompts; where it has none of them, all.
fn quick(test: &FalsificationTest) -> Vec<Case<'_>> {
    let ours = |case: &Case<'_>| {
        let model = !case.id.contains("model=") || MODELS.iter().any(|model| case.id.contains(model));
        model && !case.id.contains("prompt=mid") && !case.id.contains("golden=mid")
    };
    let all = cases(&test.falsifier, test.tolerance.as_ref());
    let (quick, others): (Vec<_>, Vec<_>) = all.into_iter().partition(ours);
    if quick.is_empty() { others } else { quick }
}

#[test]
fn every_claim_survives() {
    let claims = claims();
    let bad: Vec<String> = claims
        .par_iter()
        .flat_map_iter(|test| {
            let subject = subject(Seam::empty());
            let few = quick(test).into_iter().take(4);
            let attempts = few.map(move |case| (case.id.clone(), (case.attempt)(&subject)));
            attempts.collect::<Vec<_>>()
        })
        .filter_map(|(id, result)| match result {
            Ok(passed) if passed.elements > 0 => None,
            other => Some(format!("{id}: {other:?}")),
        })
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Whether some case of a claim falls to a mutant.
fn killed(test: &FalsificationTest, mutant: &Mutant) -> Result<String, String> {
    let subject = subject((mutant.seam)());
    let mut left = Vec::new();
    let quick = quick(test);
    for case in &quick {
        match (case.attempt)(&subject) {
            Err(Stop::Falsified(defect)) => return Ok(defect.message),
            Ok(_) | Err(Stop::Vacuous(Vacuity::NoElements)) => left.push(case.id.clone()),
            Err(other) => left.push(format!("{}: {other}", case.id)),
        }
    }
    Err(format!("{} survives {}: {left:?}", mutant.name, test.id))
}

#[test]
fn every_mutant_outside_of_kernels_dies() {
    let claims = claims();
    let duels: Vec<(&FalsificationTest, &Mutant)> = claims
        .iter()
        .flat_map(|test| test.kills.iter().map(move |name| (test, falsifiers::mutants::find(name).unwrap())))
        .filter(|(_, mutant)| mutant.point != "source")
        .collect();
    assert!(duels.len() > 30, "{}", duels.len());
    let outcomes: Vec<Result<String, String>> =
        duels.par_iter().map(|(test, mutant)| killed(test, mutant)).collect();
    for ((test, mutant), outcome) in duels.iter().zip(&outcomes) {
        if let Ok(message) = outcome {
            println!("{} {}: {message}", mutant.name, test.id);
        }
    }
    let alive: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(alive.is_empty(), "{alive:#?}");
    let tried: std::collections::BTreeSet<&str> = duels.iter().map(|(_, mutant)| mutant.name).collect();
    let device = MUTANTS.iter().filter(|m| ["plan", "metadata", "pool"].contains(&m.point));
    for mutant in device {
        assert!(tried.contains(mutant.name), "{} was not tried", mutant.name);
    }
}
