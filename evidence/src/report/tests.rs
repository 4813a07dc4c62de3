//! Reports as people and programs see them.

use insta::assert_snapshot;

use super::table::Look;
use super::*;
use crate::freshness::Today;
use crate::gate::evaluate;
use crate::record::NotAsked;
use crate::samples;

fn run_report() -> Report {
    let mut run = samples::run();
    run.record.not_asked = vec![NotAsked { claim: "FALSIFY-QWEN2-001".into(), lane: Lane::Cuda }];
    run.record.counts.not_asked = 1;
    run.outcomes[1].contract = "qwen2-chat".into();
    run.outcomes[1].elapsed_ms = 125_000;
    run.outcomes[5].elapsed_ms = 3;
    Report::of_run(&run)
}

fn all_claims() -> Vec<&'static str> {
    vec![
        "FALSIFY-QWEN2-001",
        "FALSIFY-QWEN2-002",
        "FALSIFY-QWEN2-003",
        "FALSIFY-QWEN2-004",
        "FALSIFY-QWEN2-005",
        "FALSIFY-QWEN2-006",
        "FALSIFY-GONE-001",
    ]
}

fn gate_report() -> Report {
    let runs = [samples::run()];
    let gates =
        [("qwen2-all", all_claims()), ("qwen2-parity", vec!["FALSIFY-QWEN2-001"]), ("qwen2-empty", vec![])]
            .map(|(name, claims)| {
                let gate = contracts::Gate { gate: name.into(), ..samples::gate(&claims) };
                evaluate(&gate, &runs, &samples::today())
            });
    let unreadable = [RecordError::Partial { path: "runs/.partial-20261121T014755-5d634fec-0000".into() }];
    Report::of_gates(gates.to_vec(), &runs, &unreadable)
}

fn plain(report: &Report, width: usize) -> String {
    table::render(report, Look { width, colour: false })
}

/// A text without its colours.
fn stripped(text: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => inside = true,
            'm' if inside => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain
}

#[test]
fn table_of_a_run_at_80() {
    assert_snapshot!(plain(&run_report(), 80));
}

#[test]
fn table_of_a_run_at_120() {
    assert_snapshot!(plain(&run_report(), 120));
}

#[test]
fn table_of_gates_at_80() {
    assert_snapshot!(plain(&gate_report(), 80));
}

#[test]
fn table_of_gates_at_120() {
    assert_snapshot!(plain(&gate_report(), 120));
}

#[test]
fn markdown_of_a_run() {
    assert_snapshot!(markdown::render(&run_report()));
}

#[test]
fn markdown_of_gates() {
    assert_snapshot!(markdown::render(&gate_report()));
}

#[test]
fn json_of_gates() {
    let runs = [samples::run()];
    let gates = vec![evaluate(&samples::gate(&["FALSIFY-QWEN2-002"]), &runs, &samples::today())];
    assert_snapshot!(json::render(&Report::of_gates(gates, &runs, &[])).unwrap());
}

#[test]
fn json_is_read_as_written() {
    for report in [run_report(), gate_report()] {
        assert_eq!(json::read(&json::render(&report).unwrap()).unwrap(), report);
    }
}

#[test]
fn colour_carries_no_meaning_alone() {
    for report in [run_report(), gate_report()] {
        for width in [72, 80, 120] {
            let coloured = table::render(&report, Look { width, colour: true });
            let trimmed: String =
                stripped(&coloured).lines().map(|line| format!("{}\n", line.trim_end())).collect();
            assert_eq!(trimmed, plain(&report, width));
            assert_ne!(coloured, trimmed);
        }
    }
}

#[test]
fn lines_fit_except_commands() {
    for report in [run_report(), gate_report()] {
        for width in [72, 80, 99, 100, 120, 200] {
            for line in plain(&report, width).lines() {
                let is_command = line.trim_start().starts_with("do: ");
                assert!(is_command || line.chars().count() <= width, "{width}: {line}");
            }
        }
    }
}

