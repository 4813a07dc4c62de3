//! Files that are not what their names say, and values made to hurt: refused by name, in bounded memory and time.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use crate::common::{Done, Place, claim, gate, parity};

/// Kibibytes of address space: a reader that believed a file's size, or expanded an alias, would need more.
const MEMORY: &str = "2000000";
/// Seconds after which a command counts as hanging. The slowest takes about one.
const PATIENCE: &str = "60";

/// `pv`, ended where it takes too much of either.
pub(crate) fn bounded(place: &Place, arguments: &[&str]) -> Done {
    let script = format!("ulimit -v {MEMORY}; exec timeout {PATIENCE} \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_pv")]).args(arguments);
    place.inside(&mut command);
    Done::of(command.output().unwrap())
}

pub(crate) fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A file of this size without so many bytes on disk.
pub(crate) fn sparse(path: &Path, bytes: u64) {
    fs::File::create(path).unwrap().set_len(bytes).unwrap();
}

/// Opens `"a":` objects so deep, and closes them.
pub(crate) fn nested(depth: usize) -> String {
    format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth))
}

type Build = fn(&Path);

/// What a contract can be instead of one, the exit code, and what must be said about it.
const CONTRACTS: &[(&str, Build, i32, &str)] = &[
    (
        "not UTF-8",
        |path| fs::write(path, b"metadata: {id: \xff}\n").unwrap(),
        3,
        "not UTF-8: byte 15, in line 1",
    ),
    ("a folder", |path| fs::create_dir(path).unwrap(), 4, "is a folder, and is named as a file"),
    ("a pipe", fifo, 3, "not a file"),
    ("a device", |path| symlink("/dev/zero", path).unwrap(), 3, "not a file"),
    ("a link to itself", |path| symlink(path, path).unwrap(), 3, "too many levels of symbolic links"),
    ("a link to nowhere", |path| symlink("nowhere", path).unwrap(), 3, "mend the link"),
    ("100 MB", |path| sparse(path, 100_000_000), 1, "larger than the limit of 16 MiB"),
    ("empty", |path| fs::write(path, "").unwrap(), 1, "write a contract, or delete the file"),
    ("aliases of aliases", |path| write(path, &laughs("[", "]")), 1, "anchors and aliases are not supported"),
    (
        "aliases in mappings",
        |path| write(path, &laughs("{x: ", "}")),
        1,
        "anchors and aliases are not supported",
    ),
    ("merged keys", |path| write(path, "a: &a {x: 1}\nb: {<<: [*a, *a, *a]}\n"), 1, "anchors and aliases"),
    ("an anchor of itself", |path| write(path, "a: &a [*a]\n"), 1, "anchors and aliases"),
    ("deep lists", |path| write(path, &"[".repeat(100_000)), 1, "PV00"),
    ("deep lists, closed", |path| write(path, &(("[".repeat(100_000)) + &"]".repeat(100_000))), 1, "PV00"),
    ("deep mappings", |path| write(path, &"{a: ".repeat(100_000)), 1, "PV00"),
    ("deep dashes", |path| write(path, &"- ".repeat(100_000)), 1, "nested more than 128 levels deep"),
    ("deep keys", |path| write(path, &"? ".repeat(100_000)), 1, "PV00"),
    (
        "deep anchors",
        |path| write(path, &(0..100_000).map(|at| format!("&a{at} [")).collect::<String>()),
        1,
        "PV00",
    ),
    (
        "deep blocks",
        |path| write(path, &(0..5_000).map(|at| format!("{:at$}a:\n", "")).collect::<String>()),
        1,
        "PV00",
    ),
];

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

/// Twenty-six lists, each of nine times the one before: written out they are 9^26 words.
fn laughs(open: &str, close: &str) -> String {
    let mut text = format!("a: &a {open}lol{close}\n");
    for (previous, this) in ('a'..='y').zip('b'..='z') {
        let nine = vec![format!("{open}*{previous}{close}"); 9].join(", ");
        text.push_str(&format!("{this}: &{this} [{nine}]\n"));
    }
    text
}

#[test]
fn a_file_that_is_no_contract_is_named_and_hides_no_other() {
    for (what, build, code, words) in CONTRACTS {
        let place = Place::new(&[]);
        build(&place.path("contracts/hostile.yaml"));
        let done = bounded(&place, &["validate", "--zoo", "zoo"]);
        assert_eq!(done.code, Some(*code), "{what}: {done:#?}");
        done.says(*code, &["hostile.yaml", words]);
        assert!(done.out.len() < 4000, "{what}: {} bytes are said", done.out.len());

        // Beside a good one: both are looked at, and nothing runs.
        fs::write(place.path("contracts/tiny.yaml"), parity("1.0e-5")).unwrap();
        bounded(&place, &["validate", "--zoo", "zoo"])
            .says(if *code == 4 { 3 } else { *code }, &["1 claim", words]);
        let ran = bounded(&place, &["run", "--zoo", "zoo"]);
        assert!(matches!(ran.code, Some(1 | 3)), "{what}: {ran:#?}");
        assert!(place.runs().is_empty(), "{what}: something ran");
    }
}

