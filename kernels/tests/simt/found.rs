//! Every fault is found, by its kind and at its line, and no clean twin has one.

use rayon::prelude::*;
use simt::Fault;

use crate::corpus::{self, Case, Twin};
use crate::run::{Outcome, run};

#[test]
fn every_fault_is_found_and_no_clean_twin_has_one() {
    let problems: Vec<String> = crate::COMPILED
        .par_iter()
        .filter_map(|(twin, case, compiled)| {
            let problem = problem(*twin, case, &compiled.ptx)?;
            Some(format!("{} ({}): {problem}", case.name, twin.name()))
        })
        .collect();
    crate::hold(crate::COMPILED.len(), &problems);
}

/// What differs from what the text says.
fn problem(twin: Twin, case: &Case, ptx: &str) -> Option<String> {
    match (twin, run(case, ptx)) {
        (_, Err(error)) => Some(error),
        (twin, Ok(Outcome::Fault(fault))) if twin == Twin::Clean || case.kind == "none" => {
            Some(format!("a fault where there is none: {fault}"))
        }
        (twin, Ok(Outcome::Ended(found))) if twin == Twin::Clean || case.kind == "none" => {
            match corpus::expected::expected(case) {
                Ok(expected) => wrong(&found, &expected),
                Err(error) => Some(error),
            }
        }
        (_, Ok(Outcome::Ended(_))) => Some(format!("no fault, and {} is planted", case.kind)),
        (_, Ok(Outcome::Fault(fault))) => mistaken(case, &fault),
    }
}

/// The first number that is not as expected.
fn wrong(found: &[u32], expected: &[u32]) -> Option<String> {
    if found.len() != expected.len() {
        return Some(format!("{} numbers, and {} are expected", found.len(), expected.len()));
    }
    let at = found.iter().zip(expected).position(|(found, expected)| found != expected)?;
    Some(format!("element {at} is {}, and {} is expected", found[at], expected[at]))
}

/// What of a fault is not as the text says.
fn mistaken(case: &Case, fault: &Fault) -> Option<String> {
    if fault.kind.name() != case.kind {
        return Some(format!("{} is planted, and {fault} was found", case.kind));
    }
    let line = line_of(case, fault);
    // Which of two accesses is the second one depends on the order in which warps ran.
    let allowed: Vec<u32> = case.lines.iter().chain(&case.others).copied().collect();
    match line {
        None if allowed.is_empty() => None,
        Some(line) if allowed.contains(&line) => None,
        line => Some(format!("line {line:?} and not {allowed:?}: {fault}")),
    }
}

/// The line of the text that a fault is at, or that called what it is at.
pub(crate) fn line_of(case: &Case, fault: &Fault) -> Option<u32> {
    let place = fault.place.as_ref()?;
    let file = corpus::compile::file_name(case.name);
    let lines = [&place.source, &place.inlined_at];
    lines.into_iter().flatten().find(|source| source.file == file).map(|source| source.line)
}