#[test]
fn every_report_ends_with_what_was_not_verified() {
    let nothing = Report::of_gates(vec![], &[], &[]);
    let mut perfect = samples::run_of(vec![samples::result("A", samples::survived(0.0))], vec![]);
    perfect.record.lanes = vec![Lane::Cpu, Lane::Simt, Lane::Cuda];
    perfect.record.tiers = vec![Tier::Ci, Tier::Long];
    for report in [run_report(), gate_report(), nothing, Report::of_run(&perfect)] {
        let last = report.not_verified.last().unwrap();
        assert_eq!(last, BEYOND_CONTRACTS);
        for text in [plain(&report, 80), markdown::render(&report)] {
            let (_, end) = text.split_once("What this run did not verify\n").unwrap();
            assert!(end.trim_end().ends_with(last), "{text}");
        }
    }
}

#[test]
fn nothing_ran_does_not_look_like_a_pass() {
    let nothing = Report::of_run(&samples::run_of(vec![], vec![]));
    for text in [plain(&nothing, 80), markdown::render(&nothing)] {
        assert!(text.contains("No claim ran, which is not a pass."), "{text}");
        assert!(text.contains("No mutant ran"), "{text}");
        assert!(!text.contains('%'), "{text}");
    }
}

#[test]
fn an_interrupted_run_says_so() {
    let mut run = samples::run();
    run.record.status = Status::Interrupted;
    run.record.claims_selected.push("FALSIFY-LEFT-001".into());
    // Not asked for in one lane, and cut off in another.
    let entry = NotAsked { claim: "FALSIFY-LEFT-001".into(), lane: Lane::Simt };
    run.record.not_asked.push(entry);
    let text = plain(&Report::of_run(&run), 80);
    assert!(text.contains("INTERRUPTED"), "{text}");
    assert!(text.contains("1 claim that the interruption cut off"), "{text}");
    let gates = Report::of_gates(vec![], &[run], &[]);
    assert!(plain(&gates, 120).contains("was interrupted, and counts for nothing"));
}

#[test]
fn an_interrupted_prove_counts_duels_and_not_claims() {
    let mut run = samples::run();
    run.outcomes.clear();
    let ended = run.kills.len() as u64;
    run.record.status = Status::Interrupted;
    run.record.claims_selected = run.kills.iter().map(|kill| kill.claim.clone()).collect();
    // Every claim has a duel that ended, and three more had not begun.
    run.record.duels_selected = Some(ended + 3);
    let text = plain(&Report::of_run(&run), 80);
    assert!(text.contains("3 duels that the interruption cut off"), "{text}");
    run.record.status = Status::Stopped;
    run.record.duels_selected = Some(ended + 1);
    let text = plain(&Report::of_run(&run), 80);
    assert!(text.contains("1 duel that the first failure cut off"), "{text}");
}

#[test]
fn records_cannot_draw_on_the_terminal_or_break_markdown() {
    let error = "a\u{1b}[2Jb\n| c | `d` <script>".to_owned();
    let run = samples::run_of(vec![samples::result("A|B\u{7}", Outcome::Errored { error })], vec![]);
    let mut report = Report::of_run(&run);
    report.runs[0].commit = Some("ééé\u{1b}[2J".into());
    report.runs[0].tree = "é\n".into();
    let text = plain(&report, 80);
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    let text = markdown::render(&report);
    assert!(text.contains("\\| c \\| \\`d\\` \\<script\\>"), "{text}");
    assert!(text.contains("`A\\|B `"), "{text}");
}

#[test]
fn bars_do_not_lie() {
    for (margin, words) in [
        (0.0, "──────"),
        (1e-9, "━─────"),
        (0.5, "━━━───"),
        (0.999, "━━━━━─"),
        (1.0, "━━━━━━"),
        (1.001, "━━━━━▸"),
        (f64::NAN, "━━━━━▸"),
    ] {
        let bar = table::bar(margin.into(), 6);
        assert_eq!(bar.split(' ').next(), Some(words), "{margin}");
    }
}

