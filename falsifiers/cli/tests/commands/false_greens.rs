//! The exit codes that people and CI see: nothing that did not run, or ran on nothing, ends in 0. What the library
//! makes of each hole is in `falsifiers/tests/false_greens`.

use std::fs;
use std::process::Command;

use crate::common::{Done, Place, claim, gate, parity};

#[test]
fn a_lane_that_nothing_can_run_in_is_refused_and_a_mistyped_one_too() {
    let text = parity("1.0e-5").replace("    kills:", "    lanes: [cpu, cuda]\n    kills:");
    let place = Place::new(&[("tiny.yaml", text)]);
    // The linter knows which lanes a kind has, and what it refuses does not run at all, not even where it could.
    place.run(&["--device", "cpu,cuda"]).says(1, &["does not run in the lane cuda"]);
    assert!(place.runs().is_empty());
    place.run(&["--device", "cpuu"]).says(2, &["cpuu"]);
    place.run(&["--device", ""]).says(2, &["--device"]);
}

#[test]
fn one_claim_that_is_blocked_keeps_a_run_from_success() {
    let missing = claim(
        "oracle_parity: {model: micro/qwen3-dense, prompts: [no-such-prompt], arithmetic: [f64]}",
        "\n    tolerance: {row_l2: {max: 1.0e-5, because: measured}}",
        "rope@theta-10000",
    );
    let missing = missing.replace("TINY-001", "TINY-002").replace("id: tiny", "id: tiny-too");
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5")), ("too.yaml", missing)]);
    place.run(&[]).says(5, &["1 of 2 survived", "blocked", "no-such-prompt"]);
    place.run(&["--claim", "TINY-001"]).says(0, &[]);
}

#[test]
fn nan_ends_in_a_failure_that_is_recorded() {
    let kind = "finiteness: {model: micro/qwen3-dense, prompts: [short], arithmetic: [f64]}";
    let place = Place::new(&[("tiny.yaml", claim(kind, "", "mlp@nan-in-one-lane"))]);
    place.run(&[]).says(0, &[]);
    // A weight of the final norm that is NaN: every logit is.
    let weights = place.path("zoo/micro/qwen3-dense/model.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let length = bytes.len();
    bytes[length - 64..].fill(0xff);
    fs::write(&weights, bytes).unwrap();
    place.run(&[]).says(1, &["FALSIFIED", "not finite"]);
}

#[test]
fn a_gate_needs_more_than_success_of_another_kind() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5")), ("gates/tiny-ready.yaml", gate())]);
    let report = || place.pv(&["report", "--zoo", "zoo"]);
    report().says(3, &["runs is no folder"]);
    fs::create_dir(place.path("runs")).unwrap();
    report().says(4, &["no run is recorded in runs"]);
    fs::create_dir(place.path("runs/20260131T000000-nocommit-0000")).unwrap();
    report().says(5, &["NOT PASSED", "holds no run.json"]);
    fs::write(place.path("runs/20260131T000000-nocommit-0000/run.json"), "{\"passed\": true}").unwrap();
    report().says(5, &["NOT PASSED", "could not be read"]);
}

#[test]
fn the_exit_code_reaches_a_shell_that_pipes() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-30"))]);
    for (shell, code) in [("\"$0\" run --zoo zoo", 1), ("set -o pipefail; \"$0\" run --zoo zoo | cat", 1)] {
        let mut command = Command::new("bash");
        command.args(["-c", shell, env!("CARGO_BIN_EXE_pv")]);
        place.inside(&mut command);
        Done::of(command.output().unwrap()).says(code, &["FALSIFIED"]);
    }
}
