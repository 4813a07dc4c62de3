//! The page needs nothing, says everything, and lets no record write markup.

use std::collections::BTreeSet;

use contracts::ClaimId;
use insta::assert_snapshot;

use super::*;
use crate::curve::{Curve, CurvePoint};
use crate::gate::evaluate;
use crate::record::Run;
use crate::report::ClaimText;
use crate::samples;

const STAGES: [&str; 5] = [
    "model.embed_tokens",
    "model.layers.0.self_attn.k_proj",
    "model.layers.0",
    "model.layers.1.mlp.down_proj",
    "lm_head",
];

fn curve(case: &str, values: [f64; 5]) -> Curve {
    let point = |(stage, value): (&str, f64)| CurvePoint {
        stage: stage.to_owned(),
        value: value.into(),
        limit: 1e-6.into(),
    };
    Curve {
        case: case.into(),
        metric: "row_l2".into(),
        points: STAGES.into_iter().zip(values).map(point).collect(),
    }
}

/// Every sort of outcome and verdict, with curves.
fn run() -> Run {
    let mut run = samples::run();
    run.outcomes[0].curves = vec![
        curve("fib", [0.0, 2e-8, 9e-8, 3.5e-7, 1e-8]),
        curve("klass", [0.0, 1e-8, 1e-8, 1e-8, 1e-8]),
        curve("exact", [0.0; 5]),
    ];
    run.outcomes[2].curves = vec![curve("fib", [1e-8, 0.4, f64::NAN, 2.0, 1e-7])];
    run
}

fn page_of(run: &Run) -> String {
    render(&Report::of_run(run))
}

fn gates_page() -> String {
    let runs = [run()];
    let gates = ["FALSIFY-QWEN2-001", "FALSIFY-QWEN2-003", "FALSIFY-GONE-001"];
    let gate = evaluate(&samples::gate(&gates), &runs, &samples::today());
    let text = ClaimText {
        rule: "Every stage is within its limit.".into(),
        if_fails: "Look at the first wrong stage.".into(),
        path: "contracts/models/qwen2.yaml".into(),
        line: 31,
    };
    let texts = [("FALSIFY-QWEN2-003".into(), text)].into();
    render(&Report::of_gates(vec![gate], &runs, &[]).with_texts(texts))
}

fn pages() -> Vec<String> {
    let nothing = Report::of_gates(vec![], &[], &[]);
    vec![page_of(&run()), gates_page(), render(&nothing), page_of(&samples::run_of(vec![], vec![]))]
}

/// The names and attributes of all tags, in order; panics where one is closed that is not open, or left open.
fn tags(page: &str) -> Vec<(String, String)> {
    const VOID: [&str; 3] = ["meta", "input", "br"];
    let (mut open, mut all) = (Vec::new(), Vec::new());
    let body = page.strip_prefix("<!DOCTYPE html>").expect("a doctype comes first");
    for piece in body.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("no end of <{piece}"));
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(closed), "after {all:?}");
            continue;
        }
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "<{tag}>");
        assert!(attributes.matches('"').count().is_multiple_of(2), "<{tag}>");
        if !VOID.contains(&name) {
            open.push(name.to_owned());
        }
        all.push((name.to_owned(), attributes.to_owned()));
    }
    assert!(open.is_empty(), "left open: {open:?}");
    all
}

fn values_of<'t>(tags: &'t [(String, String)], attribute: &str) -> Vec<&'t str> {
    let key = format!("{attribute}=\"");
    let value = |attributes: &'t str| {
        let at = attributes.find(&key).filter(|at| *at == 0 || attributes[..*at].ends_with(' '))?;
        attributes[at + key.len()..].split('"').next()
    };
    tags.iter().filter_map(|(_, attributes)| value(attributes)).collect()
}

#[test]
fn every_tag_is_closed_and_every_anchor_is_there_once() {
    for page in pages() {
        let tags = tags(&page);
        let ids = values_of(&tags, "id");
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{ids:?}");
        for href in values_of(&tags, "href") {
            let target = href.strip_prefix('#').unwrap_or_else(|| panic!("{href} leads out of the page"));
            assert!(unique.contains(target), "nothing is called {target}");
        }
        for label in values_of(&tags, "aria-labelledby") {
            assert!(unique.contains(label), "nothing is called {label}");
        }
    }
}

#[test]
fn the_page_needs_no_other_resource_and_no_script() {
    for page in pages() {
        for word in
            ["http:", "https:", "url(", "@import", "src=", "srcset=", "<script", "<link", "javascript:"]
        {
            assert!(!page.contains(word), "{word}");
        }
        let tags = tags(&page);
        assert!(tags.iter().all(|(_, attributes)| !attributes.contains(" on")), "an event handler");
    }
}

#[test]
fn it_can_be_read_on_any_screen_and_without_a_mouse() {
    for page in pages() {
        assert!(page.contains("name=\"viewport\" content=\"width=device-width, initial-scale=1\""));
        assert!(page.contains("name=\"color-scheme\" content=\"light dark\""));
        assert!(page.contains("<html lang=\"en\">"));
        assert!(page.contains("class=\"skip\" href=\"#main\""));
        // Whatever scrolls by itself can be focused, and says what it is.
        for (_, attributes) in tags(&page).iter().filter(|(_, a)| a.starts_with("class=\"scroll\"")) {
            assert!(
                attributes.contains("tabindex=\"0\"") && attributes.contains("aria-label="),
                "{attributes}"
            );
        }
    }
    for rule in ["prefers-color-scheme: dark", "@media print", ":focus-visible", "max-width: 40rem"] {
        assert!(STYLE.contains(rule), "{rule}");
    }
}

