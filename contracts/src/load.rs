//! Folders to files to contracts. Files are read in parallel, and none hides what is wrong in another.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::finding::{Finding, Place};
use crate::fix::Fix;
use crate::gates::Gate;
use crate::lint::{
    DUPLICATE_KEY, Rule, SCHEMA_VIOLATION, STALE_EVIDENCE, TOO_LARGE, UNREADABLE_INPUT, UNSUPPORTED_YAML,
    YAML_SYNTAX,
};
use crate::model::Contract;
use crate::parse::{self, Document, MAX_BYTES, ParseError};
use crate::partial::{self, Fault, Partial};
use crate::schema;
use crate::span::{LineIndex, Node, Span, Step};
use crate::waivers::{Waiver, Waivers};

/// Everything that was read, and everything that was wrong with it so far.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Every file that was found, in the order of their paths, readable or not.
    pub files: Vec<SourceFile>,
    /// The contracts that hold to the schema.
    pub contracts: Vec<LoadedContract>,
    /// The gates that hold to the schema.
    pub gates: Vec<LoadedGate>,
    /// The waivers that hold to the schema.
    pub waivers: Vec<LoadedWaiver>,
    /// What reading found. The rules of [`crate::lint()`] add to it.
    pub findings: Vec<Finding>,
    /// Ids that are declared in files that violate the schema, so that references to them do not
    /// count as dangling too.
    pub(crate) broken_ids: HashSet<String>,
    /// What can be read of contracts that violate the schema, so that one mistake hides no other.
    pub(crate) partial: Vec<Partial>,
}

/// One file.
#[derive(Debug)]
pub struct SourceFile {
    /// The path as it was found.
    pub path: Arc<Path>,
    /// What kind of file its place makes it.
    pub kind: FileKind,
    /// The text; empty where it could not be read.
    pub text: String,
    /// The BLAKE3 digest of the bytes, in hexadecimal; empty where they could not be read.
    pub digest: String,
    /// Where everything is written, if the text is YAML.
    pub tree: Option<Node>,
    lines: OnceLock<LineIndex>,
}

/// What a file holds. Its place decides, so that a misspelled key cannot change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A contract.
    Contract,
    /// A ship gate: every file in a folder named `gates`.
    Gate,
    /// The waivers: a file named `waivers.yaml`.
    Waivers,
}

impl FileKind {
    /// The kind of the file at this path.
    pub fn of(path: &Path) -> FileKind {
        let in_gates = path.parent().and_then(Path::file_name).is_some_and(|name| name == "gates");
        let is_waivers = path.file_stem().is_some_and(|name| name == "waivers");
        match (is_waivers, in_gates) {
            (true, _) => FileKind::Waivers,
            (_, true) => FileKind::Gate,
            _ => FileKind::Contract,
        }
    }
}

/// One contract and where it comes from.
#[derive(Debug, Clone)]
pub struct LoadedContract {
    /// The index in [`Loaded::files`].
    pub file: usize,
    /// The BLAKE3 digest of the file's bytes, in hexadecimal.
    pub digest: String,
    /// What it says.
    pub contract: Contract,
}

/// One gate and where it comes from.
#[derive(Debug, Clone)]
pub struct LoadedGate {
    /// The index in [`Loaded::files`].
    pub file: usize,
    /// The BLAKE3 digest of the file's bytes, in hexadecimal.
    pub digest: String,
    /// What it says.
    pub gate: Gate,
}

/// One waiver and where it comes from.
#[derive(Debug, Clone)]
pub struct LoadedWaiver {
    /// The index in [`Loaded::files`].
    pub file: usize,
    /// The index in the list of that file.
    pub index: usize,
    /// What it says.
    pub waiver: Waiver,
}

impl SourceFile {
    fn unread(path: &Path) -> SourceFile {
        SourceFile {
            path: path.into(),
            kind: FileKind::of(path),
            text: String::new(),
            digest: String::new(),
            tree: None,
            lines: OnceLock::new(),
        }
    }

    /// A contract made of a text, for tests.
    #[cfg(test)]
    pub(crate) fn of_text(text: &str) -> SourceFile {
        let tree = parse::document(text).ok().map(|document| document.tree);
        SourceFile { text: text.to_owned(), tree, ..SourceFile::unread(Path::new("a.yaml")) }
    }

    /// The place of a span. `index` is that of this file in [`Loaded::files`].
    pub fn place(&self, index: usize, span: Span) -> Place {
        let lines = self.lines.get_or_init(|| LineIndex::new(&self.text));
        let (line, column) = lines.line_column(&self.text, span.start);
        Place { file: index, path: Arc::clone(&self.path), span: span.range(), line, column }
    }
}