#[test]
fn a_folder_that_links_to_itself_is_walked_once() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    symlink(".", place.path("contracts/loop")).unwrap();
    symlink("..", place.path("contracts/up")).unwrap();
    bounded(&place, &["validate", "--zoo", "zoo"]).says(0, &["checked 1 file: 1 contract"]);
}

#[test]
fn a_model_of_pipes_devices_and_nesting_ends_no_claim_well() {
    let damage: &[(&str, Build)] = &[
        ("a pipe", fifo),
        ("a device", |path| symlink("/dev/zero", path).unwrap()),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a link to itself", |path| symlink(path, path).unwrap()),
        ("nested", |path| fs::write(path, nested(100_000)).unwrap()),
        ("100 MB", |path| sparse(path, 100_000_000)),
        ("empty", |path| fs::write(path, "").unwrap()),
    ];
    for file in ["config.json", "model.safetensors", "goldens.safetensors"] {
        for (what, build) in damage {
            let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
            let path = place.path("zoo/micro/qwen3-dense").join(file);
            fs::remove_file(&path).unwrap();
            build(&path);
            let done = bounded(&place, &["run", "--zoo", "zoo"]);
            assert!(matches!(done.code, Some(1 | 3 | 5)), "{file} is {what}: {done:#?}");
            let named = done.out.contains("TINY-001") || done.err.contains("micro/qwen3-dense");
            assert!(named, "{file} is {what}: {done:#?}");
            assert!(!done.out.contains("1 of 1 survived"), "{file} is {what}: {done:#?}");
        }
    }
}

#[test]
fn a_damaged_record_is_refused_by_name_and_counts_for_nothing() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5")), ("gates/tiny-ready.yaml", gate())]);
    place.run(&[]).says(0, &[]);
    let folder = place.runs().remove(0);
    let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let damage: &[(&str, Build)] = &[
        ("a pipe", fifo),
        ("a device", |path| symlink("/dev/zero", path).unwrap()),
        ("a folder", |path| fs::create_dir(path).unwrap()),
        ("a link to itself", |path| symlink(path, path).unwrap()),
        ("nested", |path| fs::write(path, nested(100_000) + "\n").unwrap()),
        ("nested lists", |path| fs::write(path, "[".repeat(100_000) + "\n").unwrap()),
        ("too large", |path| sparse(path, 300_000_000)),
        ("not UTF-8", |path| fs::write(path, b"\"\xff\"\n").unwrap()),
        ("cut off", |path| fs::write(path, "{").unwrap()),
        ("missing", |_| ()),
    ];
    for file in ["run.json", "outcomes.jsonl", "kills.jsonl"] {
        for (what, build) in damage {
            let path = folder.join(file);
            let good = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            build(&path);
            let one = bounded(&place, &["report", "--run", &id]);
            assert_eq!(one.code, Some(3), "{file} is {what}: {one:#?}");
            assert!(one.err.contains(&id), "{file} is {what}: {one:#?}");
            let gates = bounded(&place, &["report", "--zoo", "zoo"]);
            gates.says(5, &["NOT PASSED", "could not be read"]);
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
            fs::write(&path, good).unwrap();
        }
    }
    bounded(&place, &["report", "--run", &id]).says(0, &["TINY-001"]);
}

#[test]
fn a_run_is_asked_for_by_its_id_or_its_folder() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    place.run(&["--out", "elsewhere"]).says(0, &[]);
    place.run(&[]).says(0, &[]);
    let folder = fs::read_dir(place.path("elsewhere")).unwrap().next().unwrap().unwrap().path();
    let id = folder.file_name().unwrap().to_str().unwrap();
    let whole = folder.to_str().unwrap();
    for asked in ["", &format!("../elsewhere/{id}"), &format!("./{id}"), "a/b", "..partial"] {
        place.pv(&["report", "--run", asked]).says(2, &["is not the id of a run"]);
    }
    for asked in [".", "..", "contracts"] {
        place.pv(&["report", "--run", asked]).says(3, &["holds no run.json"]);
    }
    place.pv(&["report", "--run", whole]).says(0, &["TINY-001"]);
    place.pv(&["report", "--run", id]).says(3, &["cannot read", id]);
    place.pv(&["report", "--run", id, "--runs", "elsewhere"]).says(0, &["TINY-001"]);
}

