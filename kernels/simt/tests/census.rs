//! Whole kernels, as compiled by NVRTC 13.0 from the project's own sources, decode; and what is in them was counted.

use std::collections::BTreeMap;

use simt::ptx::{Alu, Op, decode};

/// Kernel, its text, parameters, instructions, and how many of them branch, load, store and multiply matrices.
const KERNELS: [(&str, &str, [usize; 6]); 5] = [
    ("rmsnorm", include_str!("ptx/rmsnorm.ptx"), [4, 368, 21, 48, 6, 0]),
    ("rope", include_str!("ptx/rope.ptx"), [4, 419, 14, 25, 12, 0]),
    ("attention_prefill", include_str!("ptx/attention_prefill.ptx"), [9, 946, 50, 100, 47, 0]),
    ("matmul", include_str!("ptx/matmul.ptx"), [4, 441, 37, 40, 36, 16]),
    ("tap_statistics", include_str!("ptx/tap_statistics.ptx"), [3, 885, 44, 147, 16, 0]),
];

/// Lines of the text that are instructions: they end with `;` and begin with neither `.` nor a brace.
fn written(text: &str) -> usize {
    text.lines()
        .map(|line| line.split("//").next().unwrap_or("").trim())
        .filter(|line| line.ends_with(';') && !line.starts_with('.'))
        .map(|line| {
            // Inline code stands in one line: `{ .reg .f16 low; mov.b32 {low, high}, %r1; }`.
            line.split(';')
                .map(|part| part.trim().trim_start_matches('{').trim())
                .filter(|part| !part.is_empty() && !part.starts_with('.') && *part != "}")
                .count()
        })
        .sum()
}

#[test]
fn kernels_decode_completely() {
    for (name, text, expected) in KERNELS {
        let module = decode(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let [kernel] = &module.functions[..] else {
            panic!("{name} has {} functions", module.functions.len())
        };
        assert_eq!((kernel.name.as_str(), kernel.entry), (name, true));
        let body = kernel.body.as_ref().expect("a body");
        assert_eq!(body.len(), written(text), "{name}: every line that is an instruction is decoded to one");
        let count =
            |wanted: fn(&Op) -> bool| body.iter().filter(|instruction| wanted(&instruction.op)).count();
        let found = [
            kernel.parameters.len(),
            body.len(),
            count(|op| matches!(op, Op::Branch { .. })),
            count(|op| matches!(op, Op::Load { .. })),
            count(|op| matches!(op, Op::Store { .. })),
            count(|op| matches!(op, Op::Alu { alu: Alu::Mma(_), .. })),
        ];
        assert_eq!(found, expected, "{name}");
        for instruction in body {
            let line = text.lines().nth(instruction.line as usize - 1).unwrap_or("");
            assert!(line.contains(';'), "{name}: line {} is `{line}`", instruction.line);
            let file = instruction.source.map(|source| source.file);
            assert!(
                file.is_some_and(|file| module.files.contains_key(&file)),
                "{name}: `{line}` has no source"
            );
        }
    }
}

#[test]
fn branches_of_kernels_lie_inside_them() {
    let mut distances: BTreeMap<bool, usize> = BTreeMap::new();
    for (name, text, _) in KERNELS {
        let module = decode(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let body = module.functions[0].body.as_ref().expect("a body");
        for (index, instruction) in body.iter().enumerate() {
            if let Op::Branch { target, .. } = instruction.op {
                assert!(target < body.len(), "{name}");
                *distances.entry(target <= index).or_default() += 1;
            }
        }
    }
    assert!(distances.len() == 2, "both loops and jumps ahead: {distances:?}");
}
