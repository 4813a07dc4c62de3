//! `pv report`.

use contracts::GateId;
use evidence::report::{self, Report};
use evidence::{Exit, GateReport, RunId, gate, store};
use falsifiers::today::today;

use crate::args::{self, ReportFormat};
use crate::failure::Failure;
use crate::workspace::Workspace;

/// Computes gates from the evidence, or shows one run.
pub(crate) fn run(args: &args::Report) -> Result<Exit, Failure> {
    if !args.runs.is_dir() {
        let remedy = "`pv run` records runs there";
        return Err(Failure::NoFolder { path: args.runs.clone(), remedy });
    }
    if let Some(id) = &args.run {
        // A name in that folder, whole or partial, and no way out of it.
        let name = id.strip_prefix(store::PARTIAL).unwrap_or(id);
        name.parse::<RunId>().map_err(|error| Failure::Usage(format!("--run: {error}")))?;
        let run = store::read_run(&args.runs.join(id))?;
        show(&Report::of_run(&run), args.format)?;
        return Ok(run.exit());
    }
    let workspace = Workspace::open(&args.place)?;
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
    let now = today(&workspace.root, &workspace.loaded, &args.place.zoo);
    let store::Runs { runs, unreadable } = store::read_all(&args.runs)?;
    let gates: Vec<GateReport> = workspace
        .loaded
        .gates
        .iter()
        .map(|gate| &gate.gate)
        .filter(|gate| args.gate.is_empty() || args.gate.contains(&gate.gate))
        .map(|gate| gate::evaluate(gate, &runs, &now))
        .collect();
    let exits: Vec<Exit> = gates.iter().map(GateReport::exit).collect();
    show(&Report::of_gates(gates, &runs, &unreadable), args.format)?;
    Ok(Exit::combine(exits))
}

fn show(report: &Report, format: ReportFormat) -> Result<(), Failure> {
    let text = match format {
        ReportFormat::Table => report::table::render(report, report::terminal::look()),
        ReportFormat::Md => report::markdown::render(report),
        ReportFormat::Json => report::json::render(report)? + "\n",
    };
    report::terminal::print(&text);
    Ok(())
}
