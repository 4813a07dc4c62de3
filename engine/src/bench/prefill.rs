//! A prefill, timed.

use super::report::PrefillRow;
use super::{Bench, Options, Sample, count, decode};
use crate::device::DeviceModel;
use crate::error::EngineError;
use crate::plan::Phase;

/// Computes the same prompt again and again, from an empty sequence, once more than counts.
pub(super) fn measure(
    bench: &Bench<'_>,
    model: &DeviceModel,
    options: &Options,
    tokens: usize,
) -> Result<PrefillRow, EngineError> {
    let prompt = decode::prompt(model.config().vocab_size, tokens);
    let mut seconds = Vec::new();
    for repeat in 0..=options.repeats {
        let mut session = model.session()?;
        let sequence = session.add();
        bench.device.synchronize()?;
        let from = bench.clock.now();
        decode::prefill(&mut session, sequence, &prompt)?;
        bench.device.synchronize()?;
        let until = bench.clock.now();
        if repeat > 0 {
            seconds.push(until.saturating_sub(from).as_secs_f64());
        }
    }
    let sample = Sample::of(seconds);
    let operations = count::operations(model.plan(Phase::Prefill), model.config(), tokens);
    Ok(PrefillRow {
        tokens,
        tokens_per_second: sample.rate(tokens as f64),
        operations,
        operations_per_second: sample.rate(operations),
        sample,
    })
}
