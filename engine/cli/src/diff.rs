//! `apr diff`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use engine::trace::Tensor;
use evidence::trace_file::{self, Data, Payload, TraceError, TraceFile};
use evidence::{Exit, Real};
use falsifiers::compare::{Limit, compare, cosine, row_l2};
use kernels::real::Values;
use serde::Serialize;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use crate::args::Diff;
use crate::failure::Failure;
use crate::output::show;

#[derive(Serialize)]
struct Output {
    a: String,
    b: String,
    max_row_l2: f64,
    diverges: bool,
    /// The first stage that differs, in the order of execution.
    first_divergence: Option<String>,
    stages: Vec<Line>,
    only_in_a: Vec<String>,
    only_in_b: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    stage: String,
    diverges: bool,
    /// Worst row's relative error; absent where a trace has no payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    row_l2: Option<Real>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cosine: Option<Real>,
    /// What differs, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Compares two traces stage by stage.
pub(crate) fn run(args: &Diff) -> Result<Exit, Failure> {
    let (a, b) = (trace(&args.a)?, trace(&args.b)?);
    if a.token_ids != b.token_ids {
        return Err(Failure::Usage(format!(
            "{} and {} are traces of different tokens ({}); trace the same tokens twice",
            args.a.display(),
            args.b.display(),
            first_difference(&a.token_ids, &b.token_ids)
        )));
    }
    let (payload_a, payload_b) = (payload(&args.a)?, payload(&args.b)?);
    let output = output(args, &a, &b, payload_a.as_ref(), payload_b.as_ref())?;
    if output.stages.is_empty() {
        return Err(Failure::Nothing(
            "the traces have no stage in common, so nothing was compared; trace both with the same --stages"
                .to_owned(),
        ));
    }
    let exit = if output.diverges { Exit::Falsified } else { Exit::Survived };
    show(&if args.json { serde_json::to_string_pretty(&output)? + "\n" } else { table(&output) })?;
    Ok(exit)
}

fn trace(folder: &Path) -> Result<TraceFile, Failure> {
    if !folder.join(trace_file::TRACE_FILE).exists() {
        return Err(Failure::Input(format!(
            "{} holds no {}; pass a folder that `apr trace --out` has written",
            folder.display(),
            trace_file::TRACE_FILE
        )));
    }
    trace_file::read(folder).map_err(|error| of(folder, error))
}

/// Where two lists of tokens differ, in words.
fn first_difference(a: &[u32], b: &[u32]) -> String {
    match a.iter().zip(b).position(|(a, b)| a != b) {
        Some(at) => format!("token {at} is {} and {}", a[at], b[at]),
        None => format!("{} and {} of them", a.len(), b.len()),
    }
}

/// An error about a stage says by itself neither which of the two traces it is about, nor what to do.
fn of(folder: &Path, error: TraceError) -> Failure {
    let again = "make the trace again with `apr trace --out`";
    match error {
        TraceError::MissingStage { .. } | TraceError::UnknownStage { .. } => {
            Failure::Input(format!("{}: {error}", folder.display()))
        }
        TraceError::Stage { .. } | TraceError::DuplicateStage { .. } | TraceError::WrongDigest { .. } => {
            Failure::Input(format!("{}: {error}; {again}", folder.display()))
        }
        other => Failure::Trace(other),
    }
}

type Payloads = BTreeMap<String, Payload>;

fn payload(folder: &Path) -> Result<Option<Payloads>, Failure> {
    // A link that leads nowhere is there: it stands for a payload that was lost, and not for a trace without one.
    match folder.join(trace_file::PAYLOAD_FILE).symlink_metadata().is_ok() {
        true => Ok(Some(trace_file::read_payload(folder).map_err(|error| of(folder, error))?)),
        false => Ok(None),
    }
}

fn output(
    args: &Diff,
    a: &TraceFile,
    b: &TraceFile,
    payload_a: Option<&Payloads>,
    payload_b: Option<&Payloads>,
) -> Result<Output, Failure> {
    let in_b: BTreeMap<&str, _> = b.stages.iter().map(|stage| (stage.name.as_str(), stage)).collect();
    let mut stages = Vec::new();
    for stage in &a.stages {
        let Some(other) = in_b.get(stage.name.as_str()) else { continue };
        let values =
            payload_a.and_then(|p| p.get(&stage.name)).zip(payload_b.and_then(|p| p.get(&stage.name)));
        stages.push(match values {
            Some((truth, found)) => line(&stage.name, &tensor(truth), &tensor(found), args.max_row_l2),
            None if args.max_row_l2 > 0.0 => {
                return Err(Failure::Usage(format!(
                    "stage {} has no payload on both sides, so its error cannot be measured; trace with --payload",
                    stage.name
                )));
            }
            None => {
                let diverges = stage.digest != other.digest || stage.shape != other.shape;
                let why = diverges.then(|| "digests differ".to_owned());
                Line { stage: stage.name.clone(), diverges, row_l2: None, cosine: None, why }
            }
        });
    }
    let names = |trace: &TraceFile| trace.stages.iter().map(|s| s.name.clone()).collect::<BTreeSet<_>>();
    let (names_a, names_b) = (names(a), names(b));
    let first = stages.iter().find(|line| line.diverges).map(|line| line.stage.clone());
    let only_in_a: Vec<String> = names_a.difference(&names_b).cloned().collect();
    let only_in_b: Vec<String> = names_b.difference(&names_a).cloned().collect();
    Ok(Output {
        a: args.a.display().to_string(),
        b: args.b.display().to_string(),
        max_row_l2: args.max_row_l2,
        diverges: first.is_some() || !only_in_a.is_empty() || !only_in_b.is_empty(),
        first_divergence: first,
        stages,
        only_in_a,
        only_in_b,
    })
}

fn line(stage: &str, truth: &Tensor, found: &Tensor, max: f64) -> Line {
    let limit = if max == 0.0 { Limit::Bitwise } else { Limit::RowL2 { max } };
    let difference = compare(truth, found, limit).err();
    Line {
        stage: stage.to_owned(),
        diverges: difference.is_some(),
        row_l2: Some(row_l2(truth, found).into()),
        cosine: Some(cosine(truth, found).into()),
        why: difference.map(|difference| difference.to_string()),
    }
}

fn tensor(payload: &Payload) -> Tensor {
    let values = match &payload.data {
        Data::F32(values) => Values::F32(values.clone()),
        Data::F64(values) => Values::F64(values.clone()),
    };
    Tensor { shape: payload.shape.clone(), values }
}

fn table(output: &Output) -> String {
    let mut builder = Builder::default();
    builder.push_record(["", "stage", "worst row", "cosine", ""]);
    let number = |value: Option<Real>| value.map_or_else(|| "-".to_owned(), |v| format!("{:.2e}", v.get()));
    for line in &output.stages {
        builder.push_record([
            if line.diverges { "DIFFERS" } else { "same" }.to_owned(),
            line.stage.clone(),
            number(line.row_l2),
            line.cosine.map_or_else(|| "-".to_owned(), |v| format!("{:.6}", v.get())),
            line.why.clone().unwrap_or_default(),
        ]);
    }
    let mut table = builder.build();
    table.with(Style::blank()).modify(Columns::new(2..4), Alignment::right());
    let mut text: String = table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    for (names, place) in [(&output.only_in_a, &output.a), (&output.only_in_b, &output.b)] {
        if !names.is_empty() {
            text += &format!("only in {place}: {}\n", names.join(", "));
        }
    }
    text + &match (&output.first_divergence, output.diverges) {
        (Some(stage), _) => format!("\nfirst divergence: {stage}\n"),
        (None, true) => "\nthe stages in common agree, but not all are in both\n".to_owned(),
        (None, false) => format!("\n{} stages agree\n", output.stages.len()),
    }
}
