//! `instruction_coverage`: the cases of an op run the instructions of its kernels.

use std::collections::BTreeMap;

use contracts::kinds::{InstructionCoverage, Unreachable};
use simt::Options;
use simt::device::Coverage;

use super::{Case, Passed, of_op};
use crate::faults::{drawn, launch, virtual_device};
use crate::machine::{device_stop, jit_stop};
use crate::ops::Group;
use crate::ops::place::chosen;
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

/// Lines that a message lists before it says how many more there are.
const LISTED: usize = 12;

pub(super) fn cases(parameters: &InstructionCoverage) -> Vec<Case<'_>> {
    of_op("instruction_coverage", &parameters.op, &parameters.kernels, move |subject, group| {
        attempt(subject, group, parameters)
    })
}

/// A line of source: its file, its number.
type Line = (String, u32);

/// What is known of the lines of a kernel, over everything that it was compiled to.
#[derive(Default)]
struct Lines {
    /// Instructions of a line, and how many of them ran. Those of no line are under `None`.
    counts: BTreeMap<Option<Line>, (u64, u64)>,
    /// What the lines say.
    text: BTreeMap<Line, String>,
}

fn attempt(subject: &Subject, group: &Group, parameters: &InstructionCoverage) -> Result<Passed, Stop> {
    let lane = subject.lane();
    let machine = subject.virtual_machine(Options { coverage: true, ..Options::default() })?;
    let device = virtual_device(&machine, lane)?;
    let mut lines = Lines::default();
    for case in chosen(group, parameters.cases) {
        let (name, run) = drawn(group, case);
        let (_, preimage) = machine.jit.preimage(&run.spec).map_err(|error| jit_stop(&error))?;
        lines.read(&preimage.source);
        launch(&machine, lane, &name, &run)?.map_err(|error| device_stop(&error, lane))?;
    }
    for (_, coverage) in device.coverage() {
        lines.add(&coverage);
    }
    lines.judge(group, parameters)
}

impl Lines {
    /// Notes what the lines of a source say, as `#line` counts them.
    fn read(&mut self, source: &str) {
        let mut at: Line = (String::new(), 1);
        for text in source.lines() {
            let directive = text.strip_prefix("#line ").and_then(|rest| rest.split_once(' '));
            if let Some((number, file)) = directive {
                at = (file.trim_matches('"').to_owned(), number.parse().unwrap_or(1));
                continue;
            }
            self.text.entry(at.clone()).or_insert_with(|| text.trim().to_owned());
            at.1 += 1;
        }
    }

    fn add(&mut self, coverage: &Coverage) {
        for covered in &coverage.instructions {
            let line = covered.source.as_ref().map(|source| (source.file.clone(), source.line));
            let (all, run) = self.counts.entry(line).or_default();
            *all += 1;
            *run += u64::from(covered.ran);
        }
    }

    /// What is said about a line that is named as one that nothing reaches.
    fn unreachable<'u>(&self, line: &Line, named: &'u [Unreachable]) -> Option<&'u Unreachable> {
        let text = self.text.get(line)?;
        named.iter().find(|unreachable| unreachable.line.trim() == text)
    }

    fn judge(&self, group: &Group, parameters: &InstructionCoverage) -> Result<Passed, Stop> {
        let what = format!("{} with {}", group.kernel, group.activation);
        let (mut all, mut ran, mut dead, mut partly) = (0, 0, Vec::new(), Vec::new());
        for (line, &(of_line, ran_of_line)) in &self.counts {
            let named = line.as_ref().and_then(|line| self.unreachable(line, &parameters.unreachable));
            match (line, named) {
                (Some((file, number)), Some(unreachable)) if ran_of_line > 0 => {
                    let (text, because) = (&unreachable.line, &unreachable.because);
                    let message = format!(
                        "{what}: {file}:{number} `{text}` ran, and the claim says that nothing reaches it: {because}"
                    );
                    return Err(Defect::counted("unreachable_lines_that_ran", 1.0, message).into());
                }
                (_, Some(_)) => {}
                (_, None) => {
                    all += of_line;
                    ran += ran_of_line;
                    let line = line.as_ref();
                    dead.extend(line.filter(|_| ran_of_line == 0).map(shown));
                    partly.extend(
                        line.filter(|_| ran_of_line < of_line).map(|line| (of_line - ran_of_line, line)),
                    );
                }
            }
        }
        if all == 0 {
            return Err(Stop::Vacuous(evidence::Vacuity::NoElements));
        }
        let missed = (all - ran) as f64 / all as f64;
        let limit = 1.0 - parameters.at_least;
        let never = listed(&dead);
        if missed > limit {
            partly.sort_by_key(|&(missed, line)| (std::cmp::Reverse(missed), line));
            let most: Vec<String> =
                partly.iter().map(|(missed, line)| format!("{missed} of {}", shown(line))).collect();
            let most = listed(&most);
            let message = format!(
                "{what}: {ran} of {all} instructions ran; lines that never did: {never}; missed most: {most}"
            );
            let defect = Defect::counted("instructions_missed", missed, message);
            return Err(Defect { limit, ..defect }.into());
        }
        let metric = match dead.is_empty() {
            true => "instructions_missed".to_owned(),
            false => format!("instructions_missed (lines that never ran: {never})"),
        };
        Ok(Passed { elements: all, stage: None, metric, value: missed, limit, curve: Vec::new() })
    }
}

