//! A prefill, timed.

use super::anchors::Anchors;
use super::report::{Maybe, PrefillRow};
use super::verdict::{PrefillFacts, judge_prefill};
use super::{Bench, BenchPoint, BenchValue, Options, Sample, count, decode, is_virtual};
use crate::device::DeviceModel;
use crate::error::EngineError;
use crate::plan::Phase;

/// Prefills that do not count: a device that was idle comes to its clock only after a while.
const WARM_UP: usize = 10;

/// Computes the same prompt again and again, from an empty sequence, a few times more than count.
pub(super) fn measure(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
    anchors: &Anchors,
    tokens: usize,
) -> Result<PrefillRow, EngineError> {
    let prompt = decode::prompt(model.config().vocab_size, tokens);
    let mut seconds = Vec::new();
    let warm_up = if is_virtual(&*bench.device) { 1 } else { WARM_UP };
    for repeat in 0..warm_up + options.repeats {
        let mut session = model.session()?;
        let sequence = session.add();
        bench.device.synchronize()?;
        let from = bench.clock.now();
        decode::prefill(&mut session, sequence, &prompt)?;
        bench.device.synchronize()?;
        let until = bench.clock.now();
        if repeat >= warm_up {
            seconds.push(until.saturating_sub(from).as_secs_f64());
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
