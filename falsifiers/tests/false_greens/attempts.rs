//! Holes of what attempts a comparison: models, goldens, filters, devices, and the runner.

use std::fs;

use contracts::{Lane, Tier};
use evidence::{Event, Exit, Need, Outcome, Vacuity};
use falsifiers::filter::Filter;
use falsifiers::runner::Options;
use falsifiers::select::{Request, SelectError, select};
use falsifiers::subject::Subject;
use kernels::seam::Seam;

use crate::support::{MODEL, PARITY, Zoo, attempt, claim, options, repository_zoo};

fn mutant(name: &str) -> Seam {
    (falsifiers::mutants::find(name).unwrap().seam)()
}

/// Hole: A model or a golden that is not there ends the test early, and the test passes.
/// Seen: tests of an older `apr` (a model file on one developer's disk); tests that return where a cache cannot be made.
/// Here: The claim is blocked and says what is missing and how to come by it.
#[test]
fn a_missing_file_is_a_pass() {
    assert!(Zoo::new().attack(PARITY).passes(), "with everything in place the claim survives");
    let missing = |file: &str| {
        let zoo = Zoo::new();
        zoo.remove(file);
        zoo.attack(PARITY)
    };
    let weights = Need::Weights { model: MODEL.to_owned() };
    for file in ["config.json", "model.safetensors"] {
        assert_eq!(missing(file), Outcome::Blocked { missing: vec![weights.clone()] }, "{file}");
    }
    let Outcome::Blocked { missing } = missing("goldens.safetensors") else { panic!("not blocked") };
    assert!(matches!(&missing[..], [Need::Golden { .. }]), "{missing:?}");
    assert_eq!(Outcome::Blocked { missing }.exit(), Exit::Incomplete);
}

/// Hole: A prompt without stored answers is passed over.
/// Seen: vLLM's decode against prefill test (`continue` where log-probabilities are missing).
/// Here: A prompt that has no golden blocks the claim, also beside one that has.
#[test]
fn a_prompt_without_answers_is_passed_over() {
    let outcome = Zoo::new().attack(&PARITY.replace("[short]", "[short, no-such-prompt]"));
    let Outcome::Blocked { missing } = outcome else { panic!("{outcome:?}") };
    assert!(format!("{missing:?}").contains("no-such-prompt"));
}

/// Hole: Without a device the backend is skipped, and skipped counts as OK.
/// Seen: ggml `test-backend-ops` (`Skipping ... 1/1 backends passed`); GPU tests of an older `apr` that return.
/// Here: A lane without a device is blocked, with its own exit code, also where the CPU survived beside it.
#[test]
fn no_device_is_ok() {
    let zoo = Zoo::new();
    let selection = claim("{finiteness: {model: MODEL, prompts: [short]}}", "cpu, cuda");
    assert_eq!(selection.selected.len(), 2);
    let (results, _) = attempt(&selection, &options(), zoo.path(), Seam::empty());
    for result in &results {
        let blocked = Outcome::Blocked { missing: vec![Need::Device(result.lane)] };
        assert!(result.outcome.passes() == (result.lane == Lane::Cpu), "{result:?}");
        assert!(result.lane == Lane::Cpu || result.outcome == blocked, "{result:?}");
    }
    assert_eq!(Exit::combine(results.iter().map(|result| result.outcome.exit())), Exit::Incomplete);
}

/// Hole: A claim in a lane that its check knows nothing of is tried elsewhere, and passes there.
/// Seen: an earlier state of this runner, when the virtual device came: parity with goldens ran on the reference.
/// Here: The claim is errored in that lane, whatever became of it in others, and so is its mutant.
#[test]
fn a_lane_of_another_kind_is_tried_elsewhere() {
    let zoo = Zoo::new();
    let selection = claim(PARITY, "cpu, simt");
    let (results, _) = attempt(&selection, &options(), zoo.path(), Seam::empty());
    for result in &results {
        match (&result.outcome, result.lane) {
            (outcome, Lane::Cpu) => assert!(outcome.passes(), "{result:?}"),
            (Outcome::Errored { error }, _) => {
                assert!(error.contains("oracle_parity is not for the lane simt"), "{error}")
            }
            _ => panic!("{result:?}"),
        }
    }
    assert_eq!(results.len(), 2);
}