/// `matvec.cu:38`.
fn shown((file, number): &Line) -> String {
    format!("{}:{number}", file.rsplit('/').next().unwrap_or(file))
}

/// The first of them, and how many more there are.
fn listed(places: &[String]) -> String {
    if places.is_empty() {
        return "none".to_owned();
    }
    let text = places.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match places.len().saturating_sub(LISTED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use kernels::Dtype;
    use simt::device::Covered;
    use simt::fault::SourceLine;

    use super::*;

    const SOURCE: &str =
        "#line 1 \"/kernels/common.cuh\"\na\n  b;\n#line 3 \"/kernels/k.cu\"\nif (x) return;\nd\n";

    fn lines(ran: [bool; 4]) -> Lines {
        let mut lines = Lines::default();
        lines.read(SOURCE);
        let at = |file: &str, line| Some(SourceLine { file: format!("/kernels/{file}"), line });
        let places = [at("common.cuh", 2), at("k.cu", 3), at("k.cu", 4), None];
        let covered = (1..).zip(places).zip(ran);
        let instructions =
            covered.map(|((ptx_line, source), ran)| Covered { ptx_line, source, ran }).collect();
        lines.add(&Coverage { kernel: "k".to_owned(), launches: 1, instructions });
        lines
    }

    fn judged(ran: [bool; 4], at_least: f64, unreachable: &[&str]) -> Result<Passed, Stop> {
        let unreachable = unreachable.iter().map(|line| Unreachable {
            line: (*line).to_owned(),
            because: "every launch has a row for every block".to_owned(),
        });
        let parameters = InstructionCoverage {
            op: "rope".to_owned(),
            kernels: Vec::new(),
            cases: None,
            at_least,
            because: "test".to_owned(),
            unreachable: unreachable.collect(),
        };
        let group = Group { kernel: "k", activation: Dtype::F32, cases: Vec::new() };
        lines(ran).judge(&group, &parameters)
    }

    #[test]
    fn lines_are_counted_as_the_directives_say() {
        let lines = lines([true; 4]);
        let text = |file: &str, line| lines.text[&(format!("/kernels/{file}"), line)].as_str();
        assert_eq!((text("common.cuh", 2), text("k.cu", 3), text("k.cu", 4)), ("b;", "if (x) return;", "d"));
    }

    #[test]
    fn what_did_not_run_is_listed_and_falsifies_beyond_the_share() {
        let passed = judged([true; 4], 1.0, &[]).unwrap();
        assert_eq!((passed.elements, passed.value, passed.metric.as_str()), (4, 0.0, "instructions_missed"));
        let passed = judged([true, false, true, true], 0.75, &[]).unwrap();
        assert!(passed.metric.contains("k.cu:3"), "{}", passed.metric);
        let Err(Stop::Falsified(defect)) = judged([true, false, true, true], 0.76, &[]) else { panic!() };
        assert!(
            defect.message.contains("3 of 4") && defect.message.contains("1 of k.cu:3"),
            "{}",
            defect.message
        );
        assert_eq!(defect.value, 0.25);
    }

    #[test]
    fn a_line_that_nothing_reaches_is_not_counted_and_must_not_run() {
        let passed = judged([true, false, true, true], 1.0, &["if (x) return;"]).unwrap();
        assert_eq!((passed.elements, passed.value), (3, 0.0));
        let Err(Stop::Falsified(defect)) = judged([true; 4], 0.5, &["if (x) return;"]) else { panic!() };
        assert_eq!(defect.metric, "unreachable_lines_that_ran");
        let nothing = Lines::default();
        assert!(nothing.counts.is_empty());
    }
}
