//! Whether what the virtual device computed is what hardware computed.

use crate::class::{Class, Float};
use crate::form::{Form, Output};
use crate::matrix::Shape;

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outcome {
    /// Values compared.
    pub values: usize,
    /// Values that are not as they must be.
    pub wrong: usize,
    /// Values whose bits differ at all.
    pub different: usize,
    /// The greatest distance that was found: in units in the last place, or for a sum in shares of its greatest addend.
    pub worst: f64,
    /// The first wrong value, in words.
    pub first: Option<String>,
}

/// Compares the packed results of a form.
#[must_use]
pub fn compare(form: &Form, computed: &[u8], recorded: &[u8]) -> Outcome {
    let mut outcome = Outcome::default();
    if computed.len() != recorded.len() {
        outcome.wrong = 1;
        outcome.first = Some(format!("{} bytes, and {} were recorded", computed.len(), recorded.len()));
        return outcome;
    }
    let inputs = form.input_bytes();
    if let Class::Accumulation { shape, .. } = form.class {
        sums(form, shape, &inputs, (computed, recorded), &mut outcome);
        return outcome;
    }
    let mut at = 0;
    for (index, output) in form.outputs.iter().enumerate() {
        for thread in 0..form.threads as usize {
            let (Some(ours), Some(theirs)) =
                (value(*output, computed, at, thread), value(*output, recorded, at, thread))
            else {
                continue;
            };
            for part in parts(form.class, *output) {
                let cut = |bits: u64| bits >> part.0 & part.1;
                let (ours, theirs) = (cut(ours), cut(theirs));
                let distance = distance(form.class, ours, theirs);
                note(&mut outcome, ours != theirs, distance, || {
                    format!(
                        "thread {thread}, result {index}: {ours:#x}, and hardware has {theirs:#x}; operands {:x?}",
                        form.operands(&inputs, thread)
                    )
                });
            }
        }
        at += output.bits() as usize * form.threads as usize / 8;
    }
    for (offset, (ours, theirs)) in computed.iter().zip(recorded).enumerate().skip(at) {
        let distance = if ours == theirs { Ok(0.0) } else { Err(0.0) };
        note(&mut outcome, ours != theirs, distance, || {
            format!("byte {} of the memory of all: {ours:#x}, and hardware has {theirs:#x}", offset - at)
        });
    }
    outcome
}

/// The value of a thread in a packed result that begins at `at`.
#[must_use]
pub fn value(output: Output, packed: &[u8], at: usize, thread: usize) -> Option<u64> {
    if output == Output::Pred {
        return packed.get(at + thread / 8).map(|byte| u64::from(byte >> (thread % 8) & 1));
    }
    let bytes = output.bits() as usize / 8;
    let slice = packed.get(at + thread * bytes..at + (thread + 1) * bytes)?;
    Some(slice.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte)))
}

/// The parts of a value that are compared each for itself: shift and mask.
fn parts(class: Class, output: Output) -> Vec<(u32, u64)> {
    let float = match class {
        Class::AnyNan(float) | Class::Near { float, .. } => Some(float),
        Class::Exact | Class::Accumulation { .. } => None,
    };
    match (float, output) {
        (Some(Float::F16x2 | Float::BF16x2), Output::B32) => vec![(0, 0xffff), (16, 0xffff)],
        _ => vec![(0, u64::MAX)],
    }
}

/// The distance of two values, and whether it may be.
fn distance(class: Class, ours: u64, theirs: u64) -> Result<f64, f64> {
    match class {
        Class::AnyNan(float) if float.is_nan(ours) && float.is_nan(theirs) => Ok(0.0),
        Class::Near { float, .. } if float.is_nan(ours) || float.is_nan(theirs) => {
            if float.is_nan(ours) == float.is_nan(theirs) { Ok(0.0) } else { Err(f64::INFINITY) }
        }
        Class::Near { float, ulps, absolute } => {
            let found = float.ulps(ours, theirs);
            let near = (float.value(ours) - float.value(theirs)).abs() <= absolute;
            // Within the absolute bound units in the last place say nothing.
            if near && found > ulps { Ok(0.0) } else { keep(found as f64, found <= ulps) }
        }
        _ => keep(if ours == theirs { 0.0 } else { 1.0 }, ours == theirs),
    }
}

const fn keep(distance: f64, good: bool) -> Result<f64, f64> {
    if good { Ok(distance) } else { Err(distance) }
}

fn note(outcome: &mut Outcome, different: bool, distance: Result<f64, f64>, words: impl FnOnce() -> String) {
    outcome.values += 1;
    outcome.different += usize::from(different);
    let (Ok(found) | Err(found)) = distance;
    outcome.worst = outcome.worst.max(found);
    if distance.is_err() {
        outcome.wrong += 1;
        if outcome.first.is_none() {
            outcome.first = Some(words());
        }
    }
}

/// Matrix products: each element, and with what differs how much that is of the greatest addend of its sum.
fn sums(form: &Form, shape: Shape, inputs: &[u8], (ours, theirs): (&[u8], &[u8]), outcome: &mut Outcome) {
    let (registers, _, _) = shape.registers();
    let Some(&output) = form.outputs.first() else { return };
    let size = output.bits() as usize / 8 * form.threads as usize;
    for warp in 0..form.threads as usize / 32 {
        let operands: Vec<Vec<u64>> = (0..32).map(|lane| form.operands(inputs, warp * 32 + lane)).collect();
        for (row, column) in (0..shape.m).flat_map(|row| (0..shape.n).map(move |column| (row, column))) {
            let Some(sum) = shape.sum(&operands, row, column) else { continue };
            let (lane, register, part) = shape.place(row, column);
            debug_assert!(register < registers);
            let get = |packed: &[u8]| {
                let bits = value(output, packed, register * size, warp * 32 + lane)?;
                Some(bits >> (part as u32 * shape.sum.bits() % 64) & shape.sum.mask())
            };
            let (Some(ours), Some(theirs)) = (get(ours), get(theirs)) else { continue };
            let (a, b) = (shape.sum.decode(ours), shape.sum.decode(theirs));
            let difference = (a - b).abs();
            let distance = if ours == theirs {
                Ok(0.0)
            } else {
                let found = difference / sum.greatest().max(f64::MIN_POSITIVE);
                // A difference of NaN is one of a NaN and a number.
                Err(if found.is_nan() { f64::INFINITY } else { found })
            };
            note(outcome, ours != theirs, distance, || {
                format!(
                    "warp {warp}, element ({row}, {column}): {a:e} ({ours:#x}), and hardware has {b:e} ({theirs:#x}); \
                     the sum of {:?}",
                    sum
                )
            });
        }
    }
}

#[cfg(test)]
mod tests;