/// Hole: A name that is mistyped on the command line selects nothing, and nothing is OK.
/// Seen: ggml `test-backend-ops` (`-b TYPO` and `-o TYPO`: `0/0 tests passed`, exit 0); `cargo test FILTER`.
/// Here: A filter that matches nothing is an error, and so is a predicate that does not exist.
#[test]
fn a_mistyped_filter_selects_nothing_and_passes() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(repository_zoo().join("../../contracts/models/qwen2.yaml")).unwrap();
    fs::write(folder.path().join("qwen2.yaml"), text).unwrap();
    let loaded = contracts::load(&[folder.path().to_owned()]);
    let ask = |filter: Option<&str>, claims: &[&str], lane| {
        let request = Request {
            lanes: vec![lane],
            tiers: vec![Tier::Ci],
            claims: claims.iter().map(|id| (*id).into()).collect(),
            filter: filter.map(|filter| Filter::parse(filter).unwrap()),
            case: None,
        };
        select(&loaded, &request, "contracts")
    };
    assert!(ask(Some("kind(oracle_parity)"), &[], Lane::Cpu).is_ok());
    for filter in ["kind(oracle_partiy)", "id(FALSIFY-QWEN3-*)"] {
        let error = ask(Some(filter), &[], Lane::Cpu).unwrap_err();
        assert!(matches!(error, SelectError::Filter(_)), "{filter}: {error}");
    }
    let none = ask(Some("kind(oracle_parity) & kind(finiteness)"), &[], Lane::Cpu);
    assert!(matches!(none, Err(SelectError::NothingMatches(_))), "{none:?}");
    let none = ask(Some("kind(oracle_parity)"), &[], Lane::Simt);
    assert!(matches!(none, Err(SelectError::NothingMatches(_))), "{none:?}");
    assert!(matches!(ask(None, &["NO-SUCH-CLAIM"], Lane::Cpu), Err(SelectError::UnknownClaim { .. })));
    assert!(Filter::parse("knd(oracle_parity)").is_err() && Filter::parse("").is_err());
}

/// Hole: There is nothing to select from, and zero of zero pass.
/// Seen: ThunderKittens `unit_tests.cu` ("ALL TESTS PASSED!" with none passed); linters that find no contract.
/// Here: No claims is an error of its own.
#[test]
fn zero_of_zero_pass() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = contracts::load(&[folder.path().to_owned()]);
    let request = Request { lanes: vec![Lane::Cpu], tiers: vec![Tier::Ci], ..Request::default() };
    assert!(matches!(select(&loaded, &request, "here"), Err(SelectError::NoClaims(_))));
    assert_eq!(loaded.exit_code(&loaded.findings, false), 4);
    assert_eq!(Exit::combine([]), Exit::NothingRan);
}

/// Hole: The case that was asked for does not exist, so that no case fails.
/// Seen: test harnesses that filter cases after they have counted the test.
/// Here: A claim without a case that ran is vacuous.
#[test]
fn no_case_is_left_and_the_claim_passes() {
    let options = Options { case: Some("oracle_parity(model=none)".to_owned()), ..options() };
    let (outcome, _) = Zoo::new().attack_with(PARITY, &options, Seam::empty());
    assert_eq!(outcome, Outcome::Vacuous { why: Vacuity::NoCases });
}

/// Hole: Outputs whose names do not match are skipped with a warning.
/// Seen: Polygraphy (critical only if all are skipped); ONNX Runtime's `qdq_loss_debug`.
/// Here: A stage that a claim names and nobody computed blocks it, also beside one that was compared.
#[test]
fn names_that_match_nothing_are_skipped() {
    let stages = |stages: &str| {
        let falsifier =
            PARITY.replace("arithmetic: [f64]", &format!("arithmetic: [f64], stages: [{stages}]"));
        Zoo::new().attack(&falsifier)
    };
    assert!(stages("lm_head, \"model.layers.*\"").passes());
    for typo in ["lm_haed", "lm_head, lm_haed", "\"model.layers.*\", \"model.layers.7.mlp.down_proj\""] {
        let outcome = stages(typo);
        assert!(matches!(outcome, Outcome::Blocked { .. }), "{typo}: {outcome:?}");
    }
    let finite = "{finiteness: {model: MODEL, prompts: [short], stages: [lm_head, lm_haed]}}";
    assert!(matches!(Zoo::new().attack(finite), Outcome::Errored { .. }));
}

