//! The corpus itself.

use std::collections::BTreeSet;
use std::path::Path;

use crate::corpus::{self, Case, Parameter, Twin};

#[test]
fn every_file_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simt/faults");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let listed: BTreeSet<String> = corpus::list::TEXTS.iter().map(|(name, _)| format!("{name}.cu")).collect();
    assert_eq!(files, listed);
    assert!(listed.len() >= 55, "{}", listed.len());
}

#[test]
fn every_text_says_what_to_expect() {
    let mut problems = Vec::new();
    let cases = crate::cases();
    for (twin, case) in &cases {
        let mut problem = |text: &str| problems.push(format!("{} ({}): {text}", case.name, twin.name()));
        // A launch that is refused has no line, and what is allowed has none either.
        if case.lines.is_empty() != ["launch_limit", "none"].contains(&case.kind) {
            problem("a fault has a line, and a refused launch none");
        }
        if !case.others.is_empty() && !["race", "read_only_cache_stale"].contains(&case.kind) {
            problem("only a race has another access");
        }
        if !["none", "memcheck", "racecheck", "synccheck", "initcheck"].contains(&case.sanitizer) {
            problem("no tool of that name");
        }
        if *twin == Twin::Clean
            && let Err(error) = corpus::expected::expected(case)
        {
            problem(&error);
        }
        if case.summary.len() < 20 || case.summary.lines().count() != 1 || !case.summary.ends_with('.') {
            problem("the first line is no sentence");
        }
    }
    crate::hold(cases.len(), &problems);
}

#[test]
fn the_compiler_keeps_what_is_planted() {
    let mut problems = Vec::new();
    for pair in crate::COMPILED.chunks(2) {
        let [(_, faulty, broken), (_, clean, whole)] = pair else { panic!("twins come in pairs") };
        let launched_alike = faulty.shape == clean.shape
            && faulty.parameters == clean.parameters
            && faulty.passed == clean.passed;
        // Line numbers alone are no difference.
        if launched_alike && instructions(&broken.ptx) == instructions(&whole.ptx) {
            problems.push(format!("{}: both twins compile to the same instructions", faulty.name));
        }
        for &line in faulty.lines.iter().chain(&faulty.others) {
            if !lines_of(&broken.ptx).contains(&line) {
                problems.push(format!("{}: no instruction is on line {line}", faulty.name));
            }
        }
        // A launch that is refused is refused for the launch.
        if faulty.kind == "launch_limit" && faulty.text.contains("#ifdef FAULT") {
            problems.push(format!("{}: a refused launch needs no other kernel", faulty.name));
        }
    }
    crate::hold(crate::COMPILED.len(), &problems);
}

/// The text without positions.
fn instructions(ptx: &str) -> Vec<&str> {
    let code = ptx.split_once(".visible .entry").map_or(ptx, |(_, code)| code);
    let code = code.split(".file\t").next().unwrap_or_default();
    code.lines().map(str::trim).filter(|line| !line.starts_with(".loc\t") && !line.is_empty()).collect()
}

/// The lines that positions name: `.loc FILE LINE COLUMN`.
fn lines_of(ptx: &str) -> BTreeSet<u32> {
    let positions = ptx.lines().filter_map(|line| line.trim().strip_prefix(".loc\t"));
    positions.filter_map(|rest| rest.split_whitespace().nth(1)?.trim_end_matches(',').parse().ok()).collect()
}

#[test]
fn parameters_lie_where_the_kernel_expects_them() {
    let text = "// A.\n// fault: trap\n// sanitizer: none\n// launch: grid=2,3 block=32 shared=8 asked=0 cooperative=yes\n\
                // buffer: x u32 4 ramp 2\n// scalar: n u32 7\n// buffer: b u32 1 zero\n// faulty scalar: n u32 8\n\
                // faulty pointer: b x+4\n// faulty parameters: 9\n// expect: x times 2\nx  // <- fault\n";
    let [faulty, clean] = [Twin::Faulty, Twin::Clean].map(|twin| Case::parse("t", text, twin).unwrap());
    let address = |name: &str| Some(if name == "x" { 0x100 } else { 0x200 });
    let bytes = clean.parameter_bytes(address).unwrap();
    assert_eq!(bytes, [0x100u64, 7, 0x200].map(u64::to_le_bytes).concat());
    assert_eq!(faulty.parameter_bytes(address).unwrap(), [0, 1, 0, 0, 0, 0, 0, 0, 8]);
    assert_eq!(
        (clean.shape.grid, clean.shape.asked, clean.lines.as_slice()),
        ([2, 3, 1], Some(0), &[12][..])
    );
    assert_eq!(corpus::expected::expected(&clean), Ok(vec![0, 2, 0, 0]));
    assert!(matches!(&faulty.parameters[2], Parameter::Pointer { offset: 4, .. }));
    for (from, to) in
        [("fault: trap", "fault trap"), ("grid=2,3", "grid=x"), ("ramp 2", "slope"), ("expect", "hope")]
    {
        let text: &'static str = text.replace(from, to).leak();
        assert!(Case::parse("t", text, Twin::Clean).is_err(), "{to}");
    }
}
