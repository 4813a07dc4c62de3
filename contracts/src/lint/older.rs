//! The older language: the keys that contracts were written with before falsifiers could be executed, and what to
//! write instead of each.

use std::fmt::Write;

use serde_json::Value;

/// One key of the older language.
#[derive(Debug)]
pub(crate) struct Old {
    /// Where it stands: a JSON pointer, with `*` for one part.
    place: &'static str,
    /// The key.
    pub(crate) key: &'static str,
    /// What to write instead.
    pub(crate) instead: &'static str,
    /// The key that means exactly the same today.
    pub(crate) now: Option<&'static str>,
}

const fn old(place: &'static str, key: &'static str, instead: &'static str) -> Old {
    Old { place, key, instead, now: None }
}

const fn renamed(place: &'static str, key: &'static str, now: &'static str) -> Old {
    Old { place, key, instead: "", now: Some(now) }
}

const TOP: &str = "";
const METADATA: &str = "/metadata";
const EQUATION: &str = "/equations/*";
const OBLIGATION: &str = "/proof_obligations/*";
const TEST: &str = "/falsification_tests/*";
const GATE: &str = "/qa_gate";
const STAGE: &str = "/implementation_stages/*";
const AMENDMENT: &str = "/amendment_history/*";

const EXECUTE: &str =
    "write each condition as a claim in `falsification_tests`, with a `falsifier` that is executed";
const COMPUTED: &str = "delete it: what holds is computed from recorded runs; `pv report` shows it";
const MODEL_FILES: &str = "delete it: a model's shapes and names are read from its own files; claim what has to hold of \
                           them in `falsification_tests`";
const LEAN: &str = "delete it: no proof is checked here; put the theorem's name in `references`, and attack the property \
                    with a claim";
const CONDITION: &str = "move it to `invariants` of its equation, and attack it with a claim";
const HISTORY: &str = "move it to `amendment_history`: version, date, and description of each change";
const KNOWN_BY_COMMIT: &str = "delete it: the version history knows it";
const PROSE_NOTE: &str = "move it to `metadata.description`, or write it as a comment";

