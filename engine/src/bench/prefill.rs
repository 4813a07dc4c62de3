//! A prefill, timed.

use super::anchors::Anchors;
use super::report::{Maybe, PrefillRow};
use super::verdict::{PrefillFacts, judge_prefill};
use super::{Bench, BenchPoint, BenchValue, Options, Sample, count, decode, is_virtual};
use crate::device::DeviceModel;
use crate::error::EngineError;
use crate::plan::Phase;

/// Prefills between two looks at the clock: a device that goes from idle to its largest power changes its clock meanwhile, and
/// a single prefill is shorter than that takes.
const AT_ONCE: usize = 8;

/// Computes the same prompt again and again, each time from an empty sequence, once more than counts.
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
    let mut seconds = Vec::new();
    for repeat in 0..=options.repeats {
        bench.device.synchronize()?;
        let from = bench.clock.now();
        for _ in 0..at_once {
            let sequence = session.add();
            decode::prefill(&mut session, sequence, &prompt)?;
            session.remove(sequence);
        }
        bench.device.synchronize()?;
        let until = bench.clock.now();
        if repeat > 0 {
            seconds.push(until.saturating_sub(from).as_secs_f64() / at_once as f64);
        }
    }
    let sample = Sample::of(seconds);
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