impl Loaded {
    /// Where to point for the value at a path of a file.
    pub fn place(&self, file: usize, path: &[Step<'_>]) -> Place {
        self.place_by(file, |tree| tree.label_span(path))
    }

    /// Where the key at a path of a file is written.
    pub fn key_place(&self, file: usize, path: &[Step<'_>]) -> Place {
        self.place_by(file, |tree| tree.key_span(path))
    }

    fn place_by(&self, file: usize, span: impl Fn(&Node) -> Span) -> Place {
        match self.files.get(file) {
            Some(source) => source.place(file, source.tree.as_ref().map(span).unwrap_or_default()),
            None => SourceFile::unread(Path::new("")).place(file, Span::default()),
        }
    }

    /// Where the id of a claim is written. `contract` is an index in [`Loaded::contracts`].
    pub fn claim_place(&self, contract: usize, test: usize) -> Option<Place> {
        let file = self.contracts.get(contract)?.file;
        Some(self.place(file, &["falsification_tests".into(), test.into(), "id".into()]))
    }

    /// The exit code that these findings call for: 0 nothing, 1 errors, 3 input that cannot be read, 4 folders that
    /// were read and hold nothing.
    pub fn exit_code(&self, findings: &[Finding], deny_warnings: bool) -> i32 {
        use crate::finding::Severity;
        let limit = if deny_warnings { Severity::Warning } else { Severity::Error };
        if findings.iter().any(Finding::is_unreadable) {
            // What is recorded here and is a folder was named, walked, and found to hold no contract.
            if self.files.iter().all(|file| file.path.is_dir()) { 4 } else { 3 }
        } else {
            // Records that are stale say nothing about the contracts: they fail gates, and here they only warn.
            let stale = |finding: &Finding| finding.code == STALE_EVIDENCE.code;
            i32::from(findings.iter().any(|finding| finding.severity >= limit && !stale(finding)))
        }
    }
}

/// What one file turned out to be.
enum Content {
    Contract(Contract),
    Gate(Gate),
    Waivers(Vec<Waiver>),
    Partial(Box<Contract>, Vec<usize>),
    Nothing,
}

struct FileResult {
    source: SourceFile,
    content: Content,
    findings: Vec<Finding>,
    broken_ids: Vec<String>,
}

/// Reads every contract, gate, and waiver in these files and folders. Never fails as a whole: what is
/// wrong is in [`Loaded::findings`].
pub fn load(paths: &[PathBuf]) -> Loaded {
    let mut walk = Walk::default();
    for path in paths {
        walk.root(path);
    }
    let results: Vec<FileResult> =
        walk.found.par_iter().enumerate().map(|(index, found)| read(index, found)).collect();
    let mut loaded = Loaded::default();
    for (file, result) in results.into_iter().enumerate() {
        let digest = || result.source.digest.clone();
        match result.content {
            Content::Contract(contract) => {
                loaded.contracts.push(LoadedContract { file, digest: digest(), contract });
            }
            Content::Gate(gate) => loaded.gates.push(LoadedGate { file, digest: digest(), gate }),
            Content::Waivers(list) => {
                loaded.waivers.extend(list.into_iter().enumerate().map(|(index, waiver)| LoadedWaiver {
                    file,
                    index,
                    waiver,
                }))
            }
            Content::Partial(contract, indices) => {
                let contract = LoadedContract { file, digest: digest(), contract: *contract };
                loaded.partial.push(Partial { contract, indices });
            }
            Content::Nothing => {}
        }
        loaded.findings.extend(result.findings);
        loaded.broken_ids.extend(result.broken_ids);
        loaded.files.push(result.source);
    }
    loaded
}

/// One thing that the walk found: a file to read, or why there is none.
struct Found {
    path: PathBuf,
    problem: Option<(String, &'static str, String)>,
}

#[derive(Default)]
struct Walk {
    found: Vec<Found>,
    /// Canonical paths, so that a link to a folder above ends, and a file given twice is read once.
    seen: HashSet<PathBuf>,
}

impl Walk {
    fn problem(
        &mut self,
        path: &Path,
        message: impl Into<String>,
        label: &'static str,
        help: impl Into<String>,
    ) {
        let problem = Some((message.into(), label, help.into()));
        self.found.push(Found { path: path.to_owned(), problem });
    }

    fn first_visit(&mut self, path: &Path) -> bool {
        fs::canonicalize(path).map_or(true, |canonical| self.seen.insert(canonical))
    }

    /// A path that was asked for: it has to exist, and a folder has to hold something.
    fn root(&mut self, path: &Path) {
        let before = self.found.len();
        match fs::metadata(path) {
            Err(error) => {
                let message = format!("cannot read `{}`: {}", path.display(), reason(&error));
                self.problem(path, message, "", "name a contract, or a folder that holds contracts");
            }
            Ok(metadata) if metadata.is_dir() => {
                let visited = !self.seen.is_empty();
                self.folder(path);
                if self.found.len() == before && !(visited && self.already_read(path)) {
                    let message = format!("no contracts in `{}`", path.display());
                    self.problem(path, message, "", "name a folder that holds *.yaml files");
                }
            }
            Ok(_) => self.file(path),
        }
    }

    /// Whether a folder was walked as part of one that was named before.
    fn already_read(&self, path: &Path) -> bool {
        fs::canonicalize(path).is_ok_and(|folder| {
            self.seen.iter().any(|seen| seen.starts_with(&folder) && is_yaml(seen) && seen.is_file())
        })
    }

    fn folder(&mut self, folder: &Path) {
        if !self.first_visit(folder) {
            return;
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                let message = format!("cannot read the folder `{}`: {}", folder.display(), reason(&error));
                return self.problem(folder, message, "", "check its permissions");
            }
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            match fs::metadata(&path) {
                _ if hidden => {}
                Ok(metadata) if metadata.is_dir() && is_yaml(&path) => {
                    let message = format!("`{}` is a folder, and is named as a file", path.display());
                    self.problem(&path, message, "", "rename the folder, or put the file in its place");
                }
                Ok(metadata) if metadata.is_dir() => self.folder(&path),
                Ok(_) if is_yaml(&path) => self.file(&path),
                Err(error) if is_yaml(&path) => {
                    let message = format!("cannot read `{}`: {}", path.display(), reason(&error));
                    self.problem(&path, message, "", "mend the link, or delete it");
                }
                Ok(_) | Err(_) => {}
            }
        }
    }

    fn file(&mut self, path: &Path) {
        if self.first_visit(path) {
            self.found.push(Found { path: path.to_owned(), problem: None });
        }
    }
}

/// The words of an I/O error without the number that Rust appends.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// A finding about a file as it is read.
pub(crate) struct Report<'s> {
    pub(crate) index: usize,
    pub(crate) source: &'s SourceFile,
    pub(crate) findings: Vec<Finding>,
    /// Where the schema is violated, for [`partial::rest`].
    pub(crate) faults: Vec<Fault>,
}

impl Report<'_> {
    pub(crate) fn push(&mut self, rule: &Rule, span: Span, message: String, label: String, help: String) {
        self.push_about(rule, span, message, label, help, None);
    }

