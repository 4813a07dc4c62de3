//! `pv report`: formats, files, comparisons, and what it makes of output that cannot be written.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::common::{Place, gate, parity};

/// A place with one run in which the claim survived.
fn place() -> Place {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5")), ("gates/tiny-ready.yaml", gate())]);
    place.run(&[]).says(0, &[]);
    place
}

fn only_run(place: &Place) -> String {
    place.runs()[0].file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn a_page_has_the_run_and_the_gates() {
    let place = place();
    let report = [
        "report",
        "--zoo",
        "zoo",
        "--run",
        "latest",
        "--gate",
        "tiny-ready",
        "--format",
        "html",
        "--out",
        "r.html",
    ];
    // The gate lacks its mutants, and the page says so.
    place.pv(&report).says(5, &[]);
    let page = fs::read_to_string(place.path("r.html")).unwrap();
    for words in ["TINY-001", "Gate tiny-ready did not pass", "Error by stage", "The reference is right."] {
        assert!(page.contains(words), "{words}");
    }
    assert!(!page.contains("http"), "the page leads nowhere");
    place.pv(&["report", "--run", "latest", "--format", "html"]).says(0, &["all 1 claim survived"]);
}

#[test]
fn junit_is_red_where_anything_did_not_survive() {
    let place = place();
    place.pv(&["report", "--run", "latest", "--format", "junit"]).says(0, &["failures=\"0\" errors=\"0\""]);
    let blocked = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    fs::remove_file(blocked.path("zoo/micro/qwen3-dense/goldens.safetensors")).unwrap();
    blocked.run(&[]).says(5, &[]);
    let junit = blocked.pv(&["report", "--run", "latest", "--format", "junit"]);
    junit.says(5, &["errors=\"1\"", "type=\"blocked\""]);
}

#[test]
fn runs_are_named_by_id_by_folder_or_as_the_latest() {
    let place = place();
    let id = only_run(&place);
    let folder = format!("runs/{id}");
    for run in [id.as_str(), folder.as_str(), "latest"] {
        place.pv(&["report", "--run", run]).says(0, &[&id]);
    }
    place.pv(&["report", "--run", "nowhere"]).says(2, &["nowhere"]);
}

#[test]
fn an_empty_folder_is_nothing_and_unreadable_runs_are_named() {
    let place = place();
    fs::create_dir(place.path("empty")).unwrap();
    for more in [&["--run", "latest"][..], &[]] {
        place
            .pv(&[&["report", "--zoo", "zoo", "--runs", "empty"], more].concat())
            .says(4, &["no run is recorded"]);
    }
    fs::create_dir(place.path("runs/.partial-20990101T000000-nocommit-0000")).unwrap();
    place.pv(&["report", "--run", "latest"]).says(0, &["could not be read", ".partial-20990101T000000"]);
    place.pv(&["report", "--zoo", "zoo"]).says(5, &["could not be read", ".partial-20990101T000000"]);
}

#[test]
fn a_comparison_shows_what_changed_and_exits_for_what_got_worse() {
    let place = place();
    let before = only_run(&place);
    place.pv(&["report", "--compare", &before, "latest"]).says(0, &["no differences"]);
    // The claim fails now, since the golden of another model stands in for its own.
    place.model("micro/qwen3-untied-bias");
    let goldens = |model: &str| place.path(&format!("zoo/micro/{model}/goldens.safetensors"));
    fs::copy(goldens("qwen3-untied-bias"), goldens("qwen3-dense")).unwrap();
    place.run(&["--out", "later"]).says(1, &[]);
    let after = fs::read_dir(place.path("later")).unwrap().next().unwrap().unwrap().file_name();
    let after = format!("later/{}", after.to_string_lossy());
    let compare = |before: &str, after: &str, more: &[&str]| {
        place.pv(&[&["report", "--compare", before, after], more].concat())
    };
    let words = ["1 regression", "FALSIFIED", "golden micro/qwen3-dense"];
    compare(&before, &after, &[]).says(1, &words);
    compare(&before, &after, &["--format", "md"]).says(1, &["❌", "1 regression"]);
    compare(&before, &after, &["--format", "html"]).says(1, &["1 regression"]);
    compare(&before, &after, &["--format", "json"]).says(1, &["\"direction\": \"regression\""]);
    compare(&before, &after, &["--format", "junit"]).says(2, &["no list of tests"]);
    compare(&after, &before, &[]).says(0, &["1 improvement"]);

    place.pv(&["prove", "--zoo", "zoo", "--out", "proved"]);
    let proved = fs::read_dir(place.path("proved")).unwrap().next().unwrap().unwrap().file_name();
    let proved = format!("proved/{}", proved.to_string_lossy());
    compare(&before, &proved, &[]).says(4, &["no claim and no mutant in common"]);
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_and_a_reader_that_left_is_none() {
    let place = place();
    place
        .pv(&["report", "--run", "latest", "--out", "no/such/folder.md"])
        .says(3, &["cannot write the report"]);

    #[cfg(target_os = "linux")]
    for arguments in
        [&["report", "--run", "latest"][..], &["run", "--zoo", "zoo"], &["run", "--zoo", "zoo", "--json"]]
    {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command(arguments).stdout(full).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}: {said}");
        assert!(said.contains("cannot write to standard output"), "{arguments:?}: {said}");
    }

    let mut child = place
        .command(&["report", "--run", "latest", "--format", "html"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}
