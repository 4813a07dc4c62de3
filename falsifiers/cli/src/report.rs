//! `pv report`.

use std::collections::BTreeMap;
use std::path::Path;

use contracts::{ClaimId, GateId};
use evidence::report::compare::{self, Comparison};
use evidence::report::{self, ClaimText, Report};
use evidence::store::Runs;
use evidence::{Exit, GateReport, Run, RunId, gate, store};
use falsifiers::machine::keys_today;
use falsifiers::today::today;

use crate::args::{self, ReportFormat};
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Computes gates from the evidence, shows one run, or compares two.
pub(crate) fn run(args: &args::Report) -> Result<Exit, Failure> {
    if let [before, after] = args.compare.as_slice() {
        return compared(args, before, after);
    }
    if let Some(id) = &args.run {
        return one_run(args, id);
    }
    let runs = recorded(&args.runs)?;
    let workspace = Workspace::open(&args.place)?;
    let gates = gates(args, &workspace, &runs.runs)?;
    let exits: Vec<Exit> = gates.iter().map(GateReport::exit).collect();
    let report = Report::of_gates(gates, &runs.runs, &runs.unreadable).with_texts(texts(&workspace));
    show(&report, args)?;
    Ok(Exit::combine(exits))
}

fn one_run(args: &args::Report, id: &str) -> Result<Exit, Failure> {
    let (run, unreadable) = find(&args.runs, id)?;
    let mut exits = vec![run.exit()];
    let mut report = Report::of_run(&run).with_unreadable(&unreadable);
    if args.gate.is_empty() {
        // What the contracts say today is an addition: a run can be shown where they cannot be read.
        if let Ok(workspace) = Workspace::open(&args.place) {
            report = report.with_texts(texts(&workspace));
        }
    } else {
        let runs = recorded(&args.runs)?;
        let workspace = Workspace::open(&args.place)?;
        let gates = gates(args, &workspace, &runs.runs)?;
        exits.extend(gates.iter().map(GateReport::exit));
        report = report.with_gates(gates).with_texts(texts(&workspace));
    }
    show(&report, args)?;
    Ok(Exit::combine(exits))
}

/// What changed from one run to another.
fn compared(args: &args::Report, before: &str, after: &str) -> Result<Exit, Failure> {
    let (before, after) = (find(&args.runs, before)?.0, find(&args.runs, after)?.0);
    let comparison =
        Comparison::of(&before, &after).map_err(|nothing| Failure::Nothing(nothing.to_string()))?;
    let text = match args.format {
        ReportFormat::Table => compare::table(&comparison, look(args)),
        ReportFormat::Md => compare::markdown(&comparison),
        ReportFormat::Html => compare::html(&comparison),
        ReportFormat::Json => report::json::comparison(&comparison)?,
        ReportFormat::Junit => {
            let why = "a comparison is no list of tests: use --format table, md, html or json with --compare";
            return Err(Failure::Usage(why.to_owned()));
        }
    };
    write(&text, args)?;
    Ok(comparison.exit())
}

/// Every run of a folder; no runs at all is nothing to report on.
fn recorded(folder: &Path) -> Result<Runs, Failure> {
    if !folder.is_dir() {
        let remedy = "`pv run` records runs there";
        return Err(Failure::NoFolder { path: folder.to_owned(), remedy });
    }
    let runs = store::read_all(folder)?;
    if runs.runs.is_empty() && runs.unreadable.is_empty() {
        return Err(Failure::Nothing(format!(
            "no run is recorded in {}; `pv run` records one there",
            folder.display()
        )));
    }
    Ok(runs)
}

/// A run by its id, its folder, or as the latest one; with the runs that could not be read on the way.
fn find(folder: &Path, id: &str) -> Result<(Run, Vec<store::RecordError>), Failure> {
    if id == "latest" {
        let Runs { mut runs, unreadable } = recorded(folder)?;
        return match runs.pop() {
            Some(run) => Ok((run, unreadable)),
            None => {
                let why: Vec<String> = unreadable.iter().map(ToString::to_string).collect();
                Err(Failure::Nothing(format!("no run can be read: {}", why.join("; "))))
            }
        };
    }
    // A partial run has its id in its name, and says that it was cut off.
    let path = match id.strip_prefix(store::PARTIAL).unwrap_or(id).parse::<RunId>() {
        Ok(_) => folder.join(id),
        Err(_) if Path::new(id).is_dir() => Path::new(id).to_owned(),
        Err(error) => return Err(Failure::Usage(format!("--run: {error}, and no folder has that name"))),
    };
    Ok((store::read_run(&path)?, Vec::new()))
}

/// The gates asked for, or all of them, computed from these runs.
fn gates(args: &args::Report, workspace: &Workspace, runs: &[Run]) -> Result<Vec<GateReport>, Failure> {
    let known: Vec<&GateId> = workspace.loaded.gates.iter().map(|gate| &gate.gate.gate).collect();
    if known.is_empty() {
        return Err(Failure::Nothing(format!("there are no gates in {}", workspace.places())));
    }
    for wanted in &args.gate {
        if !known.contains(&wanted) {
            let near = contracts::nearest(wanted.as_str(), known.iter().map(|gate| gate.as_str()));
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            return Err(Failure::Usage(format!(
                "no gate is called `{wanted}`; {near}`pv list gates` shows all"
            )));
        }
    }
    let mut now = today(&workspace.root, &workspace.loaded, &args.place.zoo);
    now.kernel_keys = keys_today(runs.iter().flat_map(|run| run.record.kernel_keys.keys()));
    let gates = workspace.loaded.gates.iter().map(|gate| &gate.gate);
    let wanted = gates.filter(|gate| args.gate.is_empty() || args.gate.contains(&gate.gate));
    Ok(wanted.map(|gate| gate::evaluate(gate, runs, &now)).collect())
}

/// What today's contracts say about each claim.
fn texts(workspace: &Workspace) -> BTreeMap<ClaimId, ClaimText> {
    let mut texts = BTreeMap::new();
    for (index, contract) in workspace.loaded.contracts.iter().enumerate() {
        for (at, test) in contract.contract.falsification_tests.iter().enumerate() {
            if let Some(place) = workspace.loaded.claim_place(index, at) {
                let text = ClaimText {
                    rule: test.rule.clone(),
                    if_fails: test.if_fails.clone(),
                    path: place.path.display().to_string(),
                    line: place.line,
                };
                texts.insert(test.id.clone(), text);
            }
        }
    }
    texts
}

fn show(report: &Report, args: &args::Report) -> Result<(), Failure> {
    let text = match args.format {
        ReportFormat::Table => report::table::render(report, look(args)),
        ReportFormat::Md => report::markdown::render(report),
        ReportFormat::Html => report::html::render(report),
        ReportFormat::Json => report::json::render(report)?,
        ReportFormat::Junit => {
            report::junit::render(report).map_err(|error| Failure::Bug(error.to_string()))?
        }
    };
    write(&text, args)
}

/// A file gets no colours, whatever the terminal has.
fn look(args: &args::Report) -> report::table::Look {
    let look = report::terminal::look();
    report::table::Look { colour: look.colour && args.out.is_none(), ..look }
}

/// Writes where the report was asked for. A report that could not be written is an error, whatever it said.
fn write(text: &str, args: &args::Report) -> Result<(), Failure> {
    match &args.out {
        Some(path) => Ok(report::save(path, text)?),
        None => report::terminal::print(text).map_err(Failure::Output),
    }
}
