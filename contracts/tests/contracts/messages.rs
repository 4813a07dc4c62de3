//! What is said, word for word: code, place, sentence, and help of many small mistakes.

use crate::common::lint_files;

const BASE: &str = "\
metadata: {id: qwen2, version: 1.0.0, title: Qwen2, kind: engine}
falsification_tests:
  - id: QWEN2-001
    rule: Every weight in the file is read.
    prediction: No tensor is left over.
    if_fails: Look for a bias that no code reads.
    falsifier: {weights_consumed: {model: qwen2-tiny}}
    kills: [qwen2@k-bias-dropped]
";

#[test]
fn sentences() {
    let edits = [
        ("kind: engine", "kind: engin"),
        ("version: 1.0.0", "version: 1.0"),
        ("title: Qwen2,", "title:,"),
        ("title: Qwen2,", ""),
        ("prediction:", "predicton:"),
        ("kills:", "banana:"),
        ("weights_consumed", "weights_consume"),
        ("{weights_consumed: {model: qwen2-tiny}}", "{}"),
        ("{weights_consumed: {model: qwen2-tiny}}", "weights_consumed"),
        ("{model: qwen2-tiny}", "{model: []}"),
        ("{model: qwen2-tiny}", "{model: 3}"),
        ("{model: qwen2-tiny}", "{model: [qwen2-tiny, qwen2-tinny]}"),
        ("{weights_consumed: {", "{finiteness: {prompts: [], "),
        (
            "{weights_consumed: {model: qwen2-tiny}}",
            "{determinism: {model: qwen2-tiny, prompts: [a], repeats: 1}}",
        ),
        (
            "{weights_consumed: {model: qwen2-tiny}}",
            "{determinism: {model: qwen2-tiny, prompts: [a], repeats: 5000000000}}",
        ),
        (
            "{weights_consumed: {model: qwen2-tiny}}",
            "{determinism: {model: qwen2-tiny, prompts: [a], repeats: .nan}}",
        ),
        (
            "{weights_consumed: {model: qwen2-tiny}}",
            "{golden_output: {model: qwen2-tiny, max_tokens: 4, cases: [{golden: g, prompt: p, messages: [{role: user, content: c}]}]}}",
        ),
        ("    kills:", "    lanes: [gpu]\n    kills:"),
        ("    kills:", "    tolerance: exact\n    kills:"),
        ("    kills:", "    tolerance: {row_l3: {max: 1}}\n    kills:"),
        ("    kills:", "    tolerance: {row_l2: {max: 1}}\n    kills:"),
        ("    kills:", "    tolerance: {row_l2: {max: small, because: x}}\n    kills:"),
        ("    kills:", "    tolerance: {cosine: 0.99}\n    kills:"),
        ("    kills:", "    tolerance: cosine\n    kills:"),
        ("    kills:", "    tolerance: 1.0e-5\n    kills:"),
        ("    kills:", "    min_cosine: 0.99\n    kills:"),
        ("    kills:", "    status: PARTIAL_ALGORITHM_LEVEL\n    kills:"),
        ("    kills:", "    status: discharged\n    kills:"),
        ("    kills:", "    ship_blocking: \"true\"\n    kills:"),
        ("kind: engine", "kind: model-family"),
        ("title: Qwen2,", "title: Qwen2, status: ACTIVE, author: someone,"),
        ("    prediction:", "    expected: Nothing is left over.\n    prediction:"),
        (
            "    falsifier: {weights_consumed: {model: qwen2-tiny}}",
            "    test: cargo test -p core --lib weights_are_read",
        ),
        (
            "    falsifier: {weights_consumed: {model: qwen2-tiny}}",
            "    test_harness: grep -q bias src/attention.rs",
        ),
        ("    falsifier: {weights_consumed: {model: qwen2-tiny}}", "    command: \"# not written yet\""),
        ("    kills:", "    ship_blocking: maybe\n    kills:"),
        ("    kills:", "    test: Load it and look.\n    kills:"),
        ("    kills:", "    kills: [a]\n    kills:"),
        ("[qwen2@k-bias-dropped]", "qwen2@k-bias-dropped"),
        ("metadata:", "--- !contract\nmetadata:"),
        ("metadata:", "\tmetadata:"),
        (
            "falsification_tests:",
            "amendment_history: [{version: 1.0.0, date: 31.1.2026, description: d}]\nfalsification_tests:",
        ),
    ];
    let mut text = String::new();
    for (from, to) in edits {
        assert!(BASE.contains(from), "{from}");
        let file = ("models/qwen2.yaml".to_owned(), BASE.replace(from, to).into_bytes());
        let (_, findings) = lint_files(&[file]);
        text.push_str(&format!("{} -> {}\n", from.trim(), to.trim().replace('\n', " ")));
        assert!(!findings.is_empty(), "{to} raises nothing");
        for finding in findings {
            let place = format!("{}:{}", finding.place.line, finding.place.column);
            text.push_str(&format!(
                "  {} {place} {} [{}]\n    {}\n",
                finding.code, finding.message, finding.label, finding.help
            ));
        }
    }
    insta::assert_snapshot!(text);
}
