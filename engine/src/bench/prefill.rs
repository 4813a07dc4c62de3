//! A prefill, timed.

use super::anchors::Anchors;
use super::report::{Maybe, PrefillRow};
use super::verdict::{PrefillFacts, judge_prefill};
use super::{Bench, BenchPoint, BenchValue, Options, Sample, count, decode, is_virtual};
use crate::device::DeviceModel;
use crate::error::EngineError;
use crate::plan::Phase;

/// Prefills between two looks at the clock: a device at its largest power changes its clock all the time, and a single prefill
/// is shorter than that takes.
const AT_ONCE: usize = 16;
/// What does not count, in seconds: a device that was idle takes so long to come to the clock that it keeps.
const WARM_UP: f64 = 4.0;
/// Repeats that do not count at most, however little they take.
const MOST_WARM_UPS: usize = 40;

/// Computes the same prompt again and again, each time from an empty sequence.
pub(super) fn measure(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
    anchors: &Anchors,
    tokens: usize,
) -> Result<PrefillRow, EngineError> {
    let prompt = decode::prompt(model.config().vocab_size, tokens);
    let at_once = if is_virtual(&*bench.device) { 1 } else { AT_ONCE };
    let mut session = model.session()?;
    let mut timed = || -> Result<f64, EngineError> {
        bench.device.synchronize()?;
        let from = bench.clock.now();
        for _ in 0..at_once {
            let sequence = session.add();
            decode::prefill(&mut session, sequence, &prompt)?;
            session.remove(sequence);
        }
        bench.device.synchronize()?;
        Ok(bench.clock.now().saturating_sub(from).as_secs_f64())
    };
    let mut warm = timed()?;
    for _ in 1..MOST_WARM_UPS {
        if at_once == 1 || warm >= WARM_UP {
            break;
        }
        warm += timed()?;
    }
    let seconds: Result<Vec<f64>, EngineError> =
        (0..options.repeats).map(|_| Ok(timed()? / at_once as f64)).collect();
    let sample = Sample::of(seconds?);
    let mut operations = count::operations(model.plan(Phase::Prefill), model.config(), tokens);
    let value = &mut operations;
    bench.loaded.seam().apply::<BenchPoint>(&mut BenchValue::Operations(value));
    let rate = sample.rate(operations);
    let fraction = match &anchors.matrix_operations_per_second {
        Maybe::Measured(of_device) => Maybe::Measured(rate / of_device),
        Maybe::Not { not_measured } => Maybe::not(not_measured),
    };
    let verdict = judge_prefill(&PrefillFacts {
        virtual_device: is_virtual(&*bench.device),
        spread: sample.spread,
        fraction: fraction.clone(),
    });
    Ok(PrefillRow {
        tokens,
        tokens_per_second: sample.rate(tokens as f64),
        operations,
        operations_per_second: rate,
        fraction,
        library: model.library().map(str::to_owned),
        verdict,
        sample,
    })
}
