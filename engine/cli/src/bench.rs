//! `apr bench`.

use std::sync::Arc;

use engine::Loaded;
use engine::bench::anchors::Anchors;
use engine::bench::kernels::{AttentionRow, KernelRow, Kernels};
use engine::bench::report::{Maybe, Report};
use engine::bench::taps::{Cost, Held, TappedRow, TapsRow, TracedRow};
use engine::bench::verdict::Verdict;
use engine::bench::{Bench, Options, Sample, Wall, synthetic};
use evidence::Exit;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use kernels::seam::Seam;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

use crate::args;
use crate::failure::Failure;
use crate::input;
use crate::output::show_lines;

/// Measures, and says what may be said of it: 0 with a verdict, 1 where work was left out or miscounted, 5 where the run
/// says nothing.
pub(crate) fn run(args: &args::Bench) -> Result<Exit, Failure> {
    if let Some(file) = args.out.as_deref().filter(|file| file.is_dir()) {
        return Err(Failure::Usage(format!(
            "--out {}: it is a folder; pass the name of a file",
            file.display()
        )));
    }
    let loaded = open(args)?;
    let machine = input::machine(args.device, &loaded)?;
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {elapsed}") {
        bar.set_style(style);
    }
    let options = Options {
        prompt: args.prompt.unwrap_or(0),
        depth: args.depth.unwrap_or(0),
        steps: args.steps,
        repeats: args.repeats,
        kernels: args.kernels,
        taps: args.taps,
        ..Options::default()
    };
    let clock = Wall::new();
    let bench = Bench {
        loaded: &loaded,
        device: Arc::clone(&machine.device),
        jit: &machine.jit,
        clock: &clock,
        options,
    };
    let report = bench.run(&mut |what| bar.set_message(what.to_owned()));
    bar.finish_and_clear();
    let report = report?;
    let json = serde_json::to_string_pretty(&report)? + "\n";
    if let Some(file) = &args.out {
        let failed = |source| Failure::CannotWrite { path: file.clone(), source };
        std::fs::write(file, &json).map_err(failed)?;
    }
    show_lines(&if args.json { json } else { page(&report) })?;
    let prefill = report.prefill.measured().map(|row| &row.verdict);
    Ok(match report.verdict {
        _ if matches!(prefill, Some(Verdict::Failed { .. })) => Exit::Falsified,
        Verdict::Measured { .. } => Exit::Survived,
        Verdict::Failed { .. } => Exit::Falsified,
        Verdict::None { .. } => Exit::Incomplete,
    })
}

/// The folder, or the shape in its place.
fn open(args: &args::Bench) -> Result<Loaded, Failure> {
    match args.synthetic.as_deref() {
        None => Ok(Loaded::open(&args.model)?),
        Some(name) => match (synthetic::find(name), args.layers) {
            (Some(shape), Some(layers)) => {
                Ok(shape.open_layers(args.seed, layers, Arc::new(Seam::empty()))?)
            }
            (Some(shape), None) => Ok(shape.open(args.seed, Arc::new(Seam::empty()))?),
            (None, _) => Err(Failure::Bug(format!("no shape is called `{name}`"))),
        },
    }
}

/// Width of a bar.
const BAR: usize = 20;

