//! What `pv run` and `pv prove` conclude, and with which exit code.

use std::fs;

use serde_json::Value;

use crate::common::{Place, claim, parity};

#[test]
fn a_claim_that_survives_exits_0_and_is_recorded() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    let done = place.run(&[]);
    done.says(0, &["TINY-001", "survived", "What this run did not verify", "recorded in runs/"]);
    let [folder] = place.runs().try_into().unwrap();
    let record: Value = serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(record["status"], "complete");
    assert_eq!(record["models"].as_object().unwrap().len(), 1);
    assert_eq!(record["counts"]["outcomes"]["survived"], 1);
    let line: Value =
        serde_json::from_str(fs::read_to_string(folder.join("outcomes.jsonl")).unwrap().trim()).unwrap();
    assert!(line["outcome"]["survived"]["elements"].as_u64().unwrap() > 1000, "{line}");
}

#[test]
fn a_claim_that_does_not_hold_exits_1_and_its_command_shows_it_again() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-12"))]);
    let done = place.run(&[]);
    done.says(1, &["falsified", "model.layers.0.", "limit 1.00e-12"]);
    let lines = fs::read_to_string(place.runs()[0].join("outcomes.jsonl")).unwrap();
    let outcome: Value = serde_json::from_str(lines.trim()).unwrap();
    let command = outcome["outcome"]["falsified"]["counterexample"]["command"].as_str().unwrap().to_owned();
    // As a shell splits it: the case id is quoted and holds no blanks.
    let arguments: Vec<String> =
        command.split(' ').skip(1).map(|word| word.trim_matches('\'').to_owned()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    place.pv(&arguments).says(1, &["falsified"]);
    assert_eq!(place.runs().len(), 2, "each run is recorded by itself");
}

#[test]
fn missing_goldens_and_weights_block() {
    for (file, words) in [("goldens.safetensors", "no golden"), ("model.safetensors", "no weights of")] {
        let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
        fs::remove_file(place.path("zoo/micro/qwen3-dense").join(file)).unwrap();
        place.run(&[]).says(5, &["blocked", words]);
    }
}

#[test]
fn prompts_and_stages_without_a_golden_block() {
    let parity = |parameters: &str| {
        claim(
            &format!("oracle_parity: {{model: micro/qwen3-dense, arithmetic: [f64], {parameters}}}"),
            "\n    tolerance: {row_l2: {max: 1.0e-5, because: measured}}",
            "rope@theta-10000",
        )
    };
    let place = Place::new(&[("tiny.yaml", parity("prompts: [nothing]"))]);
    place.run(&[]).says(5, &["blocked", "nothing.input_ids"]);
    // The oracle records no scores, so there is nothing to compare them with, whatever else is.
    let place = Place::new(&[("tiny.yaml", parity("prompts: [short], stages: [lm_head, '*.scores']"))]);
    place.run(&[]).says(5, &["blocked", "*.scores"]);
}

#[test]
fn a_damaged_model_is_an_error_of_the_claim() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    let weights = place.path("zoo/micro/qwen3-dense/model.safetensors");
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    place.run(&[]).says(1, &["errored", "model.safetensors"]);
}

#[test]
fn mutants_die_survive_or_are_inert_and_only_death_exits_0() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    place.pv(&["prove", "--zoo", "zoo"]).says(0, &["rope@theta-10000", "killed"]);

    // Counting tensors cannot see another rotary base.
    let blind = claim("weights_consumed: {model: micro/qwen3-dense}", "", "rope@theta-10000");
    let place = Place::new(&[("tiny.yaml", blind)]);
    place.pv(&["prove", "--zoo", "zoo"]).says(5, &["SURVIVED"]);

    // A model without windows has none to drop.
    let inert = parity("1.0e-5").replace("rope@theta-10000", "attention@window-dropped");
    let place = Place::new(&[("tiny.yaml", inert)]);
    place.pv(&["prove", "--zoo", "zoo"]).says(5, &["inert"]);
}

#[test]
fn a_claim_that_fails_anyway_kills_nothing() {
    // Falsified with or without the mutant: the kill would say nothing about the check.
    let place = Place::new(&[(
        "tiny.yaml",
        parity("1.0e-12").replace("rope@theta-10000", "attention@window-dropped"),
    )]);
    place.pv(&["prove", "--zoo", "zoo"]).says(1, &["errored"]);
}

#[test]
fn events_are_lines_of_json() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    let done = place.run(&["--json"]);
    done.says(0, &[]);
    let events: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.first().unwrap().get("run_started").is_some());
    assert!(events.iter().any(|event| event.get("claim_finished").is_some()));
    assert_eq!(events.last().unwrap()["run_finished"]["exit"], "survived");
}
