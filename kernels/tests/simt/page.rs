//! `docs/reference/sanitizer-agreement.md`: what the virtual device says of each planted fault, beside what the tools of
//! compute-sanitizer said on a card.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::corpus::{Case, Twin};

/// What `faults sanitize` recorded.
const RECORDED: &str = include_str!("sanitizer.json");
/// The tools, in the order of the columns.
const TOOLS: [&str; 4] = ["memcheck", "racecheck", "synccheck", "initcheck"];

#[test]
fn the_page_says_what_was_recorded() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let text = page(&crate::cases(), &recorded);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/sanitizer-agreement.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, text).unwrap();
        return;
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert!(found == text, "docs/reference/sanitizer-agreement.md is stale; run `make reference`");
}

#[test]
fn every_recorded_fault_is_in_the_corpus() {
    let recorded: Value = serde_json::from_str(RECORDED).unwrap();
    let cases = crate::cases();
    let results = recorded["results"].as_array().unwrap();
    let unknown: Vec<&Value> =
        results.iter().filter(|result| !cases.iter().any(|(_, case)| result["fault"] == case.name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn page(cases: &[(Twin, Case)], recorded: &Value) -> String {
    let results = recorded["results"].as_array().map(Vec::as_slice).unwrap_or_default();
    let faulty: Vec<&Case> =
        cases.iter().filter(|(twin, _)| *twin == Twin::Faulty).map(|(_, case)| case).collect();
    let mut page = "<!-- Made by `make reference`; what it says comes from the corpus and from what was recorded. -->\n\n\
                    # The virtual device beside compute-sanitizer\n\n"
        .to_owned();
    let _ = writeln!(
        page,
        "{} small kernels, each with something planted and with a clean twin. A test runs all of them on the virtual device \
         and holds it to the kind and the line in the second column; clean twins must run without a fault and give the \
         right result. `make nvrtc && cargo test -p kernels --test simt` repeats it.\n",
        faulty.len()
    );
    page.push_str(&provenance(results, recorded));
    page.push_str(&totals(&faulty, results));
    page.push_str(
        "| kernel | virtual device | memcheck | racecheck | synccheck | initcheck | the card alone |\n",
    );
    page.push_str("|---|---|---|---|---|---|---|\n");
    for case in &faulty {
        let said = TOOLS.map(|tool| answer(case, find(results, case.name, "faulty", tool)));
        let alone = find(results, case.name, "faulty", "alone").and_then(|result| result["end"].as_str());
        let _ = writeln!(
            page,
            "| [{0}](../../kernels/tests/simt/faults/{0}.cu) | {1} | {2} | {3} |",
            case.name,
            verdict(case),
            said.join(" | "),
            alone.unwrap_or("not run").replace("CUDA_ERROR_", ""),
        );
    }
    page.push_str(&clean(results));
    page
}

/// Where the answers of the tools come from.
fn provenance(results: &[Value], recorded: &Value) -> String {
    if results.is_empty() {
        return "Nothing was recorded on a card yet: the other columns are empty.\n\n".to_owned();
    }
    let field = |name: &str| recorded[name].as_str().unwrap_or_default();
    format!(
        "The other columns were recorded on an {} with driver {}, compute-sanitizer ({}) and machine code by NVRTC {}, \
         one process for each kernel and tool: the lines that a tool named where it reported something (in brackets where none \
         is a planted one), `no` where it ended without a report, `killed` where it did not end. The last column says how \
         the same launch ended without a tool.\n\n",
        field("card"),
        field("driver"),
        field("sanitizer"),
        field("compiler"),
    )
}

/// How many of the faults each tool reported.
fn totals(faulty: &[&Case], results: &[Value]) -> String {
    if results.is_empty() {
        return String::new();
    }
    let recorded = |case: &&&Case| results.iter().any(|result| result["fault"] == case.name);
    let planted: Vec<&&Case> = faulty.iter().filter(|case| case.kind != "none").filter(recorded).collect();
    let reported = |case: &Case, tool: &str| {
        find(results, case.name, "faulty", tool).is_some_and(|result| errors(result) > 0)
    };
    let mut text = format!("Of the {} faults that were recorded", planted.len());
    for tool in TOOLS {
        let _ =
            write!(text, ", {tool} reports {}", planted.iter().filter(|case| reported(case, tool)).count());
    }
    let any = planted.iter().filter(|case| TOOLS.iter().any(|tool| reported(case, tool))).count();
    let _ = write!(text, "; {any} are reported by at least one of the tools, all by the virtual device.\n\n");
    text
}

/// What tools said of clean twins.
fn clean(results: &[Value]) -> String {
    let alarms: Vec<String> = results
        .iter()
        .filter(|result| result["twin"] == "clean" && (errors(result) > 0 || result["end"] != "ok"))
        .map(|result| {
            let word = |key: &str| result[key].as_str().unwrap_or("nothing").to_owned();
            format!("- {} under {}: {} ({})\n", word("fault"), word("tool"), word("said"), word("end"))
        })
        .collect();
    match (results.is_empty(), alarms.is_empty()) {
        (true, _) => String::new(),
        (false, true) => {
            "\nNo tool reported a clean twin, and all of them gave the right result on the card.\n".to_owned()
        }
        (false, false) => {
            format!("\nClean twins that were reported or did not end well:\n\n{}", alarms.concat())
        }
    }
}

fn find<'a>(results: &'a [Value], fault: &str, twin: &str, tool: &str) -> Option<&'a Value> {
    results.iter().find(|result| result["fault"] == fault && result["twin"] == twin && result["tool"] == tool)
}

fn errors(result: &Value) -> u64 {
    // A tool that is stopped may have reported without a summary.
    result["errors"].as_u64().unwrap_or_else(|| u64::from(!result["said"].is_null()))
}

/// The kind and the lines that the virtual device is held to.
fn verdict(case: &Case) -> String {
    match (case.kind, lines(&case.lines.iter().chain(&case.others).copied().collect::<Vec<u32>>())) {
        ("none", _) => "allowed".to_owned(),
        (kind, lines) if lines.is_empty() => kind.replace('_', " "),
        (kind, lines) => format!("{}: {lines}", kind.replace('_', " ")),
    }
}

/// What a tool said of a faulty twin.
fn answer(case: &Case, result: Option<&Value>) -> String {
    let Some(result) = result else { return "not run".to_owned() };
    if result["end"] == "not run" {
        return "not run".to_owned();
    }
    if errors(result) > 0 {
        let named: Vec<u32> = result["lines"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|line| line.as_u64().map(|line| line as u32))
            .collect();
        let planted = named.iter().any(|line| case.lines.contains(line) || case.others.contains(line));
        return match (named.is_empty(), planted) {
            (true, _) => "yes".to_owned(),
            (false, true) => lines(&named),
            (false, false) => format!("({})", lines(&named)),
        };
    }
    match (result["errors"].is_null(), result["end"].as_str()) {
        (true, Some("killed")) => "killed".to_owned(),
        (true, end) => format!("no summary: {}", end.unwrap_or("nothing")),
        (false, _) => "no".to_owned(),
    }
}

fn lines(numbers: &[u32]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

#[test]
fn answers_are_told_apart() {
    let name = "barrier_missing_after_store";
    let (_, case) = crate::cases().into_iter().find(|(_, case)| case.name == name).unwrap();
    let (fault, other) = (case.lines[0], case.others[0]);
    let say = |result: Value| answer(&case, Some(&result));
    assert_eq!(say(serde_json::json!({ "errors": 1, "lines": [fault, other] })), format!("{other}, {fault}"));
    assert_eq!(say(serde_json::json!({ "errors": 1, "lines": [1] })), "(1)");
    assert_eq!(say(serde_json::json!({ "errors": 2, "lines": [], "said": "x" })), "yes");
    assert_eq!(say(serde_json::json!({ "errors": 0, "end": "ok" })), "no");
    assert_eq!(say(serde_json::json!({ "errors": null, "end": "killed" })), "killed");
    assert_eq!(say(serde_json::json!({ "end": "not run" })), "not run");
    let mut recorded = serde_json::json!({ "card": "C", "results": [
        { "fault": name, "twin": "faulty", "tool": "racecheck", "errors": 1, "lines": [fault] },
        { "fault": name, "twin": "clean", "tool": "memcheck", "errors": 0, "end": "ok" },
    ] });
    let text = page(&[(Twin::Faulty, case.clone())], &recorded);
    assert!(
        text.contains("Of the 1 faults that were recorded, memcheck reports 0, racecheck reports 1")
            && text.contains("No tool reported")
    );
    recorded["results"][1]["end"] = "wrong from element 0".into();
    assert!(page(&[(Twin::Faulty, case)], &recorded).contains("did not end well"));
}