/// The keys, by place.
pub(crate) const KEYS: &[Old] = &[
    old(
        TOP,
        "kani_harnesses",
        "a bound is checked here by a claim that executes it: write one in `falsification_tests`",
    ),
    old(
        TOP,
        "kernel_structure",
        "write the order of building in `implementation_stages`, and formulas in `equations`",
    ),
    old(
        TOP,
        "simd_dispatch",
        "delete it: which code runs where is the engine's; claim in `lanes` where it has to hold",
    ),
    old(
        TOP,
        "enforcement",
        "write each rule as a claim in `falsification_tests`; `ship_blocking: true` makes it block",
    ),
    old(
        TOP,
        "verification_summary",
        "delete it: counts are computed from recorded runs; `pv report` shows them",
    ),
    old(
        TOP,
        "type_invariants",
        "write each predicate in `proof_obligations` with `type: invariant`, and attack it with a claim",
    ),
    old(TOP, "requires", "write each condition in `invariants` of its equation, and attack it with a claim"),
    old(TOP, "ensures", "write each condition in `proof_obligations`, and attack it with a claim"),
    old(TOP, "coq_spec", "delete it: no proof is checked here; put the specification in `references`"),
    old(TOP, "beat", "delete it: contracts claim what is right, not what is fast"),
    old(TOP, "stories", PROSE_NOTE),
    old(TOP, "falsification", EXECUTE),
    old(TOP, "falsification_conditions", EXECUTE),
    old(TOP, "kind", "move it to `metadata.kind`: kernel, model, or engine"),
    old(TOP, "id", "move it to `metadata.id`"),
    old(TOP, "name", "move it to `metadata.title`"),
    old(TOP, "title", "move it to `metadata.title`"),
    old(TOP, "version", "move it to `metadata.version`"),
    old(TOP, "description", "move it to `metadata.description`"),
    old(TOP, "references", "move it to `metadata.references`"),
    old(TOP, "depends_on", "move it to `metadata.depends_on`"),
    old(TOP, "scope", PROSE_NOTE),
    old(TOP, "preconditions", CONDITION),
    old(TOP, "postconditions", CONDITION),
    old(TOP, "invariants", CONDITION),
    old(TOP, "certification", COMPUTED),
    old(TOP, "discharge_status", COMPUTED),
    old(TOP, "algorithm_evidence", COMPUTED),
    old(TOP, "evidence", COMPUTED),
    old(TOP, "bindings", "delete it: claims name ops and models, and the runner knows what executes them"),
    old(TOP, "binds_to", "delete it: claims name ops and models, and the runner knows what executes them"),
    renamed(TOP, "obligations", "proof_obligations"),
    renamed(TOP, "tests", "falsification_tests"),
    old(TOP, "changelog", HISTORY),
    old(TOP, "counter_example_classes", "write a mutant for each class, and name it in `kills`"),
    old(TOP, "thresholds", "write a `tolerance` at each claim: it is the only place for one"),
    old(TOP, "tolerances", "write a `tolerance` at each claim: it is the only place for one"),
    old(TOP, "family", MODEL_FILES),
    old(TOP, "display_name", "move it to `metadata.title`"),
    old(TOP, "vendor", MODEL_FILES),
    old(TOP, "architectures", MODEL_FILES),
    old(TOP, "hf_pattern", MODEL_FILES),
    old(TOP, "size_variants", MODEL_FILES),
    old(TOP, "constraints", MODEL_FILES),
    old(TOP, "tensor_template", MODEL_FILES),
    old(TOP, "shape_template", MODEL_FILES),
    old(TOP, "quantizations", MODEL_FILES),
    old(METADATA, "author", KNOWN_BY_COMMIT),
    old(METADATA, "authors", KNOWN_BY_COMMIT),
    old(METADATA, "created", KNOWN_BY_COMMIT),
    old(METADATA, "date", KNOWN_BY_COMMIT),
    old(METADATA, "updated", KNOWN_BY_COMMIT),
    old(
        METADATA,
        "registry",
        "delete it: no contract is exempt from a rule; waivers.yaml accepts a single finding for a while",
    ),
    old(
        METADATA,
        "enforcement_level",
        "delete it: rules hold for every contract; `ship_blocking` says what blocks",
    ),
    old(METADATA, "locked_level", "delete it: a gate in contracts/gates says which level is required"),
    old(METADATA, "competitor", "move it to `references`"),
    old(METADATA, "demand_score", PROSE_NOTE),
    old(METADATA, "intake_status", COMPUTED),
    old(METADATA, "contract", "write `id`, which other contracts name in `depends_on`"),
    renamed(METADATA, "name", "title"),
    old(METADATA, "valid_under", "write `lanes` at each claim: where it has to hold"),
    old(METADATA, "entity", "write `op` for the op of a kernel contract; models are named by the falsifiers"),
    old(METADATA, "relations", "write `depends_on`, with the ids of contracts that have to hold first"),
    old(METADATA, "evidence", COMPUTED),
    old(METADATA, "shape", "delete it: one schema holds for every contract"),
    old(
        METADATA,
        "binds_to",
        "delete it: claims name ops and models, and the runner knows what executes them",
    ),
    old(METADATA, "discharge_status", COMPUTED),
    old(METADATA, "scope", PROSE_NOTE),
    old(METADATA, "note", PROSE_NOTE),
    old(METADATA, "notes", PROSE_NOTE),
    old(EQUATION, "preconditions", "move them to `invariants`, or to `domain`"),
    old(EQUATION, "postconditions", "move them to `invariants`, or to `codomain`"),
    old(EQUATION, "lean_theorem", LEAN),
    old(EQUATION, "float_tolerance", "write a `tolerance` at the claim that attacks the equation"),
    old(EQUATION, "tolerance", "write a `tolerance` at the claim that attacks the equation"),
    old(EQUATION, "assumes", "write shapes in `domain`, and constraints in `invariants`"),
    old(EQUATION, "guarantees", "write shapes in `codomain`, and constraints in `invariants`"),
    old(EQUATION, "description", "write it as a comment, or in `domain` and `codomain`"),
    old(EQUATION, "id", "write the equations as a mapping, with the id as the key"),
    old(
        OBLIGATION,
        "tolerance",
        "write it as the `tolerance` of the claim that names this obligation, with a unit",
    ),
    old(OBLIGATION, "applies_to", "write `lanes` at the claim that names this obligation: cpu, simt, cuda"),
    old(OBLIGATION, "discharged_by", "name this obligation in `obligation` of the claim that attacks it"),
    old(OBLIGATION, "na_reason", "delete the obligation: what does not apply is not promised"),
    old(OBLIGATION, "na_owner", "delete the obligation: what does not apply is not promised"),
    old(OBLIGATION, "lean", LEAN),
    old(OBLIGATION, "requires", "write the condition in `property`"),
    old(OBLIGATION, "applies_to_phase", "write the phase in `property`"),
    old(OBLIGATION, "parent_contract", "write that contract's id in `metadata.depends_on`"),
    old(OBLIGATION, "name", "write it in `id` or in `property`"),
    old(OBLIGATION, "discharge_status", COMPUTED),
    renamed(OBLIGATION, "statement", "property"),
    renamed(OBLIGATION, "verification", "formal"),
    old(TEST, "test", "delete it: the `falsifier` is what is executed"),
    old(TEST, "test_harness", "delete it: the `falsifier` is what is executed"),
    old(TEST, "command", "delete it: the `falsifier` is what is executed"),
    old(TEST, "harness", "delete it: the `falsifier` is what is executed"),
    renamed(TEST, "description", "rule"),
    renamed(TEST, "expected", "prediction"),
    renamed(TEST, "fails_if", "if_fails"),
    renamed(TEST, "binds_to", "obligation"),
    renamed(TEST, "discharges", "obligation"),
    old(TEST, "name", "write it in `rule`"),
    old(TEST, "algorithm_evidence", COMPUTED),
    old(TEST, "discharge_status", COMPUTED),
    old(TEST, "discharged_evidence", COMPUTED),
    old(TEST, "evidence", COMPUTED),
    old(TEST, "severity", "write `ship_blocking: true` or `false`"),
    old(TEST, "counter_example", "write a mutant that behaves so, and name it in `kills`"),
    old(TEST, "threshold", "write it as `tolerance`, with a unit"),
    old(TEST, "where", "write `lanes`: cpu, simt, cuda"),
    old(TEST, "note", "write it as a comment, or in `if_fails`"),
    old(TEST, "rationale", "write it as a comment, or in `because` of the tolerance"),
    old(GATE, "falsification", "name the claim that attacks the gate in `checks`"),
    old(GATE, "threshold", "write a `tolerance` at each claim: it is the only place for one"),
    old(STAGE, "name", "write it in `description`"),
    old(STAGE, "evidence", COMPUTED),
    old(AMENDMENT, "kind", "write it in `description`"),
    old(AMENDMENT, "title", "write it in `description`"),
    old(AMENDMENT, "author", KNOWN_BY_COMMIT),
    renamed(AMENDMENT, "changes", "description"),
];

