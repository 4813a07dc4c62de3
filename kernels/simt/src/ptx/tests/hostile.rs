//! No text makes it panic, and none takes much memory or time.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::problem;
use crate::ptx::decode;

const REAL: [&str; 5] = [
    include_str!("../../../tests/ptx/rmsnorm.ptx"),
    include_str!("../../../tests/ptx/rope.ptx"),
    include_str!("../../../tests/ptx/attention_prefill.ptx"),
    include_str!("../../../tests/ptx/matmul.ptx"),
    include_str!("../../../tests/ptx/tap_statistics.ptx"),
];

/// Pieces of a text: words, spaces and single marks.
fn pieces(text: &str) -> Vec<&str> {
    text.split_inclusive(|character: char| !character.is_ascii_alphanumeric()).collect()
}

#[derive(Debug, Clone)]
enum Change {
    Delete(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Copy(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, &'static str),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let index = any::<prop::sample::Index>;
    let pieces = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "<",
        ">",
        "@",
        "!",
        "-",
        "|",
        "=",
        "\"",
        "/*",
        "//",
        ";",
        ".",
        "::",
        "0x",
        "18446744073709551615",
        "4294967295",
        "1e999",
        "0f",
        ".reg",
        ".v4",
        ".b8",
        ".func",
        ".branchtargets",
        "é",
        "\0",
        "_",
        "%p1",
        "%tid.x",
        "generic(",
        "ret;",
        "{{{{",
        "$L__BB0_1:",
    ];
    let change = prop_oneof![
        index().prop_map(Change::Delete),
        (index(), index()).prop_map(|(a, b)| Change::Swap(a, b)),
        (index(), index()).prop_map(|(a, b)| Change::Copy(a, b)),
        (index(), prop::sample::select(pieces.to_vec())).prop_map(|(at, piece)| Change::Insert(at, piece)),
    ];
    prop::collection::vec(change, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn changed_kernels_decode_or_are_refused(which in 0..REAL.len(), changes in changes()) {
        let mut parts = pieces(REAL[which]);
        for change in changes {
            match change {
                Change::Delete(at) => { parts.remove(at.index(parts.len())); }
                Change::Swap(a, b) => { let (a, b) = (a.index(parts.len()), b.index(parts.len())); parts.swap(a, b); }
                Change::Copy(from, to) => {
                    let piece = parts[from.index(parts.len())];
                    parts.insert(to.index(parts.len()), piece);
                }
                Change::Insert(at, piece) => parts.insert(at.index(parts.len()), piece),
            }
        }
        let text = parts.concat();
        if let Err(error) = decode(&text) {
            prop_assert!(error.line as usize <= text.lines().count() + 1);
            prop_assert!(error.problem.len() < 4000, "{}", error.problem);
        }
    }

    #[test]
    fn any_text_is_decoded_or_refused(text in "\\PC{0,200}") {
        let _ = decode(&text);
        let _ = super::kernel(&text);
    }
}

#[test]
fn declarations_do_not_ask_for_memory() {
    let begun = Instant::now();
    for (text, expected) in [
        (".entry k() { .reg .b32 %r<4000000000>; }", "registers in one module"),
        (".entry k() { .reg .b32 %r<99999999999>; }", "past 32 bits"),
        (".global .b8 x[4000000000] = {1};", "begin as more than"),
        (".global .b8 x[4000000000][4000000000][4000000000];", "has more than"),
        (".global .b8 x[2][2][2][2][2][2][2][2][2];", "dimensions"),
        (".global .u32 x[] = {{1}};", "expected a number"),
        (".global .u32 x[2] = {1, 2, 3};", "at most 2 elements"),
        (".global .u32 x[2][2] = {{1}, {2, 3}, {4}};", "at most 2 elements"),
    ] {
        let found = problem(text);
        assert!(found.contains(expected), "{text}: {found}");
    }
    let many: String =
        (0..30).map(|index| format!(".entry k{index}() {{ .reg .b32 %r<100000>; }}\n")).collect();
    assert!(problem(&many).contains("registers in one module"));
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn deep_and_long_texts_are_refused() {
    assert!(problem(&format!(".entry k() {{ {}", "{".repeat(100_000))).contains("levels"));
    assert!(problem(&format!(".entry k() {{ mov.b32 {}", "{".repeat(100_000))).contains("an operand"));
    assert!(problem(&format!(".global .u32 x = {}", "{".repeat(100_000))).contains("a number"));
    assert!(problem(&"\n".repeat(17 << 20)).contains("bytes of text"));
    let modifiers = ".x".repeat(100_000);
    assert!(problem(&format!(".entry k() {{ mov{modifiers} a; }}")).contains("fewer modifiers"));
    let elements = "_,".repeat(100_000);
    assert!(problem(&format!(".entry k() {{ mov.b32 {{{elements}")).contains("elements"));
}

#[test]
fn lists_of_branch_targets_have_a_budget() {
    let list = vec!["L"; 1000].join(", ");
    let jumps = "brx.idx r, T;\n".repeat(100);
    let text = format!(".entry k() {{ .reg .b32 r; T: .branchtargets {list};\n{jumps} L: ret; }}");
    assert!(problem(&text).contains("too long together"));
}