/// Hole: What the other side does not have is not compared, and counts as passed.
/// Seen: tract `compare` (a node without a reference is counted as ok); llama.cpp `test-fusion` (rows that are there).
/// Here: A stage of the oracle that the engine does not compute is an error, and goldens without rows are vacuous.
#[test]
fn what_only_one_side_has_is_passed_over() {
    let zoo = Zoo::new();
    zoo.goldens(|tensors| {
        let golden = tensors["short.f64.stage.model.norm"].clone();
        tensors.insert("short.f64.stage.model.norm_of_another".to_owned(), golden);
    });
    let outcome = zoo.attack(PARITY);
    assert!(
        matches!(&outcome, Outcome::Errored { error } if error.contains("norm_of_another")),
        "{outcome:?}"
    );

    let zoo = Zoo::new();
    zoo.goldens(|tensors| {
        for (name, (shape, data)) in tensors.iter_mut().filter(|(name, _)| name.contains(".f64.")) {
            assert!(!shape.is_empty(), "{name}");
            shape[0] = 0;
            data.clear();
        }
        // The first axis of scores is heads: without it they are another shape, which is a defect and not nothing.
        tensors.retain(|name, (shape, _)| !name.contains(".f64.stage.") || shape.len() == 2);
    });
    assert_eq!(zoo.attack(PARITY), Outcome::Vacuous { why: Vacuity::NoElements });

    let zoo = Zoo::new();
    zoo.goldens(|tensors| tensors.retain(|name, _| !name.contains(".f64.")));
    assert!(matches!(zoo.attack(PARITY), Outcome::Blocked { .. }));
}

/// Hole: A golden of another model, or of another width, is compared as far as both go.
/// Seen: vLLM-Neuron (the key of its golden cache lacks the checkpoint); llama.cpp `llama-results` (a path).
/// Here: The values differ or the shapes do, and either falsifies.
#[test]
fn a_golden_of_another_model_is_close_enough() {
    for other in ["micro/qwen3-untied-bias", "micro/qwen3-window", "micro/llama-mha"] {
        let zoo = Zoo::new();
        let golden = repository_zoo().join(other).join("goldens.safetensors");
        fs::copy(golden, zoo.dir().join("goldens.safetensors")).unwrap();
        let outcome = zoo.attack(PARITY);
        assert!(
            matches!(outcome, Outcome::Falsified { .. } | Outcome::Errored { .. }),
            "{other}: {outcome:?}"
        );
    }
}

/// Hole: NaN in the stored answers, or answers of zeros, excuse whatever is computed.
/// Seen: flashinfer-bench (only the solution is looked at); suites whose inputs were zeroed by what they tested.
/// Here: Both falsify the claim.
#[test]
fn broken_answers_excuse_what_is_computed() {
    for byte in [0_u8, 0xff] {
        let zoo = Zoo::new();
        zoo.goldens(|tensors| {
            let names = tensors.iter_mut().filter(|(name, _)| name.starts_with("short.f64."));
            names.for_each(|(_, (_, data))| data.fill(byte));
        });
        let outcome = zoo.attack(PARITY);
        assert!(matches!(outcome, Outcome::Falsified { .. }), "{byte}: {outcome:?}");
    }
}

/// Hole: What is computed is NaN, the tool says so, and exits 0.
/// Seen: llama.cpp `eval-callback` (`encountered NaN - aborting`, `exit(0)`).
/// Here: NaN falsifies every kind that looks at values, and the exit code says so.
#[test]
fn nan_is_reported_with_a_success_code() {
    for falsifier in [PARITY, "{finiteness: {model: MODEL, prompts: [short], arithmetic: [f64]}}"] {
        let (outcome, _) = Zoo::new().attack_with(falsifier, &options(), mutant("mlp@nan-in-one-lane"));
        assert!(matches!(outcome, Outcome::Falsified { .. }), "{outcome:?}");
        assert_eq!(outcome.exit().code(), 1);
    }
}

/// Hole: A value is compared with itself: one run with one run, or one chunk with the whole.
/// Seen: KernelBench (one trial by default); comparisons whose two sides are one file.
/// Here: A single run shows nothing and is vacuous; a chunk that holds the prompt is an error.
#[test]
fn a_value_is_compared_with_itself() {
    let once = "{determinism: {model: MODEL, prompts: [short], repeats: 2, threads: [1]}}";
    let selection = claim(once, "cpu");
    let mut selected = selection.selected;
    let contracts::Falsifier::Determinism(parameters) = &mut selected[0].test.falsifier else { panic!() };
    parameters.repeats = 1;
    let selection = falsifiers::select::Selection { selected, not_asked: Vec::new() };
    let (results, _) = attempt(&selection, &options(), Zoo::new().path(), Seam::empty());
    assert_eq!(results[0].outcome, Outcome::Vacuous { why: Vacuity::NoElements });

    let chunk = |chunk: u32| {
        let kind =
            format!("{{prefill_equals_decode: {{model: MODEL, prompts: [short], chunks: [{chunk}]}}}}");
        Zoo::new().attack(&kind)
    };
    assert!(chunk(3).passes());
    assert!(matches!(chunk(7), Outcome::Errored { .. }) && matches!(chunk(100), Outcome::Errored { .. }));
}

