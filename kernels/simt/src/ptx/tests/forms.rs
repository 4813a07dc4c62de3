//! Forms of instructions, line by line. `accepted.txt` has each with what it decodes to, registers by their names;
//! `refused.txt` has each with the reason. The forms were given to `ptxas` 13.0 for sm_90 as well. It takes whatever is
//! accepted here, with four exceptions: `bar.sync 16`, which is left to the check of barriers; special registers in
//! `cvt` to floats; parts of unlike types in one `mov`; and reading a `.param` that nothing wrote. What it takes and
//! this refuses (`mul24`, `fns`, `cvt.pack`, numbers that do not fit, clusters and the like) is in the second list.

use super::kernel;
use crate::ptx::Function;

/// What a line decodes to. Registers stand with their names.
fn show(function: &Function) -> String {
    let body = function.body.as_deref().unwrap_or(&[]);
    let (_, own) = body.split_last().expect("`ret` comes last");
    let shown: Vec<_> = own
        .iter()
        .map(|instruction| {
            let guard = match instruction.guard {
                Some(guard) if guard.negated => format!("@!{:?} ", guard.register),
                Some(guard) => format!("@{:?} ", guard.register),
                None => String::new(),
            };
            format!("{guard}{:?}", instruction.op)
        })
        .collect();
    let mut text = shown.join(" ; ");
    for (index, register) in function.registers.iter().enumerate().rev() {
        text = text.replace(&format!("Register(RegisterId({index}))"), &register.name);
        text = text.replace(&format!("RegisterId({index})"), &register.name);
    }
    text
}

/// Compares every line of a list, `instruction => result`.
fn compare(name: &str, list: &str, result: impl Fn(&str) -> String) {
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in list.lines().filter(|line| !line.is_empty()) {
        let (instruction, expected) = line.split_once(" => ").unwrap_or((line, ""));
        let found = result(instruction);
        count += 1;
        if found != expected {
            wrong.push(format!("{instruction} => {found}"));
        }
    }
    assert!(count > 50, "{name} has only {count} lines");
    assert!(wrong.is_empty(), "{} lines of {name} should be:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_accepted_decodes_to_this() {
    compare("accepted.txt", include_str!("accepted.txt"), |line| match kernel(line) {
        Ok(function) => show(&function),
        Err(error) => format!("REFUSED {error}"),
    });
}

#[test]
fn what_is_refused_is_for_this_reason() {
    compare("refused.txt", include_str!("refused.txt"), |line| match kernel(line) {
        Ok(function) => format!("TAKEN {}", show(&function)),
        Err(error) => {
            assert_eq!(error.line, 12, "{line}: {error}");
            error.problem.split("; known").next().unwrap_or("").to_owned()
        }
    });
}

#[test]
fn the_table_is_sorted_and_every_name_is_found() {
    let names: Vec<_> = crate::ptx::family::names().collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    for name in names {
        let problem = kernel(&format!("{name}.nonsense {{}};")).expect_err("nonsense").problem;
        assert!(problem.contains("; known: "), "{problem}");
    }
}
