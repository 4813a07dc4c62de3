//! A report as JUnit XML, which most services for continuous integration show.
//!
//! JUnit knows passed, failure, error and skipped, and a skipped case counts as green in most places. So nothing here
//! is ever skipped: only `survived` and `killed` pass, and blocked and vacuous are errors whose type says which.
//!
//! | here | JUnit | type |
//! |---|---|---|
//! | claim survived, mutant killed, gate passed | passed | |
//! | claim falsified, mutant survived, gate not passed | failure | `falsified`, `survived`, `not_passed` |
//! | claim blocked, vacuous, errored; mutant inert, blocked, errored | error | the word |
//! | run interrupted, nothing ran | error | `interrupted`, `nothing_ran` |

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::{Report, clean, gate_summary, reasons, verdict_detail};
use crate::gate::{GateReport, Reason};
use crate::outcome::Outcome;
use crate::record::{ClaimResult, Kill, Status, Verdict};

/// The report as JUnit XML: a suite for each contract with a case for each claim and lane, one for the mutants, one
/// for the gates, and one for what belongs to none of them.
pub fn render(report: &Report) -> Result<String, quick_junit::SerializeError> {
    let mut junit = quick_junit::Report::new("pv");
    for results in report.results.chunk_by(|a, b| a.contract == b.contract) {
        if let Some(first) = results.first() {
            junit.add_test_suite(suite(&first.contract, results.iter().map(claim)));
        }
    }
    if !report.kills.is_empty() {
        junit.add_test_suite(suite("mutants", report.kills.iter().map(kill)));
    }
    if !report.gates.is_empty() {
        junit.add_test_suite(suite("gates", report.gates.iter().map(gate)));
    }
    let mut rest = suite("report", faults(report).into_iter());
    rest.set_system_out(open(report));
    junit.add_test_suite(rest);
    junit.to_string()
}

fn suite(name: &str, cases: impl Iterator<Item = TestCase>) -> TestSuite {
    let mut suite = TestSuite::new(clean(name));
    suite.add_test_cases(cases);
    suite
}

fn case(suite: &str, name: String, elapsed_ms: u64, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(clean(&name), status);
    case.set_classname(clean(suite)).set_time(Duration::from_millis(elapsed_ms));
    case
}

/// A case that did not pass: its type in one word, what is wrong in one line, and what to do about it.
fn fault(kind: NonSuccessKind, word: &str, why: &[Reason]) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    let message: Vec<String> = why.iter().map(|reason| clean(&reason.what)).collect();
    let lines: Vec<String> = why
        .iter()
        .map(|reason| format!("{}\n  do: {}", clean(&reason.what), clean(&reason.remedy)))
        .collect();
    status.set_type(word).set_message(message.join("; ")).set_description(lines.join("\n"));
    status
}

fn claim(result: &ClaimResult) -> TestCase {
    let status = match &result.outcome {
        Outcome::Survived { .. } => TestCaseStatus::success(),
        outcome => {
            let kind = match outcome {
                Outcome::Falsified { .. } => NonSuccessKind::Failure,
                _ => NonSuccessKind::Error,
            };
            fault(kind, outcome.word(), &reasons(result))
        }
    };
    case(&result.contract, format!("{} on {}", result.claim, result.lane), result.elapsed_ms, status)
}

fn kill(kill: &Kill) -> TestCase {
    let status = match &kill.verdict {
        Verdict::Killed { .. } => TestCaseStatus::success(),
        verdict => {
            let kind = match verdict {
                Verdict::Survived => NonSuccessKind::Failure,
                _ => NonSuccessKind::Error,
            };
            let remedy =
                format!("pv prove --mutant {} --claim {} --device {}", kill.mutant, kill.claim, kill.lane);
            fault(kind, verdict.word(), &[Reason { what: verdict_detail(verdict), remedy }])
        }
    };
    let name = format!("{} against {} on {}", kill.mutant, kill.claim, kill.lane);
    case("mutants", name, kill.elapsed_ms, status)
}

fn gate(gate: &GateReport) -> TestCase {
    let status = if gate.passed {
        TestCaseStatus::success()
    } else {
        let mut why = vec![Reason {
            what: gate_summary(gate),
            remedy: format!("pv report --gate {} shows every claim", gate.gate),
        }];
        why.extend(gate.why.iter().cloned());
        for claim in gate.claims.iter().filter(|claim| !claim.passed && claim.blocking) {
            why.extend(claim.why.iter().map(|reason| Reason {
                what: format!("{} is {}: {}", claim.id, claim.level, reason.what),
                remedy: reason.remedy.clone(),
            }));
        }
        let mut status = fault(NonSuccessKind::Failure, "not_passed", &why);
        status.set_message(clean(&gate_summary(gate)));
        status
    };
    case("gates", gate.gate.to_string(), 0, status)
}

/// What keeps the report as a whole from being green.
fn faults(report: &Report) -> Vec<TestCase> {
    let mut faults = Vec::new();
    for run in report.runs.iter().filter(|run| run.status == Status::Interrupted) {
        let why = Reason {
            what: "the run was interrupted; what it had not finished is not here".to_owned(),
            remedy: "run it again".to_owned(),
        };
        let status = fault(NonSuccessKind::Error, "interrupted", &[why]);
        faults.push(case("report", format!("run {}", run.run_id), run.elapsed_ms.unwrap_or(0), status));
    }
    if report.results.is_empty() && report.kills.is_empty() && report.gates.is_empty() {
        let why =
            Reason { what: "nothing ran, which is never a pass".to_owned(), remedy: "pv run".to_owned() };
        let status = fault(NonSuccessKind::Error, "nothing_ran", &[why]);
        faults.push(case("report", "anything ran".to_owned(), 0, status));
    }
    faults
}

/// The runs, and what none of this verified.
fn open(report: &Report) -> String {
    let mut text = String::new();
    for run in &report.runs {
        text += &format!("run {}: {}; {}\n", run.run_id, run.how(), run.source());
    }
    text += "not verified:\n";
    for line in &report.not_verified {
        text += &format!("- {}\n", clean(line));
    }
    text
}

#[cfg(test)]
mod tests;
