//! Bad input: what is wrong is named, with its remedy, and nothing passes on it.

use std::fs;

use crate::common::{Place, claim, parity};

#[test]
fn unknown_names_are_usage_errors_that_name_the_nearest() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    place.run(&["--claim", "TINY-01"]).says(2, &["no claim is called `TINY-01`", "did you mean `TINY-001`?"]);
    place
        .pv(&["prove", "--zoo", "zoo", "--mutant", "rope@theta-1000"])
        .says(2, &["no mutant is called `rope@theta-1000`", "did you mean `rope@theta-10000`?"]);
    place.pv(&["explain", "PV10"]).says(2, &["PV10"]);
    place.run(&["--device", "gpu"]).says(2, &["gpu", "cpu"]);
    place.run(&["--filter", "knd(oracle_parity)"]).says(2, &["unknown predicate `knd`"]);
    assert!(place.runs().is_empty(), "nothing ran, so nothing is recorded");
}

#[test]
fn what_matches_nothing_is_not_a_pass() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    place.run(&["--filter", "kind(finiteness)"]).says(4, &["nothing matches filter `kind(finiteness)`"]);
    // What does not exist at all is misspelled, wherever it stands.
    for filter in ["kind(oracle_party)", "!kind(oracle_party)", "TINY-001 | kind(oracle_party)"] {
        place.run(&["--filter", filter]).says(2, &["no kind matches", "did you mean `oracle_parity`?"]);
    }
    place.run(&["--device", "cuda"]).says(4, &["nothing matches", "device cuda"]);
    place.run(&["--tier", "long"]).says(4, &["nothing matches", "tier long"]);
    place.run(&["--case", "oracle_parity(model=none)"]).says(4, &["no selected claim has the case"]);
    place.pv(&["prove", "--zoo", "zoo", "--mutant", "lm_head@scaled"]).says(4, &["no selected claim names"]);
    assert!(place.runs().is_empty());
}

#[test]
fn folders_without_contracts_and_paths_that_lead_nowhere() {
    let place = Place::new(&[]);
    place.run(&[]).says(4, &["no contracts in `contracts`"]);
    place.pv(&["validate", "--zoo", "zoo"]).says(4, &["no contracts in `contracts`"]);
    place.pv(&["run", "elsewhere", "--zoo", "zoo"]).says(3, &["cannot read `elsewhere`"]);
    fs::write(place.path("contracts/empty.yaml"), "# nothing\n").unwrap();
    place.run(&[]).says(1, &[]);
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    place.pv(&["run", "--zoo", "nowhere"]).says(3, &["nowhere is no folder", "--zoo"]);
    place.pv(&["report", "--zoo", "zoo"]).says(3, &["runs", "pv run"]);
    place.pv(&["report", "--zoo", "zoo", "--runs", "contracts"]).says(4, &["no run is recorded"]);
    place.run(&[]).says(0, &[]);
    place.pv(&["report", "--zoo", "zoo"]).says(4, &["there are no gates"]);
}

#[test]
fn nothing_runs_while_the_linter_has_errors() {
    let misspelled = parity("1.0e-5").replace("prediction:", "predction:");
    let place = Place::new(&[("good.yaml", parity("1.0e-5")), ("bad.yaml", misspelled)]);
    place.run(&[]).says(1, &["pv validate"]);
    place.pv(&["validate", "--zoo", "zoo"]).says(1, &["PV004", "predction", "prediction", "bad.yaml:5"]);
    assert!(place.runs().is_empty());

    let nan = parity(".nan");
    let place = Place::new(&[("tiny.yaml", nan)]);
    place.run(&[]).says(1, &[]);
    let none = claim("finiteness: {model: micro/qwen3-dense, prompts: []}", "", "mlp@nan-in-one-lane");
    let place = Place::new(&[("tiny.yaml", none)]);
    place.run(&[]).says(1, &[]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    fs::write(place.path("file"), "").unwrap();
    place.run(&["--out", "file"]).says(3, &["file"]);
    place.run(&["--out", "/proc/nowhere"]).says(3, &["/proc/nowhere"]);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    for arguments in [&["list", "rules"][..], &["run", "--zoo", "zoo"], &["validate", "--zoo", "zoo"]] {
        let mut child = place
            .command(arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("panicked") && !said.contains("Broken pipe"), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    }
}

#[test]
fn colour_follows_the_environment_and_a_pipe_has_none() {
    let place = Place::new(&[("bad.yaml", parity("1.0e-5").replace("prediction:", "predction:"))]);
    let coloured = |variables: &[(&str, &str)]| {
        let mut command = place.command(&["validate", "--zoo", "zoo"]);
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env("TERM", "xterm");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("predction"), "{text}");
        text.contains('\u{1b}')
    };
    assert!(!coloured(&[]), "a pipe");
    assert!(coloured(&[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
    assert!(!coloured(&[("TERM", "dumb")]));
    assert!(!coloured(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]), "no wins");
}

#[test]
fn findings_for_other_tools_stand_alone_on_standard_output() {
    let place = Place::new(&[("a b,c.yaml", parity("1.0e-5").replace("prediction:", "predction:"))]);
    let done = place.pv(&["validate", "--zoo", "zoo", "--format", "sarif"]);
    done.says(1, &["checked 1 file", "a%20b%2Cc.yaml"]);
    let log: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(results.iter().any(|one| one["ruleId"] == "PV004"), "{}", done.out);
    place
        .pv(&["validate", "--zoo", "zoo", "--format", "github"])
        .says(1, &["::error file=contracts/a b%2Cc.yaml,line=", "title=PV004"]);
}

#[test]
fn fix_and_diff_leave_what_has_no_fix_and_say_so() {
    let text = parity("1.0e-5").replace("kills: [rope@theta-10000]", "kills: []");
    let place = Place::new(&[("tiny.yaml", text.clone())]);
    place.pv(&["validate", "--zoo", "zoo", "--diff"]).says(1, &["`--fix` would change 0 files"]);
    place.pv(&["validate", "--zoo", "zoo", "--fix"]).says(1, &["PV201"]);
    assert_eq!(fs::read_to_string(place.path("contracts/tiny.yaml")).unwrap(), text);
    place.pv(&["validate", "--fix", "--diff"]).says(2, &["cannot be used with"]);
}

#[test]
fn a_new_contract_cannot_run_before_it_is_written() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    place
        .pv(&["new", "model", "fresh"])
        .says(0, &["wrote contracts/models/fresh.yaml", "next:", "pv validate"]);
    place.pv(&["validate", "--zoo", "zoo"]).says(1, &["PV213", "PV103", "PV104", "fresh.yaml:"]);
    place.run(&[]).says(1, &["pv validate"]);
    assert!(place.runs().is_empty());
    place.pv(&["new", "model", "fresh"]).says(2, &["exists already"]);
    place.pv(&["new", "gate", "ship"]).says(0, &["contracts/gates/ship.yaml"]);
    place.pv(&["schema", "gate"]).says(0, &["json-schema.org"]);
    place.pv(&["explain", "101"]).says(0, &["exit code 101"]);
}