/// A share as a bar that needs no colour: heavy for what is reached, light for what is left, an arrow beyond.
fn bar(share: f64) -> String {
    let reached = match share {
        share if share > 1.0 => return format!("{}▸", "━".repeat(BAR - 1)),
        share if share > 0.0 => ((share * BAR as f64).round() as usize).min(BAR),
        _ => 0,
    };
    format!("{}{}", "━".repeat(reached), "─".repeat(BAR - reached))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// A number with a unit of thousands: `4.31 T`.
fn large(number: f64) -> String {
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let unit = units.into_iter().find(|(size, _)| number >= *size);
    unit.map_or_else(|| format!("{number:.2} "), |(size, name)| format!("{:.2} {name}", number / size))
}

fn microseconds(seconds: &f64) -> String {
    format!("{:.2} us", 1e6 * seconds)
}

fn or_why<T>(found: &Maybe<T>, show: impl Fn(&T) -> String) -> String {
    match found {
        Maybe::Measured(found) => show(found),
        Maybe::Not { not_measured } => format!("not measured: {not_measured}"),
    }
}

/// Everything, for people.
fn page(report: &Report) -> String {
    let Report { model, device, options, bytes, .. } = report;
    let mut text = format!("{model} on {}, {} repeats\n\n", device.name, options.repeats);
    text += &anchors(&report.anchors);
    text += &format!(
        "\na token reads {}B of weights and {}B of keys and values, after {} tokens\n\n",
        large(bytes.weights as f64),
        large(bytes.kv as f64),
        options.depth
    );
    text += &rates(report);
    if let Some(Kernels { seconds, rows }) = &report.kernels {
        text += &format!("\n{}all steps of the plan: {}\n", kernels(rows), microseconds(seconds));
    }
    if let Some(AttentionRow { tokens, kernel, seconds, operations_per_second }) = &report.attention {
        let (each, rate) = (microseconds(seconds), large(*operations_per_second));
        text += &format!("attention of {tokens} tokens, {kernel}: {each} a layer, {rate}FLOP/s\n");
    }
    if let Some(row) = &report.taps {
        text += &format!("\n{}", taps(row));
    }
    for note in &report.notes {
        text += &format!("note: {note}\n");
    }
    if let Some(fraction) = report.fraction {
        let of = format!("{} {} of the read bandwidth", bar(fraction), percent(fraction));
        text +=
            &format!("\n{of}{}\n", report.judged.map(|way| format!(" ({})", way.name())).unwrap_or_default());
    }
    if let Some(prefill) = report.prefill.measured() {
        if let Some(&fraction) = prefill.fraction.measured() {
            text += &format!("{} {} of the matrix rate (prefill)\n", bar(fraction), percent(fraction));
        }
        let by = prefill.library.as_deref().unwrap_or("our own kernels");
        text += &format!("prefill: products by {by}; verdict: {}\n", said(&prefill.verdict));
    }
    text + &format!("verdict: {}\n", said(&report.verdict))
}

/// A verdict in words.
fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Measured { fraction } => percent(*fraction),
        Verdict::None { why } => format!("none: {why}"),
        Verdict::Failed { why } => format!("FAILED: {why}"),
    }
}

/// How fast the device is by itself.
fn anchors(anchors: &Anchors) -> String {
    let mut builder = Builder::default();
    for row in &anchors.read {
        let what = format!("read {}B", large(row.bytes as f64));
        builder.push_record([what, format!("{}B/s", large(row.bytes_per_second))]);
    }
    let rate = |rate: &f64| format!("{}B/s", large(*rate));
    let operations = |rate: &f64| format!("{}FLOP/s", large(*rate));
    for (what, found) in [
        ("copy, read and write", or_why(&anchors.copy_bytes_per_second, rate)),
        ("a node of a graph", or_why(&anchors.graph_node, microseconds)),
        ("a node that starts early", or_why(&anchors.graph_node_programmatic, microseconds)),
        ("matrix product", or_why(&anchors.matrix_operations_per_second, operations)),
    ] {
        builder.push_record([what.to_owned(), found]);
    }
    drawn(builder, 0)
}