/// Hole: A test that is not deterministic is run again until it passes.
/// Seen: vLLM's batch invariance test (`flaky(reruns=3)`).
/// Here: Every case is attempted once, whatever comes of it.
#[test]
fn a_failure_is_tried_again() {
    let kind = "{determinism: {model: MODEL, prompts: [short], repeats: 2, threads: [1]}}";
    let (outcome, events) = Zoo::new().attack_with(kind, &options(), mutant("reference@run-dependent-sum"));
    assert!(matches!(outcome, Outcome::Falsified { .. }), "{outcome:?}");
    let attempts = events.iter().filter(|event| matches!(event, Event::CaseFinished { .. })).count();
    assert_eq!(attempts, 1);
}

/// Hole: Any one of several checks that passes rescues the others.
/// Seen: vLLM-Neuron (an OR of three routes); a contract of an older `apr` (cosine OR argmax).
/// Here: The worst case decides: one falsified case among many falsifies the claim.
#[test]
fn one_check_of_several_suffices() {
    let zoo = Zoo::new();
    zoo.goldens(|tensors| {
        // The last number of one prompt's answers, off by two.
        let (_, data) = tensors.get_mut("mid.f64.logits").unwrap();
        let at = data.len() - 8;
        let last = f64::from_le_bytes(data[at..].try_into().unwrap());
        data[at..].copy_from_slice(&(last + 2.0).to_le_bytes());
    });
    assert!(zoo.attack(PARITY).passes(), "the other prompt survives");
    let outcome = zoo.attack(&PARITY.replace("[short]", "[short, mid]"));
    let Outcome::Falsified { counterexample } = outcome else { panic!("{outcome:?}") };
    assert!(counterexample.case.contains("prompt=mid"), "{counterexample}");
}

/// Hole: What is tested reaches the reference: its output is reused, or a defect moves the limit that it is held to.
/// Seen: KernelBench (the allocator hands out the reference's freed output); baselines made by the code under test.
/// Here: Truths are files that the engine does not write, or come from an engine without rewrites.
#[test]
fn what_is_tested_reaches_the_reference() {
    let zoo = Zoo::new();
    let tokens = [1, 2, 3, 4];
    let honest = |subject: &Subject| {
        let derived =
            falsifiers::derive::honest_logits(subject.pristine(), MODEL, &tokens, kernels::Dtype::F32);
        derived.unwrap().truth
    };
    let clean = honest(&Subject::new(zoo.path(), Seam::empty()));
    let subject = Subject::new(zoo.path(), mutant("rope@theta-10000"));
    let reference = subject.reference(MODEL, contracts::ArithmeticName::F64).unwrap();
    let moved = reference.prefill(&tokens, &mut engine::trace::NoTap).unwrap();
    assert!(subject.seam().applied() > 0 && moved.values != clean.values, "the mutant was planted");
    assert_eq!(honest(&subject).values, clean.values);
    let before = fs::read(zoo.dir().join("goldens.safetensors")).unwrap();
    let (outcome, _) = zoo.attack_with(PARITY, &options(), mutant("rope@theta-10000"));
    assert!(matches!(outcome, Outcome::Falsified { .. }));
    assert_eq!(fs::read(zoo.dir().join("goldens.safetensors")).unwrap(), before);
}

/// Hole: A crash of the harness or a broken input is swallowed, and the other cases pass.
/// Seen: ThunderKittens (`return 0` always); Compute Sanitizer (no `--error-exitcode` by default).
/// Here: What broke is an outcome of its own, which outweighs every case that survived.
#[test]
fn an_error_is_swallowed() {
    let zoo = Zoo::new();
    zoo.goldens(|tensors| {
        let ids = tensors["short.input_ids"].clone();
        tensors.insert("wild.input_ids".to_owned(), (ids.0, vec![0x7f; ids.1.len()]));
    });
    let kind = "{finiteness: {model: MODEL, prompts: [short, wild], arithmetic: [f64]}}";
    let outcome = zoo.attack(kind);
    assert!(!outcome.passes() && outcome.exit() != Exit::Survived, "{outcome:?}");
    fs::write(zoo.dir().join("goldens.safetensors"), b"damaged").unwrap();
    assert!(matches!(zoo.attack(PARITY), Outcome::Errored { .. }));
}

/// Hole: An architecture or a format that the tool does not know is skipped.
/// Seen: llama.cpp `test-llama-archs` (about 25 architectures print SKIP).
/// Here: A model that cannot be opened is an error of every claim about it.
#[test]
fn an_unknown_architecture_is_skipped() {
    let zoo = Zoo::new();
    let config = fs::read_to_string(zoo.dir().join("config.json")).unwrap();
    fs::write(zoo.dir().join("config.json"), config.replace("Qwen3ForCausalLM", "Qwen9ForCausalLM")).unwrap();
    let outcome = zoo.attack(PARITY);
    assert!(
        matches!(&outcome, Outcome::Errored { error } if error.contains("Qwen9ForCausalLM")),
        "{outcome:?}"
    );
}