/// The entry of a key at a place.
pub(crate) fn key(pointer: &str, key: &str) -> Option<&'static Old> {
    let parts = || pointer.split('/');
    KEYS.iter().filter(|old| old.key == key).find(|old| {
        old.place.split('/').count() == parts().count()
            && old.place.split('/').zip(parts()).all(|(place, part)| place == "*" || place == part)
    })
}

/// What to write instead of a word that the older language had for `metadata.kind` or the type of an obligation.
pub(crate) fn word(pointer: &str, word: &str) -> Option<&'static str> {
    const CHOOSE: &str = "write kernel for one op, model for one architecture, engine for everything else";
    if pointer == "/metadata/kind" {
        return match word {
            "model-family" | "model-family-variant" => Some("write model"),
            "registry"
            | "tokenizer"
            | "training-loop"
            | "pretraining-corpus"
            | "training-precondition-gate"
            | "corpus-assembly"
            | "pattern"
            | "schema"
            | "kaizen"
            | "beat-benchmark" => Some(CHOOSE),
            _ => None,
        };
    }
    if !(pointer.starts_with("/proof_obligations/") && pointer.ends_with("/type")) {
        return None;
    }
    match word {
        "associativity" | "involution" | "classification" | "independence" | "frame" | "precondition"
        | "postcondition" | "loop_invariant" | "loop_variant" | "old_state" | "subcontract"
        | "state_machine" => Some("write invariant, and the condition in `property`"),
        "liveness" | "termination" => Some("write bound, and in `property` after how many steps it ends"),
        _ => None,
    }
}

