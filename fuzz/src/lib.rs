//! One function for each parser of bytes that come from elsewhere. A function returns for every input, and panics
//! exactly where a promise of the parser is broken: that is what a fuzzer looks for.
//!
//! The targets under `targets/` hand them to libFuzzer; `falsifiers/tests/corpus` includes this file and replays the
//! checked-in corpus in every test run.

mod ptx;

pub use ptx::ptx;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use contracts::{Date, Loaded, Vocabulary};
use engine::chat::{ChatTemplate, Conversation};
use engine::formats::safetensors::SafetensorsFile;
use engine::tokenizer::{Specials, Tokenizer};
use evidence::report::table::Look;
use evidence::report::{self, Report};
use evidence::store::{self, KILLS_FILE, OUTCOMES_FILE, RUN_FILE};
use evidence::{Run, Today, trace_file};
use falsifiers::filter::{Facts, Filter};

/// What separates the files of one input that stands for a folder: this line.
pub const SEPARATOR: &[u8] = b"%%\n";

/// A folder that is gone when its owner is.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder can be made: set TMPDIR to a folder with room")
}

fn write(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a scratch file can be written");
}

/// The files of an input that stands for a folder.
fn files<const N: usize>(bytes: &[u8]) -> [&[u8]; N] {
    let mut rest = bytes;
    std::array::from_fn(|_| {
        let begins = |at: &usize| rest[*at..].starts_with(SEPARATOR) && (*at == 0 || rest[at - 1] == b'\n');
        let at = (0..rest.len()).find(begins).unwrap_or(rest.len());
        let file = &rest[..at];
        rest = rest.get(at + SEPARATOR.len()..).unwrap_or_default();
        file
    })
}

/// What the contracts of a corpus may refer to.
static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let mut vocabulary = falsifiers::vocabulary::vocabulary(Path::new("no-zoo"));
    vocabulary.models.push("qwen2-tiny".to_owned());
    vocabulary
});

fn lint(path: &Path) -> (Loaded, Vec<contracts::Finding>) {
    let loaded = contracts::load(&[path.to_owned()]);
    let today = Date::new(2026, 1, 31).expect("the day of every input exists");
    let findings = contracts::lint(&loaded, &VOCABULARY, today);
    (loaded, findings)
}

/// The contract parser, the schema, the linter and fixes. The first byte says what the file is: `g` a gate, `-` a
/// list of waivers, and everything else a contract.
pub fn contract(bytes: &[u8]) {
    let folder = folder();
    let name = match bytes.first() {
        Some(b'g') => "gates/gate.yaml",
        Some(b'-') => "waivers.yaml",
        _ => "contract.yaml",
    };
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().unwrap_or(folder.path())).expect("a scratch folder can be made");
    write(&path, bytes);

    let (loaded, findings) = lint(folder.path());
    assert_eq!(loaded.files.len(), 1, "one file is read as one file");
    let text = &loaded.files[0].text;
    for finding in &findings {
        let secondary = finding.secondary.iter().map(|other| &other.place);
        for place in std::iter::once(&finding.place).chain(secondary) {
            assert_eq!(place.file, 0);
            assert!(text.get(place.span.clone()).is_some(), "{:?} is no part of the text", place.span);
            assert!(place.line >= 1 && place.column >= 1, "{place:?}");
        }
        assert!(!finding.message.is_empty(), "{}: no message", finding.code);
        assert!(!finding.message.contains('\n'), "{}: a message of two lines", finding.code);
    }
    let typed = loaded.contracts.len() + loaded.gates.len() + loaded.waivers.len();
    let empty_list = contracts::parse::document(text).is_ok_and(|all| all.value == serde_json::json!([]));
    assert!(typed > 0 || !findings.is_empty() || empty_list, "the file vanished without a finding");

    let fixes: Vec<&contracts::Fix> = findings.iter().filter_map(|finding| finding.fix.as_ref()).collect();
    let (fixed, applied) = contracts::fix::apply(text, &fixes);
    assert_eq!(applied > 0, fixed != *text, "a fix that changes nothing, or a change without a fix");
    if applied > 0 && contracts::parse::document(text).is_ok() {
        assert!(contracts::parse::document(&fixed).is_ok(), "a fix broke the YAML: {fixed:?}");
    }
}

/// A filter expression, and what it lets through.
pub fn filter(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    let models = ["qwen2-tiny".to_owned()];
    let kills = ["rmsnorm@eps-1e-5".to_owned()];
    let facts = Facts {
        id: "FALSIFY-QWEN2-001",
        kind: "oracle_parity",
        models: &models,
        contract: "qwen2",
        tier: "ci",
        lane: "cpu",
        kills: &kills,
    };
    let Ok(filter) = Filter::parse(source) else { return };
    let lets_through = filter.matches(&facts);
    let negated = Filter::parse(&format!("!({source})"));
    if let Ok(negated) = negated {
        assert_ne!(lets_through, negated.matches(&facts), "neither it nor its negation");
    }
}

