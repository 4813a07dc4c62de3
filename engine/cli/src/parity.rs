//! `apr parity` and `apr bisect`: a model on a device against the reference.

use engine::Loaded;
use engine::device::DeviceModel;
use evidence::Exit;
use falsifiers::admit::prompts;
use falsifiers::parity::{self, Coverage, Judged, Run, RunVerdict, Source, StageVerdict, Verdicts};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use crate::args::{Bisect, Parity};
use crate::failure::Failure;
use crate::input;
use crate::output::show_lines;

/// How many times farther from the truth than the worst honest run a stage may lie: what contracts ask for.
const FACTOR: f64 = 4.0;
/// Tokens at the end of a prompt that are decoded one by one.
const DECODED: usize = 4;

#[derive(Serialize)]
struct Output {
    model: String,
    model_digest: String,
    device: String,
    target: String,
    factor: f64,
    holds: bool,
    runs: Vec<RunVerdict>,
}

/// Every stage and the logits, over several prompts.
pub(crate) fn parity(args: &Parity) -> Result<Exit, Failure> {
    let loaded = Loaded::open(&args.model)?;
    let mut tokens = Vec::new();
    for text in &args.prompts {
        tokens.push(input::encode(&loaded, text)?);
    }
    if tokens.is_empty() {
        tokens = prompts(loaded.config());
    }
    let judged = judge(&loaded, args.device, &tokens)?;
    if args.json {
        show_lines(&(serde_json::to_string_pretty(&judged)? + "\n"))?;
    } else {
        show_lines(&summary(&judged))?;
    }
    Ok(exit(&judged))
}

/// The first stage that is good in and bad out, for one prompt.
pub(crate) fn bisect(args: &Bisect) -> Result<Exit, Failure> {
    let loaded = Loaded::open(&args.model)?;
    let tokens = input::tokens(&loaded, &args.prompt, args.chat, None)?;
    let judged = judge(&loaded, args.device, &[tokens])?;
    if args.json {
        show_lines(&(serde_json::to_string_pretty(&judged)? + "\n"))?;
    } else {
        for run in &judged.runs {
            show_lines(&table(&judged, run))?;
        }
    }
    Ok(exit(&judged))
}

const fn exit(judged: &Output) -> Exit {
    match judged.holds {
        true => Exit::Survived,
        false => Exit::Falsified,
    }
}

fn judge(loaded: &Loaded, device: crate::args::Device, prompts: &[Vec<u32>]) -> Result<Output, Failure> {
    let machine = input::machine(device, loaded)?;
    let longest = prompts.iter().map(Vec::len).max().unwrap_or(1);
    let options = parity::options(loaded, longest, 1);
    let model = DeviceModel::load(loaded, machine.device, &machine.jit, options)?;
    let source = Source::new(loaded.dir());
    let runs: Vec<Run> = prompts
        .iter()
        .flat_map(|tokens| [Run::prefill(tokens.clone()), Run::decode(tokens.clone(), DECODED)])
        .collect();
    let bar = ProgressBar::with_draw_target(Some(runs.len() as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} runs judged, {eta} left") {
        bar.set_style(style);
    }
    let mut verdicts = Vec::new();
    for run in &runs {
        let judged = parity::judge(&model, &source, run, FACTOR, Verdicts::BOTH);
        verdicts.push(judged?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(Output {
        model: input::name(loaded),
        model_digest: loaded.digest(),
        device: model.properties().name.clone(),
        target: model.properties().target.to_string(),
        factor: FACTOR,
        holds: !verdicts.is_empty() && verdicts.iter().all(RunVerdict::ok),
        runs: verdicts,
    })
}

/// How much of its limit a stage used, in words that need no colour.
fn used(judged: Option<&Judged>) -> String {
    match judged {
        None => "-".to_owned(),
        Some(judged) => {
            let share = 100.0 * judged.error.get() / judged.limit.get();
            let word = if judged.ok { "" } else { "  WRONG" };
            format!("{share:.0}%{word}")
        }
    }
}

fn summary(judged: &Output) -> String {
    let mut builder = Builder::default();
    builder.push_record(["phase", "tokens", "judged", "compared", "fused", "worst stage", "of limit"]);
    for run in &judged.runs {
        let share = |stage: &StageVerdict| {
            let verdicts = [&stage.cumulative, &stage.isolated].into_iter().flatten();
            // NaN is worse than any number.
            verdicts.map(|v| v.error.get() / v.limit.get()).fold(0.0, |a: f64, b| if b <= a { a } else { b })
        };
        let worst = run.stages.iter().reduce(|a, b| if share(b) <= share(a) { a } else { b });
        let measured = run.stages.iter().filter(|stage| stage.coverage == Coverage::Measured).count();
        builder.push_record([
            run.phase.to_string(),
            run.tokens.to_string(),
            run.judged.to_string(),
            measured.to_string(),
            (run.stages.len() - measured).to_string(),
            worst.map(|stage| stage.stage.clone()).unwrap_or_default(),
            worst.map(|stage| format!("{:.0}%", 100.0 * share(stage))).unwrap_or_default(),
        ]);
    }
    format!("{}\n{}\n{}", heading(judged), drawn(builder, 1..5), verdict(judged))
}

fn table(judged: &Output, run: &RunVerdict) -> String {
    let mut builder = Builder::default();
    builder.push_record(["stage", "cumulative", "isolated", "kernel"]);
    for stage in &run.stages {
        let kernel = match &stage.coverage {
            Coverage::Measured => stage.kernel.split('(').next().unwrap_or_default().to_owned(),
            Coverage::Fused(step) => format!("fused in {step}"),
            Coverage::Missing => "not computed by any step".to_owned(),
            Coverage::Unknown => "unknown to the reference".to_owned(),
        };
        let (cumulative, isolated) = (used(stage.cumulative.as_ref()), used(stage.isolated.as_ref()));
        builder.push_record([stage.stage.clone(), cumulative, isolated, kernel]);
    }
    let phase =
        format!("{} of {} tokens, {} of them judged; shares of the limit", run.phase, run.tokens, run.judged);
    let end = match run.culprit() {
        None => "every stage that the device stores is right\n".to_owned(),
        Some(stage) => format!("first good-in, bad-out: {}\n", stage.problem().unwrap_or_default()),
    };
    format!("{}{phase}\n\n{}\n{end}\n", heading(judged), drawn(builder, 1..3))
}

fn heading(judged: &Output) -> String {
    format!("{} on {} ({})\n", judged.model, judged.device, judged.target)
}

fn drawn(builder: Builder, right: std::ops::Range<usize>) -> String {
    let mut table = builder.build();
    table.with(Style::blank()).modify(Columns::new(right), Alignment::right());
    let lines: Vec<String> = table.to_string().lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

fn verdict(judged: &Output) -> String {
    let Some((run, stage)) = judged.runs.iter().find_map(|run| Some((run, run.culprit()?))) else {
        return "parity holds: every stage that the device stores is within its derived limit\n".to_owned();
    };
    let problem = stage.problem().unwrap_or_default();
    format!(
        "parity does not hold: in the {} of {} tokens, {problem}\n`apr bisect` shows every stage\n",
        run.phase, run.tokens
    )
}