#[test]
fn nothing_from_a_record_becomes_markup() {
    let evil = "<script>alert(1)</script>\"'&\u{7}";
    let mut counterexample = samples::counterexample(evil);
    counterexample.case = evil.into();
    counterexample.stage = Some(evil.into());
    counterexample.metric = evil.into();
    counterexample.message = evil.into();
    counterexample.command = evil.into();
    let mut result = samples::result(evil, Outcome::Falsified { counterexample });
    result.contract = evil.into();
    result.kind = evil.into();
    result.models = vec![evil.into()];
    result.curves = vec![curve(evil, [1.0, 2.0, 0.0, 4.0, f64::INFINITY])];
    for point in &mut result.curves[0].points {
        point.stage = format!("model.layers.{evil}.{evil}");
    }
    let mut run = samples::run_of(vec![result], vec![samples::kill(evil, evil, samples::killed(evil))]);
    run.record.device.name = evil.into();
    run.record.command = vec![evil.into()];
    run.record.source.commit = Some(evil.into());
    run.record.models = [(evil.to_owned(), evil.to_owned())].into();
    let text = ClaimText { rule: evil.into(), if_fails: evil.into(), path: evil.into(), line: 1 };
    let mut report = Report::of_run(&run).with_texts([(ClaimId::from(evil), text)].into());
    report.not_verified.push(evil.into());
    let page = render(&report);
    assert!(!page.contains("<script") && !page.contains('\u{7}'), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;"));
    // The quotes balance, so that no text ended an attribute.
    tags(&page);
}

#[test]
fn counterexamples_carry_their_command() {
    let page = page_of(&run());
    let command = "<code class=\"command\">pv run --claim FALSIFY-QWEN2-003 --device cpu --seed 7</code>";
    assert!(page.contains(command));
    assert!(page.contains("layer") && page.contains("first wrong: model.layers.0.self_attn.k_proj"));
}

#[test]
fn what_is_not_good_does_not_look_good() {
    let heading = |page: &str| {
        let (_, rest) = page.split_once("<h1 ").unwrap();
        rest.split("</h1>").next().unwrap().to_owned()
    };
    let nothing = heading(&page_of(&samples::run_of(vec![], vec![])));
    assert!(nothing.contains("caution") && nothing.contains("nothing ran"), "{nothing}");
    let bad = heading(&page_of(&run()));
    assert!(bad.contains("bad") && bad.contains("1 claim falsified"), "{bad}");
    let mut cut = run();
    cut.record.status = Status::Interrupted;
    assert!(heading(&page_of(&cut)).contains("interrupted"));
    let claim = || vec![samples::result("A", samples::survived(0.0))];
    let good = heading(&page_of(&samples::run_of(claim(), vec![])));
    assert!(good.contains("good") && good.contains("all 1 claim survived"), "{good}");
    for (verdict, class) in [(Verdict::Survived, "bad"), (Verdict::Inert, "caution")] {
        let page = page_of(&samples::run_of(claim(), vec![samples::kill("m", "A", verdict)]));
        assert!(heading(&page).contains(class));
    }
    assert!(heading(&gates_page()).contains("did not pass"));
}

#[test]
fn bars_place_what_is_within_before_the_limit() {
    let at = |margin: f64| claims::place(margin.into());
    let limit = 72.0;
    assert_eq!((at(0.0), at(1.0)), (0.0, limit));
    assert!(at(1e-9) <= at(0.01) && at(0.01) < at(0.5) && at(0.5) < at(0.9999));
    assert!(at(0.9999) < limit && at(1.0001) > limit && at(f64::NAN) > limit && at(f64::INFINITY) > limit);
}

#[test]
fn pictures_are_few_and_say_what_they_leave_out() {
    let mut run = run();
    run.outcomes[0].curves =
        (1..=40).map(|n| curve(&format!("case-{n}"), [0.0, 1e-9 * f64::from(n), 0.0, 0.0, 0.0])).collect();
    let page = page_of(&run);
    assert_eq!(page.matches("in <code>case-").count(), 12);
    assert!(page.contains("and 28 more cases, further from the limit"));
    assert!(page.contains("in <code>case-40<"), "the closest to the limit is drawn");
}

#[test]
fn equal_reports_give_equal_pages() {
    assert_eq!(gates_page(), gates_page());
}

/// The page without its style, a line for each tag that begins a block.
fn readable(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, body) = rest.split_once("</style>").unwrap();
    let mut text = format!("{head}<style></style>{body}");
    for tag in
        ["<section", "<article", "<h", "<p", "<tr", "<li", "<dl", "<div", "<figure", "<svg", "<details"]
    {
        text = text.replace(tag, &format!("\n{tag}"));
    }
    text
}

#[test]
fn page_of_gates() {
    assert_snapshot!(readable(&gates_page()));
}