/// What was timed.
fn rates(report: &Report) -> String {
    let mut builder = Builder::default();
    builder.push_record(["", "tokens/s", "median", "spread", "launches"]);
    let row = |builder: &mut Builder, what: &str, rate: f64, sample: &Sample, launches: String| {
        let median = microseconds(&sample.median);
        builder.push_record([what, &format!("{rate:.1}"), &median, &percent(sample.spread), &launches]);
    };
    let mut missing = String::new();
    for decode in &report.decode {
        let what = format!("decode, {}", decode.way.name());
        match &decode.found {
            Maybe::Measured(found) => {
                let launches = match found.nodes {
                    Some(nodes) => format!("{nodes} nodes"),
                    None => found.steps.to_string(),
                };
                row(&mut builder, &what, found.tokens_per_second, &found.sample, launches);
            }
            Maybe::Not { not_measured } => missing += &format!("{what}: not measured: {not_measured}\n"),
        }
    }
    match &report.control {
        Maybe::Measured(found) => {
            let what = format!("control, {}B more", large(found.extra_bytes as f64));
            let moved =
                format!("{} fewer tokens/s, for {}", percent(found.drop), percent(found.expected_drop));
            row(&mut builder, &what, found.tokens_per_second, &found.sample, moved);
        }
        Maybe::Not { not_measured } => missing += &format!("control: not measured: {not_measured}\n"),
    }
    match &report.prefill {
        Maybe::Measured(found) => {
            let what = format!("prefill, {} tokens", found.tokens);
            let operations = format!("{}FLOP/s", large(found.operations_per_second));
            row(&mut builder, &what, found.tokens_per_second, &found.sample, operations);
        }
        Maybe::Not { not_measured } => missing += &format!("prefill: not measured: {not_measured}\n"),
    }
    drawn(builder, 1) + &missing
}

/// What each kernel takes.
fn kernels(rows: &[KernelRow]) -> String {
    let mut builder = Builder::default();
    builder.push_record(["kernel", "first step", "steps", "each", "reads", "at"]);
    for row in rows {
        let KernelRow { kernel, step, steps, seconds, bytes, bytes_per_second } = row;
        let read = |number: f64, unit: &str| match *bytes {
            0 => String::new(),
            _ => format!("{}{unit}", large(number)),
        };
        builder.push_record([
            kernel.clone(),
            step.clone(),
            steps.to_string(),
            microseconds(seconds),
            read(*bytes as f64, "B"),
            read(*bytes_per_second, "B/s"),
        ]);
    }
    drawn(builder, 2)
}

/// What looking at stages costs.
fn taps(TapsRow { decode, prefill }: &TapsRow) -> String {
    let mut builder = Builder::default();
    builder.push_record(["", "without", "with", "spread", "longer by", "at most", ""]);
    let mut row = |what: String, Cost { without, with, share, limit, held }: &Cost| {
        let spread = percent(without.spread.max(with.spread));
        let [without, with] = [without, with].map(|sample| microseconds(&sample.median));
        let held = match held {
            Held::Ok => "ok".to_owned(),
            Held::Missed => "MISSED".to_owned(),
            Held::None { why } => format!("none: {why}"),
        };
        builder.push_record([what, without, with, spread, percent(*share), percent(*limit), held]);
    };
    for TappedRow { way, stages, made, read, .. } in decode {
        row(format!("decode, {}, statistics of {stages} stages", way.name()), made);
        row("the same, read by the host after each token".to_owned(), read);
    }
    let mut missing = String::new();
    for found in prefill {
        match found {
            Maybe::Measured(TracedRow { what, tokens, stages, bytes, bytes_of_all, cost }) => {
                let (bytes, all) = (large(*bytes as f64), large(*bytes_of_all as f64));
                row(
                    format!("prefill, {tokens} tokens, {what}: {stages} stages, {bytes}B of {all}B copied"),
                    cost,
                );
            }
            Maybe::Not { not_measured } => {
                missing += &format!("traced prefill: not measured: {not_measured}\n")
            }
        }
    }
    drawn(builder, 1) + &missing
}

/// A table whose columns from `numbers` on are numbers.
fn drawn(builder: Builder, numbers: usize) -> String {
    let mut table = builder.build();
    table.with(Style::blank());
    if numbers > 0 {
        table.modify(Columns::new(numbers..), Alignment::right());
    }
    table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_drawn_and_never_look_like_more() {
        assert_eq!(bar(0.5), "━━━━━━━━━━──────────");
        assert_eq!((bar(0.0), bar(f64::NAN)), ("─".repeat(BAR), "─".repeat(BAR)));
        assert!(bar(1.0).ends_with('━') && bar(1.01).ends_with('▸'));
    }

    #[test]
    fn numbers_have_units_of_thousands() {
        assert_eq!(large(4.31e12), "4.31 T");
        assert_eq!((large(999.0), large(1000.0)), ("999.00 ".to_owned(), "1.00 k".to_owned()));
    }
}
