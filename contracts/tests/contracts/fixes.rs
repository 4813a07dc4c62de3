//! Fixes mend: applied until none is left, they end, never add an error, and leave a file that can still be parsed.

use contracts::{Finding, Fix, RULES, Severity};
use proptest::prelude::*;

use crate::common::lint_files;

type Files = Vec<(String, Vec<u8>)>;

/// A contract that is right, and what can be done to it that fixes undo.
const BASE: &str = "\
metadata:
  id: numerics
  version: 1.0.0
  title: Numerics
  kind: engine
falsification_tests:
  - id: NUMERICS-001
    rule: Every weight in the file is read.
    prediction: No tensor is left over.
    if_fails: Look for a bias that no code reads.
    falsifier:
      weights_consumed: {model: qwen2-tiny}
    kills: [qwen2@k-bias-dropped]
  - id: NUMERICS-002
    rule: Nothing is infinite.
    prediction: Every element is finite.
    if_fails: Look for an overflow.
    ship_blocking: true
    falsifier:
      finiteness: {model: qwen2-tiny, prompts: [short], arithmetic: [f32]}
    kills: [qwen2@k-bias-dropped]
";

const HARM: &[(&str, &str)] = &[
    ("version: 1.0.0", "version: 1.0"),
    ("version: 1.0.0", "version: \"1.0\""),
    ("version: 1.0.0", "version: v1.0.0"),
    ("kind: engine", "kind: Engine"),
    ("title: Numerics", "titel: Numerics"),
    ("title: Numerics", "name: Numerics"),
    ("title: Numerics", "title: 12"),
    ("prediction: No", "expected: No"),
    ("prediction: No", "predicton: No"),
    ("if_fails: Look for a", "fails_if: Look for a"),
    ("rule: Nothing", "description: Nothing"),
    ("rule: Nothing", "rules: Nothing"),
    ("weights_consumed:", "weight_consumed:"),
    ("ship_blocking: true", "ship_blocking: \"true\""),
    ("prompts: [short]", "prompts: short"),
    ("prompts: [short]", "prompts: [short, short]"),
    ("prompts: [short]", "prompts: [short, long, short, long]"),
    (
        "    kills: [qwen2@k-bias-dropped]\n  - id",
        "    tolerance: bitwise\n    kills: [qwen2@k-bias-dropped]\n  - id",
    ),
    ("arithmetic: [f32]", "arithmetic: [F32]"),
    ("arithmetic: [f32]", "arithmetics: [f32]"),
    ("kills: [qwen2@k-bias-dropped]\n  - id", "kill: [qwen2@k-bias-dropped]\n  - id"),
    ("kills: [qwen2@k-bias-dropped]\n  - id", "kills: qwen2@k-bias-dropped\n  - id"),
];

const WAIVER: &str =
    "- code: PV201\n  claim: NUMERICS-001\n  reason: it is being written\n  expires: 2099-12-31\n";

fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|finding| finding.severity == Severity::Error).count()
}

/// Applies every fix, again and again. Panics if that does not end, or adds an error on the way.
fn mend(files: Files) -> (Files, Vec<Finding>) {
    mend_and(files, |before, after| {
        assert!(errors(after) <= before, "{before} errors became more: {after:#?}")
    })
}

/// Applies every fix, again and again, and holds each round to a check of the errors before and the findings after.
fn mend_and(mut files: Files, check: impl Fn(usize, &[Finding])) -> (Files, Vec<Finding>) {
    for _ in 0..8 {
        let (_, findings) = lint_files(&files);
        let before = errors(&findings);
        let mut applied = 0;
        for (path, bytes) in &mut files {
            let own = findings.iter().filter(|finding| finding.place.path.ends_with(&*path));
            let fixes: Vec<&Fix> = own.filter_map(|finding| finding.fix.as_ref()).collect();
            let Ok(text) = std::str::from_utf8(bytes) else { continue };
            let (text, count) = contracts::fix::apply(text, &fixes);
            applied += count;
            let parsed = contracts::parse::document(&text);
            assert!(fixes.is_empty() || parsed.is_ok(), "{path} is no YAML any more: {parsed:?}\n{text}");
            *bytes = text.into_bytes();
        }
        if applied == 0 {
            return (files, findings);
        }
        check(before, &lint_files(&files).1);
    }
    panic!(
        "fixes do not end: {:?}",
        files.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes)).collect::<Vec<_>>()
    );
}

fn harmed(edits: &[usize]) -> String {
    edits.iter().fold(BASE.to_owned(), |text, edit| {
        let (from, to) = HARM[edit % HARM.len()];
        text.replacen(from, to, 1)
    })
}

#[test]
fn each_harm_is_undone() {
    assert_eq!(lint_files(&[("a.yaml".to_owned(), BASE.as_bytes().to_vec())]).1, []);
    for (index, (from, to)) in HARM.iter().enumerate() {
        let text = harmed(&[index]);
        assert_ne!(text, BASE, "{from}");
        let (files, left) = mend(vec![("a.yaml".to_owned(), text.into_bytes())]);
        let text = String::from_utf8_lossy(&files[0].1);
        assert_eq!(left, [], "{from} -> {to}: {text}");
    }
}

#[test]
fn waivers_of_nothing_are_deleted_to_the_last() {
    let files =
        vec![("a.yaml".to_owned(), BASE.into()), ("waivers.yaml".to_owned(), WAIVER.repeat(3).into())];
    let (files, left) = mend(files);
    assert_eq!((left, files[1].1.as_slice()), (vec![], b"[]\n".as_slice()));
}

#[test]
fn fixes_of_every_page_and_every_old_contract_end() {
    let pages = RULES.iter().flat_map(|rule| rule.page.split("\n```yaml").skip(1)).filter_map(|block| {
        let (path, text) = block.split_once('\n')?;
        let path = if path.trim().is_empty() { "models/example.yaml" } else { path.trim() };
        Some(vec![(path.to_owned(), text.split("\n```").next()?.as_bytes().to_vec())])
    });
    let old = crate::older::fixtures().into_iter().map(|file| vec![file]);
    let mut seen = 0;
    for files in pages.chain(old) {
        mend_and(files, |_, _| ());
        seen += 1;
    }
    assert!(seen > RULES.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_number_of_harms_is_mended_without_a_new_error(
        edits in prop::collection::vec(0..HARM.len(), 1..6),
        junk in "[a-z{}\\[\\]:, \\n#\"-]{0,12}",
        at in 0..BASE.len(),
    ) {
        let mut text = harmed(&edits);
        mend(vec![("a.yaml".to_owned(), text.clone().into_bytes())]);
        // Junk must not confuse the positions of fixes. A section with a misspelled key is not looked into before the
        // key is mended, so that mending it may show more.
        if text.is_char_boundary(at) {
            text.insert_str(at, &junk);
        }
        mend_and(vec![("a.yaml".to_owned(), text.into_bytes())], |_, _| ());
    }
}
