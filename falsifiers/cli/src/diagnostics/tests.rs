use std::path::Path;

use contracts::{Edit, Fix};

use super::*;
use crate::fixture;

fn text(format: Format, style: Style) -> String {
    let folder = fixture::folder();
    let loaded = contracts::load(&[folder.path().to_owned()]);
    let findings = contracts::lint(&loaded, &fixture::vocabulary(), fixture::today());
    let mut out = Vec::new();
    render(&mut out, format, style, &loaded, &findings).unwrap();
    String::from_utf8(out).unwrap().replace(&folder.path().display().to_string(), "[folder]")
}

/// The findings of one file of this name and text, and what is done with them as seen from its folder.
fn of_file<T>(name: &str, text: &str, then: impl FnOnce(&Sources<'_>, Vec<Finding>) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    let loaded = contracts::load(&[path]);
    let findings = contracts::lint(&loaded, &fixture::vocabulary(), fixture::today());
    assert!(!findings.is_empty());
    then(&Sources::from(&loaded, folder.path().to_owned()), findings)
}

/// The log of the folder of known mistakes, with its folder as the base.
fn sarif_log() -> serde_json::Value {
    let folder = fixture::folder();
    let loaded = contracts::load(&[folder.path().to_owned()]);
    let mut findings = contracts::lint(&loaded, &fixture::vocabulary(), fixture::today());
    let last = findings.last_mut().unwrap();
    let span = last.place.span.clone();
    last.fix = Some(Fix { title: "drop it".to_owned(), edits: vec![Edit { span, text: String::new() }] });
    let mut log = sarif::log(&Sources::from(&loaded, folder.path().to_owned()), &findings);
    log["runs"][0]["originalUriBaseIds"]["%SRCROOT%"]["uri"] = "file:///base/".into();
    log
}

fn sarif_schema() -> jsonschema::Validator {
    let text = include_str!("../../tests/schemas/sarif-2.1.0.schema.json");
    let mut schema: serde_json::Value = serde_json::from_str(text).unwrap();
    // One pattern has a bracket that closes nothing, which a strict reader of expressions refuses. No log of ours
    // has the property.
    for owner in ["run", "toolComponent"] {
        let language = schema["definitions"][owner]["properties"]["language"].as_object_mut().unwrap();
        language.remove("pattern").unwrap();
    }
    jsonschema::validator_for(&schema).unwrap()
}

#[test]
fn full_findings() {
    insta::assert_snapshot!(text(Format::Full, Style::PLAIN));
}

#[test]
fn concise_findings() {
    insta::assert_snapshot!(text(Format::Concise, Style::PLAIN));
}

#[test]
fn json_findings() {
    insta::assert_snapshot!(text(Format::Json, Style::PLAIN));
}

#[test]
fn sarif_findings() {
    let mut log = sarif_log();
    let run = &mut log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].take();
    let version = run["tool"]["driver"]["version"].take();
    run["tool"]["driver"]["semanticVersion"].take();
    assert_eq!(version, env!("CARGO_PKG_VERSION"));
    assert_eq!(rules.as_array().unwrap().len(), contracts::RULES.len());
    for (index, result) in run["results"].as_array_mut().unwrap().iter_mut().enumerate() {
        let rule = &rules[result["ruleIndex"].take().as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"], "result {index}");
        assert!(rule["help"]["markdown"].as_str().unwrap().contains("## What it does"));
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}

#[test]
fn sarif_holds_to_its_schema() {
    let (schema, log) = (sarif_schema(), sarif_log());
    let errors: Vec<String> =
        schema.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");

    // The schema can say no: to a key, to a line 0, and to a level.
    for (pointer, value) in [
        ("/runs/0/results/0/locations/0/physicalLocation/region/startLine", 0.into()),
        ("/runs/0/results/0/level", "fatal".into()),
        ("/runs/0/columnKind", "bytes".into()),
    ] {
        let mut log = log.clone();
        *log.pointer_mut(pointer).unwrap() = value;
        assert!(!schema.is_valid(&log), "{pointer}");
    }
}

#[test]
fn sarif_says_what_waivers_accept_and_what_can_be_fixed() {
    let log = sarif_log();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let suppressed: Vec<_> = results.iter().filter(|one| !one["suppressions"].is_null()).collect();
    assert_eq!(suppressed.len(), 1);
    assert_eq!(suppressed[0]["suppressions"][0]["justification"], "waived until 2026-12-31: being written");
    assert_ne!(suppressed[0]["level"], "note", "its rule is no note");
    assert_eq!(results.iter().filter(|one| !one["fixes"].is_null()).count(), 1);
    assert!(results.iter().any(|one| one["relatedLocations"][0]["physicalLocation"].is_object()));
}

#[test]
fn fingerprints_stay_when_lines_move_and_differ_otherwise() {
    let prints = |text: &str| {
        of_file("contracts/x.yaml", text, |sources, findings| {
            let log = sarif::log(sources, &findings);
            let results = log["runs"][0]["results"].as_array().unwrap();
            let print = |one: &serde_json::Value| one["partialFingerprints"]["touchstoneFinding/v1"].clone();
            results.iter().map(print).collect::<Vec<_>>()
        })
    };
    let claim =
        "  - {id: A-1, rule: r, prediction: p, if_fails: f, falsifier: {weights_consumed: {model: none}}}\n";
    let head = "metadata: {id: x, version: 1.0.0, title: X, kind: model}\nfalsification_tests:\n";
    let once = prints(&format!("{head}{claim}"));
    assert_eq!(once, prints(&format!("\n# moved\n\n{head}{claim}")));
    let twice = prints(&format!("{head}{claim}{claim}"));
    let distinct: std::collections::HashSet<String> = twice.iter().map(ToString::to_string).collect();
    assert_eq!(distinct.len(), twice.len(), "{twice:#?}");
    assert!(once.iter().all(|print| twice.contains(print)));
}

#[test]
fn github_annotations() {
    let folder = fixture::folder();
    let loaded = contracts::load(&[folder.path().to_owned()]);
    let findings = contracts::lint(&loaded, &fixture::vocabulary(), fixture::today());
    let sources = Sources::from(&loaded, folder.path().to_owned());
    let lines: Vec<String> = findings.iter().map(|one| github::annotation(&sources, one)).collect();
    insta::assert_snapshot!(lines.join("\n"));
}

/// File names that have broken tools before.
const NAMES: &[&str] =
    &["a b.yaml", "a,b.yaml", "ünï-日本.yaml", "C:\\con\\x.yaml", "a%20b.yaml", "q\"uote'.yaml"];

#[test]
fn odd_file_names_survive_every_format() {
    let schema = sarif_schema();
    for name in NAMES {
        of_file(name, "metadata: [\n", |sources, findings| {
            let log = sarif::log(sources, &findings);
            assert!(schema.is_valid(&log), "{name}");
            let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
            let uri = place["uri"].as_str().unwrap();
            let plain = percent_encoding::percent_decode_str(uri).decode_utf8().unwrap();
            assert_eq!(plain, *name);
            assert!(
                uri.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%/".contains(&byte)),
                "{uri}"
            );

            let line = github::annotation(sources, &findings[0]);
            let (command, message) = line.strip_prefix("::").unwrap().split_once("::").unwrap();
            let (level, properties) = command.split_once(' ').unwrap();
            assert_eq!(level, "error");
            let unescape = |text: &str| text.replace("%2C", ",").replace("%3A", ":").replace("%25", "%");
            let file = properties.split(',').find_map(|one| one.strip_prefix("file=")).unwrap();
            assert_eq!(unescape(file), *name);
            assert!(!message.is_empty() && !line.contains('\n'));

            let line = concise(&findings[0]);
            assert!(line.contains(&format!("{name}:")) && !line.contains('\n'), "{line}");
        });
    }
}

#[test]
fn a_line_break_in_a_message_stays_within_its_line() {
    of_file("contracts/x.yaml", "metadata: [\n", |sources, findings| {
        let mut finding = findings.into_iter().next().unwrap();
        finding.message = "50% of\nit:\r, all".to_owned();
        finding.help = String::new();
        let line = github::annotation(sources, &finding);
        assert!(line.ends_with("::50%25 of%0Ait:%0D, all"), "{line}");
        assert_eq!(concise(&finding).lines().count(), 1);
    });
}

#[test]
fn a_file_without_text_has_no_region() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = contracts::load(&[folder.path().join("none.yaml")]);
    let sources = Sources::from(&loaded, Path::new("/base").to_owned());
    let log = sarif::log(&sources, &loaded.findings);
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert!(place["region"].is_null() && place["artifactLocation"]["uri"].is_string(), "{place}");
    assert!(sarif_schema().is_valid(&log));
    let line = github::annotation(&sources, &loaded.findings[0]);
    assert!(!line.contains("line=") && line.contains("file="), "{line}");
}

#[test]
fn lines_are_cut_to_the_width_and_messages_are_not() {
    let rule = "r".repeat(300);
    let long = format!(
        "metadata: {{id: x, version: 1.0.0, title: X, kind: model}}\nfalsification_tests:\n  \
         - {{id: A-1, rule: {rule}, prediction: p, if_fails: f, falsifier: {{weights_consumed: {{model: none}}}}}}\n"
    );
    let longest = |width: usize| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.yaml");
        std::fs::write(&path, &long).unwrap();
        let loaded = contracts::load(&[path]);
        let findings = contracts::lint(&loaded, &fixture::vocabulary(), fixture::today());
        let finding = findings.iter().find(|finding| finding.code == "PV103").unwrap();
        let shown = full::full(&loaded, finding, Style { colour: false, width });
        let source = |line: &&str| {
            line.split_once(" | ").is_some_and(|(number, _)| number.trim().parse::<u32>().is_ok())
        };
        shown.lines().filter(source).map(|line| line.chars().count()).max().unwrap()
    };
    assert!(longest(80) <= 88, "{}", longest(80));
    assert!(longest(200) > longest(80));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let coloured = text(Format::Full, Style { colour: true, ..Style::PLAIN });
    let plain = anstream::adapter::strip_str(&coloured).to_string();
    assert!(coloured.len() > plain.len());
    assert_eq!(plain, text(Format::Full, Style::PLAIN));
}
