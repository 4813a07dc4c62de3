//! `throughput_floor`: a model of a real shape runs at a share of what the device can do.

use std::sync::Arc;

use contracts::kinds::{PhaseName, ThroughputFloor};
use engine::bench::report::{Maybe, Report};
use engine::bench::verdict::Verdict;
use engine::bench::{Bench, Options, Wall, Way, synthetic};

use super::{Case, Passed};
use crate::machine::device_stop;
use crate::on_device::failed;
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

/// The seed of the weights.
const SEED: u32 = 0;
/// Tokens of a prefill.
const PREFILL: usize = 2048;

pub(super) fn cases(parameters: &ThroughputFloor) -> Vec<Case<'_>> {
    let (shape, phase) = (parameters.synthetic.as_str(), phase(parameters.phase));
    vec![Case {
        id: format!("throughput_floor(synthetic={shape},phase={phase})"),
        attempt: Box::new(move |subject| attempt(subject, parameters)),
    }]
}

const fn phase(phase: PhaseName) -> &'static str {
    match phase {
        PhaseName::Prefill => "prefill",
        PhaseName::Decode => "decode",
    }
}

fn attempt(subject: &Subject, parameters: &ThroughputFloor) -> Result<Passed, Stop> {
    let name = parameters.synthetic.as_str();
    let shape = synthetic::find(name)
        .ok_or_else(|| Stop::Errored(format!("the engine has no shape called `{name}`")))?;
    let machine = subject.machine()?;
    let prefill = parameters.phase == PhaseName::Prefill;
    if prefill {
        // Without it there is nothing that a rate of operations could be divided by.
        machine.device.library().map_err(|error| device_stop(&error, subject.lane()))?;
    }
    let loaded = shape.open(SEED, Arc::clone(subject.shared_seam())).map_err(failed(subject))?;
    // The fused ways: the graph is judged where there is one, and has to decode what the launches decode.
    let options = match prefill {
        true => Options { prompt: PREFILL, steps: 8, ways: vec![Way::EagerFused], ..Options::default() },
        false => Options {
            prompt: 128,
            ways: vec![Way::EagerFused, Way::GraphFused],
            prefill: false,
            ..Options::default()
        },
    };
    let clock = Wall::new();
    let bench = Bench {
        loaded: &loaded,
        device: Arc::clone(&machine.device),
        jit: &machine.jit,
        clock: &clock,
        options,
    };
    let report = bench.run(&mut |_| ()).map_err(failed(subject))?;
    match prefill {
        true => prefilled(&report, parameters, PREFILL),
        false => judged(&report, parameters),
    }
}

/// What a run says of a prefill of so many tokens. No verdict is never a pass, and neither is a shorter prompt.
fn prefilled(report: &Report, parameters: &ThroughputFloor, tokens: usize) -> Result<Passed, Stop> {
    let what = format!("prefill of {}", parameters.synthetic.as_str());
    let row = match &report.prefill {
        Maybe::Measured(row) if row.tokens == tokens => row,
        Maybe::Measured(row) => {
            let fits = row.tokens;
            return Err(Stop::Errored(format!(
                "{what}: {tokens} tokens are asked for, and {fits} fit the device"
            )));
        }
        Maybe::Not { not_measured } => {
            return Err(Stop::Errored(format!("{what}: not measured: {not_measured}")));
        }
    };
    let (metric, floor) = ("fraction_of_matrix_rate", parameters.at_least);
    let beyond = |value: f64, limit: f64, message: String| {
        Err(Defect { limit, ..Defect::counted(metric, value, message) }.into())
    };
    match &row.verdict {
        Verdict::None { why } => Err(Stop::Errored(format!("{what}: no verdict: {why}"))),
        Verdict::Failed { why } => {
            let fraction = row.fraction.measured().copied().unwrap_or(f64::NAN);
            beyond(fraction, 1.0, format!("{what} is not what it should be: {why}"))
        }
        // Written so that what is no number is below every floor.
        Verdict::Measured { fraction } if !(*fraction >= floor) => {
            let (found, least) = (100.0 * fraction, 100.0 * floor);
            let message = format!(
                "{what} multiplies at {found:.1} % of the matrix rate, and {least:.1} % is the floor"
            );
            beyond(*fraction, floor, message)
        }
        Verdict::Measured { fraction } => Ok(Passed {
            elements: row.tokens as u64,
            stage: None,
            metric: format!("floor_over_{metric}"),
            value: floor / fraction,
            limit: 1.0,
            curve: Vec::new(),
        }),
    }
}

/// What a run says about the claim. No verdict is never a pass.
fn judged(report: &Report, parameters: &ThroughputFloor) -> Result<Passed, Stop> {
    let what = format!("{} of {}", phase(parameters.phase), parameters.synthetic.as_str());
    let beyond = |value: f64, limit: f64, message: String| {
        let defect = Defect::counted("fraction_of_read_bandwidth", value, message);
        Err(Defect { limit, ..defect }.into())
    };
    match &report.verdict {
        Verdict::None { why } => Err(Stop::Errored(format!("{what}: no verdict: {why}"))),
        Verdict::Failed { why } => beyond(
            report.fraction.unwrap_or(f64::NAN),
            1.0,
            format!("{what} is not what it should be: {why}"),
        ),
        // Written so that what is no number is below every floor.
        Verdict::Measured { fraction } if !(*fraction >= parameters.at_least) => {
            let (found, floor) = (100.0 * fraction, 100.0 * parameters.at_least);
            let message =
                format!("{what} reads at {found:.1} % of the bandwidth, and {floor:.1} % is the floor");
            beyond(*fraction, parameters.at_least, message)
        }
        Verdict::Measured { fraction } => Ok(Passed {
            elements: report.options.steps as u64,
            stage: None,
            // As a share of its limit, so that a bar of it fills as the floor comes nearer.
            metric: "floor_over_fraction_of_read_bandwidth".to_owned(),
            value: parameters.at_least / fraction,
            limit: 1.0,
            curve: Vec::new(),
        }),
    }
}

#[cfg(test)]
mod tests;