/// Turns text red, moves the cursor, ends a string, and turns the reading direction.
const ACTING: &str = "\\e[31mX\\e[2K\\u0007\\u0085\\u009b1A\\r\\u202e";

#[test]
fn nothing_in_a_contract_or_a_record_reaches_the_terminal_as_a_command() {
    let contract = parity("1.0e-30")
        .replace("id: tiny", &format!("id: \"tiny{ACTING}\""))
        .replace("id: TINY-001", &format!("id: \"TINY-001{ACTING}\""))
        .replace("rule: The", &format!("rule: \"{ACTING}\"\n    rules: The"));
    let place = Place::new(&[("bad\u{1b}[31m.yaml", contract.clone())]);
    let held = |done: Done, must: &str| {
        let plain = |text: &str| !text.chars().any(|c| c != '\n' && contracts::shown::acts(c));
        assert!(plain(&done.out) && plain(&done.err), "{done:#?}");
        assert!(done.out.contains(must) || done.err.contains(must), "{done:#?}");
        done
    };
    for format in ["full", "concise", "json"] {
        held(place.pv(&["validate", "--zoo", "zoo", "--format", format]), "rules");
    }
    held(place.pv(&["explain", "no\u{1b}[31m", "--zoo", "zoo"]), "no");

    let good = contract.replace("\n    rules: The reference is right.", "");
    let gate = gate().replace("TINY-001", &format!("\"TINY-001{ACTING}\""));
    let place = Place::new(&[("bad.yaml", good), ("gates/tiny-ready.yaml", gate)]);
    for what in ["claims", "gates"] {
        held(place.pv(&["list", what, "--zoo", "zoo"]), "");
        let json = held(place.pv(&["list", what, "--zoo", "zoo", "--json"]), "");
        serde_json::from_str::<serde_json::Value>(&json.out).unwrap();
    }
    let ran = held(place.run(&[]), "FALSIFIED");
    assert_eq!(ran.code, Some(1), "{ran:#?}");
    let id = place.runs()[0].file_name().unwrap().to_str().unwrap().to_owned();
    for format in ["table", "md"] {
        held(place.pv(&["report", "--run", &id, "--format", format]), "FALSIFIED");
    }
    held(place.pv(&["report", "--zoo", "zoo"]), "NOT PASSED");
    let json = place.pv(&["report", "--run", &id, "--format", "json"]);
    serde_json::from_str::<serde_json::Value>(&json.out).unwrap();
}

#[test]
fn what_is_as_long_as_a_file_is_not_said_at_that_length() {
    let long = "v".repeat(1_000_000);
    let texts = [
        format!("metadata: {{id: {long}, version: 1.0.0, title: t, kind: model}}\n"),
        format!("metadata: {{id: a, version: 1.0.0, title: t, kind: model, {long}: 1}}\n"),
        format!("metadata: {{id: a, version: {long}, title: t, kind: {long}}}\n"),
        claim(&format!("{long}: {{model: a}}"), "", "m"),
        claim(&format!("finiteness: {{model: {long}, prompts: [short]}}"), "", &long),
        format!("a: {long}\na: 1\n"),
        format!("\"{long}"),
        long.clone(),
    ];
    for text in &texts {
        let place = Place::new(&[("long.yaml", text.clone())]);
        for format in ["full", "concise"] {
            let done = bounded(&place, &["validate", "--zoo", "zoo", "--format", format]);
            done.says(1, &["long.yaml"]);
            assert!(done.out.len() < 12_000, "{} bytes for {}", done.out.len(), &text[..40]);
        }
    }
}

#[test]
fn numbers_beyond_their_types_are_usage_errors_or_findings() {
    let place = Place::new(&[("tiny.yaml", parity("1.0e-5"))]);
    for seed in ["18446744073709551616", "-1", "1e3", "NaN", ""] {
        assert_eq!(place.run(&[&format!("--seed={seed}")]).code, Some(2), "{seed}");
    }
    place.run(&["--seed", "18446744073709551615"]).says(0, &["seed 18446744073709551615"]);
    for max in ["1.0e400", "-1.0e-5", ".inf", "-.inf", ".nan", "1e-5x", "\"\"", "null", "[1]"] {
        let place = Place::new(&[("tiny.yaml", parity(max))]);
        place.run(&[]).says(1, &["pv validate"]);
        assert!(place.runs().is_empty(), "{max}");
    }
}