    pub(crate) fn push_about(
        &mut self,
        rule: &Rule,
        span: Span,
        message: String,
        label: String,
        help: String,
        subject: Option<String>,
    ) {
        let place = self.source.place(self.index, span);
        self.findings.push(rule.finding(place, message, label, help, subject));
    }

    /// Gives the last finding its fix.
    pub(crate) fn fix(&mut self, fix: Option<Fix>) {
        if let Some(finding) = self.findings.last_mut() {
            finding.fix = fix;
        }
    }
}

fn read(index: usize, found: &Found) -> FileResult {
    let source = SourceFile::unread(&found.path);
    let nothing = |source: SourceFile, findings| FileResult {
        source,
        content: Content::Nothing,
        findings,
        broken_ids: Vec::new(),
    };
    let failed = |source: SourceFile, rule: &Rule, message: String, label: &str, help: &str| {
        let place = source.place(index, Span::default());
        let finding = rule.finding(place, message, label.to_owned(), help.to_owned(), None);
        nothing(source, vec![finding])
    };
    if let Some((message, label, help)) = &found.problem {
        return failed(source, &UNREADABLE_INPUT, message.clone(), label, help);
    }
    let shown = found.path.display();
    let bytes = match bytes(&found.path) {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = format!("cannot read `{shown}`: {}", reason(&error));
            return failed(
                source,
                &UNREADABLE_INPUT,
                message,
                "",
                "check that it is a file and its permissions",
            );
        }
    };
    if bytes.len() > MAX_BYTES {
        let message = format!("`{shown}` is larger than the limit of {} MiB", MAX_BYTES >> 20);
        return failed(source, &TOO_LARGE, message, "", "split the contract into several files");
    }
    let digest = blake3::hash(&bytes).to_hex().to_string();
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = error.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
            let message = format!("`{shown}` is not UTF-8: byte {at}, in line {line}, begins no character");
            return failed(source, &UNREADABLE_INPUT, message, "", "save the file as UTF-8");
        }
    };
    let mut source = SourceFile { text, digest, ..source };
    let document = match parse::document(&source.text) {
        Ok(document) => document,
        Err(error) => {
            let findings = vec![parse_finding(index, &source, &error)];
            return nothing(source, findings);
        }
    };
    let Document { value, tree, not_finite } = document;
    source.tree = Some(tree);
    let (content, mut findings) = interpret(index, &source, &value, not_finite);
    let broken_ids = if matches!(content, Content::Nothing | Content::Partial(..)) {
        declared_ids(&value)
    } else {
        Vec::new()
    };
    findings.sort_by_key(|finding| finding.place.span.start);
    FileResult { source, content, findings, broken_ids }
}