/// Keys under which the older language wrote what is to be tested, as prose or as a line of shell.
pub(crate) const PROSE: &[&str] = &["test", "test_harness", "command", "harness"];

/// What is wrong with a test that is no falsifier, in a few words.
pub(crate) fn not_executed(test: &Value) -> &'static str {
    let text = test.as_str().unwrap_or_default();
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let code = || lines().filter(|line| !line.starts_with('#'));
    let first = code().next().unwrap_or_default();
    let word = first.split_whitespace().next().unwrap_or_default();
    let has = |command: &str| code().any(|line| line.split(['|', ';', '&', ' ']).any(|part| part == command));
    if text.trim().is_empty() {
        "nothing is nothing that can be executed"
    } else if first.is_empty() {
        "comments do nothing, and a shell that runs them is content"
    } else if text.contains("cargo test") || text.contains("cargo nextest") {
        "a test filter that matches nothing succeeds, so the test may be gone"
    } else if has("grep") || has("rg") {
        "a word that is found in a file shows nothing about what is computed"
    } else if text.contains("test -f") || text.contains("[ -f") || text.contains("test -e") {
        "a file that exists shows nothing about what is computed"
    } else if matches!(
        word,
        "bash" | "sh" | "python" | "python3" | "uv" | "make" | "apr" | "pv" | "cargo" | "curl" | "jq"
    ) || word.starts_with("./")
        || first.contains(" && ")
    {
        "a command's exit code says neither what was compared nor how much"
    } else if !first.contains(' ') && (first.contains("::") || first.contains('_')) {
        "the name of a function is nothing that can be executed"
    } else {
        "prose is nothing that can be executed"
    }
}

/// Words that each kind is usually described with. The first kind with the most hits is suggested.
const WORDS: &[(&str, &[&str])] = &[
    ("finiteness", &["nan", "inf", "infinite", "infinity", "finite", "overflow"]),
    (
        "weights_consumed",
        &[
            "weight",
            "weights",
            "tensor",
            "tensors",
            "checkpoint",
            "unread",
            "unused",
            "loaded",
            "bias",
            "biases",
        ],
    ),
    ("prefill_equals_decode", &["prefill", "decode", "chunk", "chunks", "chunked", "cache", "incremental"]),
    (
        "determinism",
        &[
            "deterministic",
            "determinism",
            "bitwise",
            "repeat",
            "repeats",
            "repeated",
            "threads",
            "reproducible",
        ],
    ),
    (
        "golden_output",
        &[
            "greedy",
            "generate",
            "generates",
            "generated",
            "generation",
            "chat",
            "template",
            "completion",
            "text",
        ],
    ),
    ("loss_bound", &["loss", "perplexity", "entropy", "nats"]),
    (
        "oracle_parity",
        &[
            "parity",
            "oracle",
            "reference",
            "transformers",
            "huggingface",
            "logits",
            "stage",
            "layer",
            "cosine",
            "matches",
            "equals",
        ],
    ),
];