#[test]
fn margins_in_words() {
    for (margin, words) in [
        (0.0, "0%"),
        (1e-9, "<0.1%"),
        (0.0599, "5.9%"),
        (0.3599, "35%"),
        (0.9999, "99%"),
        (1.0, "100%"),
        (1.001, "1.1x"),
        (312.4, "312x"),
        (4e5, "4e5x"),
        (f64::INFINITY, "infinite"),
        (f64::NAN, "NaN"),
    ] {
        assert_eq!(margin_words(margin.into()), words);
    }
}

#[test]
fn durations_in_words() {
    for (ms, words) in
        [(0, "0 ms"), (999, "999 ms"), (1999, "1.9 s"), (59_999, "59.9 s"), (125_000, "2 m 05 s")]
    {
        assert_eq!(duration(ms), words);
    }
}

#[test]
fn with_gates_keeps_the_end() {
    let runs = [samples::run()];
    let gate = evaluate(&samples::gate(&["FALSIFY-QWEN2-001"]), &runs, &Today::default());
    let report = run_report().with_gates(vec![gate]);
    assert_eq!(report.not_verified.last().unwrap(), BEYOND_CONTRACTS);
    assert!(report.not_verified.iter().any(|line| line.starts_with("gate qwen2-reference: ")));
}

#[test]
fn markdown_fits_a_comment_and_counts_what_it_leaves_out() {
    let error = |n: u32| format!("{n} {}", "a long story | `with` <b>markup</b> ".repeat(200));
    let outcomes = (0..400)
        .map(|n| samples::result(&format!("CLAIM-{n:03}"), Outcome::Errored { error: error(n) }))
        .collect();
    let kills = (0..900).map(|n| samples::kill(&format!("m@{n}"), "CLAIM-000", Verdict::Survived)).collect();
    let mut report = Report::of_run(&samples::run_of(outcomes, kills));
    report.not_verified.splice(0..0, (0..300).map(|n| format!("thing {n} {}", "x".repeat(400))));
    let text = markdown::render(&report);
    assert!(text.len() <= markdown::MOST, "{}", text.len());
    assert!(text.contains(" more, for which there is no room here"), "{text}");
    assert!(text.trim_end().ends_with(BEYOND_CONTRACTS));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    // What is shown and what is counted make up the whole.
    let shown = text.matches("on cpu: ERRORED:").count();
    let (_, rest) = text.split_once("and what to do").unwrap();
    let more = rest.split("\nand ").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(shown + more.parse::<usize>().unwrap(), 400);
}

#[test]
fn markdown_says_the_verdict_first_and_calls_nobody() {
    let first = |report: &Report| markdown::render(report).lines().next().unwrap().to_owned();
    assert!(first(&gate_report()).starts_with("❌ **Verification: 2 of 3 gates did not pass**."));
    assert!(first(&run_report()).starts_with("❌"));
    let claim = || vec![samples::result("A", samples::survived(0.0))];
    assert!(first(&Report::of_run(&samples::run_of(claim(), vec![]))).starts_with("✅"));
    assert!(
        first(&Report::of_run(&samples::run_of(vec![], vec![]))).starts_with("⚠️ **Verification: no pass**")
    );
    let blocked = samples::result("B", Outcome::Vacuous { why: Vacuity::NoCases });
    assert!(first(&Report::of_run(&samples::run_of(vec![blocked], vec![]))).starts_with("⚠️"));
    let error = "ask @someone about `x``y`".to_owned();
    let run = samples::run_of(vec![samples::result("A", Outcome::Errored { error })], vec![]);
    assert!(markdown::render(&Report::of_run(&run)).contains("ask @<!-- -->someone"));
}

#[test]
fn a_report_is_saved_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.html");
    save(&path, "whole").unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "whole");
    let error = save(&folder.path().join("no/report.html"), "x").unwrap_err();
    assert!(error.to_string().contains("cannot write the report to"), "{error}");
    assert!(save(folder.path(), "x").is_err(), "a folder is no file");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
}