/// The record reader and everything that shows what was read. The three files of a run, in the order `run.json`,
/// `outcomes.jsonl`, `kills.jsonl`.
pub fn record(bytes: &[u8]) {
    let [run, outcomes, kills] = files::<3>(bytes);
    // The folder has the name that the record asks for, where that can be one; otherwise every input that touches the
    // id would end there.
    let named = serde_json::from_slice::<serde_json::Value>(run).ok();
    let id = named.as_ref().and_then(|run| run.get("run_id")?.as_str());
    let id = id.filter(|id| id.parse::<evidence::RunId>().is_ok()).unwrap_or("20260131T000000-nocommit-0000");

    let runs = folder();
    let path = runs.path().join(id);
    fs::create_dir(&path).expect("a scratch folder can be made");
    for (name, content) in [(RUN_FILE, run), (OUTCOMES_FILE, outcomes), (KILLS_FILE, kills)] {
        write(&path.join(name), content);
    }
    let read = store::read_all(runs.path()).expect("the scratch folder can be listed");
    assert_eq!(read.runs.len() + read.unreadable.len(), 1, "a run is read or refused");
    for error in &read.unreadable {
        let said = error.to_string();
        assert!(plain(&said) && !said.contains('\n'), "{error:?}");
    }
    let Some(run) = read.runs.first() else { return };

    assert_eq!(run.contradiction(), None, "a run that contradicts itself was read");
    let text = serde_json::to_string(run).expect("what was read can be written");
    let again: Run = serde_json::from_str(&text).expect("what was written can be read");
    assert_eq!(&again, run, "a run does not survive being written");
    show(&Report::of_run(run));

    let gates = gates(run);
    let today = Today::default();
    let gates = gates.iter().map(|gate| evidence::evaluate(gate, &read.runs, &today)).collect::<Vec<_>>();
    // Nothing that a record says can make today's empty tree, with no contract in it, pass.
    assert!(gates.iter().all(|gate| !gate.passed), "a gate passed without a contract");
    show(&Report::of_gates(gates, &read.runs, &read.unreadable));
}

/// A gate over every claim that a run names.
fn gates(run: &Run) -> Vec<contracts::Gate> {
    let claims = serde_json::to_value(&run.record.claims_selected).unwrap_or_default();
    let gate = serde_json::json!({
        "gate": "every-claim", "title": "Every claim", "claims": claims, "lanes": ["cpu"],
        "requires": {"level": "algorithm"},
    });
    serde_json::from_value(gate).into_iter().collect()
}

/// Renders a report in every format.
fn show(report: &Report) {
    for width in [0, 80, 200] {
        let table = report::table::render(report, Look { width, colour: false });
        assert!(plain(&table), "a control character reaches the terminal: {table:?}");
    }
    assert!(plain(&report::markdown::render(report)), "a control character reaches Markdown");
    let json = report::json::render(report).expect("a report can be written");
    let read = report::json::read(&json).expect("a report can be read");
    assert_eq!(&read, report, "a report does not survive being written");
}

/// Whether a text can be shown: nothing in it acts on a terminal but the end of a line.
fn plain(text: &str) -> bool {
    !text.chars().any(|c| c != '\n' && contracts::shown::acts(c))
}

/// The trace reader: `trace.json`, then the payload.
pub fn trace(bytes: &[u8]) {
    let [json, payload] = files::<2>(bytes);
    let folder = folder();
    write(&folder.path().join(trace_file::TRACE_FILE), json);
    write(&folder.path().join(trace_file::PAYLOAD_FILE), payload);
    if let Ok(trace) = trace_file::read(folder.path()) {
        for stage in &trace.stages {
            let _ = stage.elements();
        }
    }
    if let Ok(tensors) = trace_file::read_payload(folder.path()) {
        for tensor in tensors.values() {
            assert_eq!(
                tensor.shape.iter().product::<usize>(),
                tensor.data.len(),
                "a shape that does not fit"
            );
        }
    }
}

/// The reader of weights.
pub fn safetensors(bytes: &[u8]) {
    let folder = folder();
    let path = folder.path().join("model.safetensors");
    write(&path, bytes);
    let Ok(file) = SafetensorsFile::open(&path) else { return };
    for tensor in file.tensors() {
        if let Ok(values) = tensor.floats::<f32>() {
            assert_eq!(values.len(), tensor.shape.iter().product::<usize>(), "{}", tensor.name);
        }
        let _ = tensor.integers();
    }
}

/// `config.json` of a model.
pub fn config(bytes: &[u8]) {
    let folder = folder();
    write(&folder.path().join("config.json"), bytes);
    if let Err(error) = engine::models::configure(folder.path(), &kernels::seam::Seam::empty()) {
        assert!(!error.to_string().is_empty());
    }
}

/// A chat template: it is a program of a stranger, and ends.
pub fn chat(bytes: &[u8]) {
    let Ok(source) = std::str::from_utf8(bytes) else { return };
    let file = PathBuf::from("chat_template.jinja");
    let Ok(template) = ChatTemplate::from_source(&file, source) else { return };
    let conversation = Conversation::new([("system", "s"), ("user", "hello"), ("assistant", "a")]);
    let _ = template.render(&conversation);
}

/// `tokenizer.json` of a model.
pub fn tokenizer(bytes: &[u8]) {
    let folder = folder();
    write(&folder.path().join("tokenizer.json"), bytes);
    let Ok(tokenizer) = Tokenizer::open(folder.path()) else { return };
    if let Ok(ids) = tokenizer.encode("def fib(n):\n    return é <|im_start|>") {
        let _ = tokenizer.decode(&ids, Specials::Keep);
    }
}
