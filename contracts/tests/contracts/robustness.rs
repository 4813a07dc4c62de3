//! Whatever the bytes, reading ends with findings: no panic, no blow-up, and every place exists.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use contracts::parse::{MAX_BYTES, MAX_DEPTH, ParseError, document};

use crate::common::lint_files;

/// Far more than the slowest machine needs, and far less than anything quadratic takes.
const SOON: Duration = Duration::from_secs(20);

/// Examples of every construct, to be mutated.
const SEEDS: &[&str] = &[
    "metadata: {id: qwen2, version: 1.0.0, title: \"Q\\u00e9\", kind: model, references: ['a', \"b\"]}\n\
     proof_obligations:\n  - {id: o, type: bound, property: é stays below ü}\n\
     falsification_tests:\n  - id: A-1\n    obligation: o\n    rule: >-\n      folded\n      text\n    prediction: |\n      kept\n    if_fails: f\n    \
     falsifier: {oracle_parity: {model: qwen2-tiny, prompts: [short], arithmetic: [f64]}}\n    \
     tolerance: {abs_rel: {abs: 1.0e-5, rel: .nan, because: x}}\n    kills: [rmsnorm@eps-1e-5] # why\n",
    "gate: ship\ntitle: Ship\nclaims: [A-1]\nlanes: [cpu, cuda]\nrequires: {level: algorithm, fresh: true}\n",
    "- {code: PV108, claim: A-1, reason: r, expires: 2026-12-31}\n- code: PV101\n",
];

/// Reads the bytes as each kind of file, and holds every finding to the text.
fn read(bytes: &[u8]) {
    let names = ["models/a.yaml", "gates/b.yaml", "waivers.yaml"];
    let files: Vec<_> = names.iter().map(|name| ((*name).to_owned(), bytes.to_vec())).collect();
    let (loaded, findings) = lint_files(&files);
    assert_eq!(loaded.files.len(), names.len());
    for finding in &findings {
        let places =
            std::iter::once(&finding.place).chain(finding.secondary.iter().map(|other| &other.place));
        for place in places {
            let text = &loaded.files[place.file].text;
            assert!(text.get(place.span.clone()).is_some(), "{:?} is no part of {text:?}", place.span);
        }
        assert!(!finding.message.is_empty() && !finding.message.contains('\n'), "{:?}", finding.message);
    }
    // A file is read into its type, or it is said why not.
    for (index, name) in names.iter().enumerate() {
        let typed = loaded.contracts.iter().any(|contract| contract.file == index)
            || loaded.gates.iter().any(|gate| gate.file == index)
            || loaded.waivers.iter().any(|waiver| waiver.file == index);
        let told = findings.iter().any(|finding| finding.place.file == index);
        let no_waivers = loaded.files[index].kind == contracts::FileKind::Waivers
            && document(&loaded.files[index].text)
                .is_ok_and(|document| document.value == serde_json::json!([]));
        assert!(typed || told || no_waivers, "{name} of {:?} vanished", String::from_utf8_lossy(bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn arbitrary_yaml_like_text_is_read(text in "[a-c:{}\\[\\],&*!|>'\"#%@`~?<\\-. \t\r\n0-9éß\u{feff}\u{85}]{0,120}") {
        read(text.as_bytes());
    }

    #[test]
    fn mutated_contracts_are_read(
        seed in 0..SEEDS.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..5u8, any::<u8>()), 1..8),
    ) {
        let mut bytes = SEEDS[seed].as_bytes().to_vec();
        for (from, to, action, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let (from, to) = (from.index(bytes.len()), to.index(bytes.len()));
            match action {
                0 => bytes[from] = byte,
                1 => drop(bytes.remove(from)),
                2 => bytes.insert(from, byte),
                3 => drop(bytes.drain(from.min(to)..from.max(to))),
                _ => {
                    let piece = bytes[from.min(to)..from.max(to)].to_vec();
                    bytes.splice(to..to, piece);
                }
            }
        }
        read(&bytes);
    }
}

#[test]
fn the_seeds_are_read_themselves() {
    SEEDS.iter().for_each(|seed| read(seed.as_bytes()));
}

#[test]
fn an_alias_bomb_is_refused_at_its_first_anchor() {
    let mut bomb = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (previous, this) in ('a'..='y').zip('b'..='z') {
        bomb.push_str(&format!("{this}: &{this} [{}]\n", vec![format!("*{previous}"); 9].join(", ")));
    }
    let start = Instant::now();
    let Err(ParseError::Unsupported { what, span, .. }) = document(&bomb) else { panic!("was accepted") };
    assert_eq!((what, bomb[span.start as usize..].get(..2)), ("anchors and aliases", Some("&a")));
    assert!(start.elapsed() < SOON);
    read(bomb.as_bytes());
}

#[test]
fn depth_is_limited_in_every_style() {
    let flow = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(document(&flow(MAX_DEPTH)).is_ok());
    assert!(matches!(document(&flow(MAX_DEPTH + 1)), Err(ParseError::TooDeep { .. })));
    let block: String = (0..MAX_DEPTH + 1).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
    assert!(matches!(document(&block), Err(ParseError::TooDeep { .. })));
    let dashes = "- ".repeat(MAX_DEPTH + 1);
    assert!(matches!(document(&dashes), Err(ParseError::TooDeep { .. })));
}

#[test]
fn size_is_limited() {
    let large = "a".repeat(MAX_BYTES + 1);
    assert!(matches!(document(&large), Err(ParseError::TooLarge { .. })));
    let (_, findings) = lint_files(&[("a.yaml".to_owned(), large.into_bytes())]);
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["PV006"]);
}

#[test]
fn large_hostile_texts_take_no_long() {
    const SIZE: usize = 1 << 20;
    let texts = [
        "[".repeat(SIZE),
        "{".repeat(SIZE),
        "- ".repeat(SIZE / 2),
        "? ".repeat(SIZE / 2),
        "a: ".repeat(SIZE / 3),
        "\n".repeat(SIZE),
        " ".repeat(SIZE),
        "#".repeat(SIZE),
        "\"".repeat(SIZE),
        format!("\"{}", "\\".repeat(SIZE)),
        format!("'{}", "é".repeat(SIZE / 2)),
        "[a,".repeat(SIZE / 3),
        "é: é\n".repeat(SIZE / 7),
        "- é\n".repeat(SIZE / 5),
        (0..SIZE / 10).map(|index| format!("k{index}: 1\n")).collect(),
    ];
    for text in texts {
        let start = Instant::now();
        read(text.as_bytes());
        let elapsed = start.elapsed();
        assert!(elapsed < SOON, "{elapsed:?} for {}", text.chars().take(12).collect::<String>());
    }
}