/// The kind that the words of a claim are nearest to, if any.
pub(crate) fn kind_by_words(test: &Value) -> Option<&'static str> {
    let mut text = String::new();
    for key in ["rule", "description", "prediction", "expected", "test", "test_harness", "command"] {
        // Writing to a string cannot fail.
        let _ = write!(text, " {}", test.get(key).and_then(Value::as_str).unwrap_or_default());
    }
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
    let hits = |of: &[&str]| words.iter().filter(|word| of.contains(word)).count();
    let mut best = (0, None);
    for (kind, of) in WORDS {
        let hits = hits(of);
        if hits > best.0 {
            best = (hits, Some(*kind));
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_are_known_at_their_place_only() {
        assert_eq!(key("", "kani_harnesses").map(|old| old.place), Some(TOP));
        assert_eq!(key("/falsification_tests/3", "expected").and_then(|old| old.now), Some("prediction"));
        assert_eq!(key("/equations/softmax", "lean_theorem").map(|old| old.place), Some(EQUATION));
        assert!(key("/metadata", "kani_harnesses").is_none());
        assert!(key("/falsification_tests/3/falsifier", "test").is_none());
    }

    #[test]
    fn every_key_says_what_to_write() {
        for (index, old) in KEYS.iter().enumerate() {
            assert_eq!(old.instead.is_empty(), old.now.is_some(), "{}", old.key);
            assert!(!old.instead.ends_with('.'), "{}", old.key);
            let again = KEYS[..index].iter().any(|other| (other.place, other.key) == (old.place, old.key));
            assert!(!again, "{} is listed twice", old.key);
        }
    }

    #[test]
    fn no_key_of_today_is_called_old() {
        let schema: Value = serde_json::from_str(crate::schema::CONTRACT).unwrap();
        let definitions = [
            (TOP, ""),
            (METADATA, "/$defs/Metadata"),
            (EQUATION, "/$defs/Equation"),
            (OBLIGATION, "/$defs/ProofObligation"),
            (TEST, "/$defs/FalsificationTest"),
            (GATE, "/$defs/QaGate"),
            (STAGE, "/$defs/ImplementationStage"),
            (AMENDMENT, "/$defs/Amendment"),
        ];
        for old in KEYS {
            let (_, pointer) = definitions.iter().find(|(place, _)| *place == old.place).unwrap();
            let allowed = schema.pointer(&format!("{pointer}/properties")).unwrap();
            assert!(allowed.get(old.key).is_none(), "{} is a key of today", old.key);
            if let Some(now) = old.now {
                assert!(allowed.get(now).is_some(), "{now} is no key of today");
            }
        }
    }

    #[test]
    fn kinds_of_words_exist() {
        for (kind, words) in WORDS {
            assert!(crate::kinds::kind(kind).is_some(), "{kind}");
            assert!(!words.is_empty());
        }
        let guess = |rule: &str| kind_by_words(&json!({ "rule": rule }));
        assert_eq!(guess("No layer holds a NaN or an infinity"), Some("finiteness"));
        assert_eq!(guess("Chunked prefill equals decode"), Some("prefill_equals_decode"));
        assert_eq!(guess("The kernel is 2 times as fast"), None);
    }

    #[test]
    fn what_is_written_under_test_is_told_apart() {
        for (text, words) in [
            ("", "nothing is"),
            ("# cargo test later\n# TODO", "comments"),
            ("cargo test -p core softmax_sums", "a test filter"),
            ("! grep -q 'unwrap()' src/lib.rs", "a word that is found"),
            ("test -f models/tiny.gguf && echo ok", "a file that exists"),
            ("bash scripts/check.sh", "a command's exit code"),
            ("kernels::rope::tests::pairs", "the name of a function"),
            ("proptest over random rows: sums to one", "prose"),
            ("Compare with the reference.", "prose"),
        ] {
            assert!(not_executed(&json!(text)).starts_with(words), "{text}: {}", not_executed(&json!(text)));
        }
        assert!(not_executed(&json!(["a", "b"])).starts_with("nothing"));
    }
}