/// At most one byte more than the limit, whatever the file claims to be.
fn bytes(path: &Path) -> std::io::Result<Vec<u8>> {
    // Opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    let file = fs::File::open(path)?;
    let expected = file.metadata()?.len().min(MAX_BYTES as u64 + 1) as usize;
    let mut bytes = Vec::with_capacity(expected + 1);
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn parse_finding(index: usize, source: &SourceFile, error: &ParseError) -> Finding {
    let place = source.place(index, error.span());
    let (rule, label, help): (&Rule, &str, &str) = match error {
        ParseError::Syntax { .. } => (&YAML_SYNTAX, "here", "mend the YAML; look at the line above as well"),
        ParseError::DuplicateKey { .. } => (&DUPLICATE_KEY, "given again", "delete one of the two"),
        ParseError::Unsupported { help, .. } => (&UNSUPPORTED_YAML, "here", help),
        ParseError::TooDeep { .. } => (&TOO_LARGE, "one level too many", "write it with fewer levels"),
        ParseError::TooLarge { .. } => (&TOO_LARGE, "", "split the contract into several files"),
        ParseError::Empty => (&SCHEMA_VIOLATION, "", "write a contract, or delete the file"),
    };
    let mut finding = rule.finding(place, error.to_string(), label.to_owned(), help.to_owned(), None);
    if let ParseError::DuplicateKey { first, .. } = error {
        let place = source.place(index, *first);
        finding.secondary.push(crate::finding::Secondary { place, label: "first given here".to_owned() });
    }
    finding
}

/// Holds the value to its schema, and gives it its type where it does.
fn interpret(
    index: usize,
    source: &SourceFile,
    value: &serde_json::Value,
    not_finite: bool,
) -> (Content, Vec<Finding>) {
    let mut report = Report { index, source, findings: Vec::new(), faults: Vec::new() };
    schema::check(source.kind, value, &mut report);
    if !report.findings.is_empty() {
        let rest = match source.kind {
            // Numbers that JSON does not have are stand-ins in the value, and a rule would judge the stand-in.
            FileKind::Contract if !not_finite => partial::rest(value, &report.faults),
            FileKind::Contract | FileKind::Gate | FileKind::Waivers => None,
        };
        let content = rest
            .map_or(Content::Nothing, |(contract, indices)| Content::Partial(Box::new(contract), indices));
        return (content, report.findings);
    }
    let typed = match source.kind {
        FileKind::Contract => parse::typed(value, not_finite, &source.text).map(Content::Contract),
        FileKind::Gate => parse::typed(value, not_finite, &source.text).map(Content::Gate),
        FileKind::Waivers => {
            parse::typed(value, not_finite, &source.text).map(|Waivers(list)| Content::Waivers(list))
        }
    };
    let content = typed.unwrap_or_else(|error| {
        // The schema is generated from the types, so this is a value that JSON Schema cannot refuse.
        let span = Span { start: error.byte, end: error.byte };
        let help = "correct the value".to_owned();
        report.push(&SCHEMA_VIOLATION, span, error.message.to_lowercase(), "here".to_owned(), help);
        Content::Nothing
    });
    (content, report.findings)
}

/// The ids that a file declares, as far as they can be seen although it violates the schema.
fn declared_ids(value: &serde_json::Value) -> Vec<String> {
    let id = |value: &serde_json::Value| value.get("id").and_then(|id| id.as_str()).map(str::to_owned);
    let tests = value.get("falsification_tests").and_then(|tests| tests.as_array());
    let claims = tests.into_iter().flatten().filter_map(id);
    value.get("metadata").and_then(id).into_iter().chain(claims).collect()
}
