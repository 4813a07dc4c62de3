//! Which NaN hardware gives: whether a payload goes through an instruction.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::class::Float;
use crate::compare::value;
use crate::form::{Form, Output};
use crate::record::Record;

/// The NaN of a form's first result: `None` where that is no float.
#[must_use]
pub fn results(form: &Form, packed: &[u8]) -> Option<(Float, BTreeSet<u64>)> {
    let (float, halves) = float(form)?;
    let output = *form.outputs.first()?;
    let mut found = BTreeSet::new();
    for thread in 0..form.threads as usize {
        let bits = value(output, packed, 0, thread)?;
        for half in 0..halves {
            let part = if float.bits() == 64 { bits } else { bits >> (half * float.bits()) & mask(float) };
            if float.is_nan(part) {
                found.insert(part);
            }
        }
    }
    Some((float, found))
}

const fn mask(float: Float) -> u64 {
    (1 << float.bits()) - 1
}

/// What the first result holds, and how many of them, by the form's name: its last part is a type.
fn float(form: &Form) -> Option<(Float, u32)> {
    if !matches!(form.family, "float" | "half" | "approximate") || form.outputs.first() == Some(&Output::Pred)
    {
        return None;
    }
    let name = form.name.split([' ', ',']).next()?;
    Some(match name.rsplit('.').next()? {
        "f16" => (Float::F16, 1),
        "bf16" => (Float::BF16, 1),
        "f16x2" => (Float::F16x2, 2),
        "bf16x2" => (Float::BF16x2, 2),
        "f32" => (Float::F32, 1),
        "f64" => (Float::F64, 1),
        _ => return None,
    })
}

/// The part of the page about NaN: for each instruction and type, which NaN it gave.
pub(crate) fn section<'a>(record: &Record, forms: impl Iterator<Item = &'a Form>) -> String {
    let mut rows: BTreeMap<(String, String), BTreeSet<u64>> = BTreeMap::new();
    for form in forms {
        let Ok(packed) = record.of(form) else { continue };
        let Some((float, found)) = results(form, packed) else { continue };
        let instruction = form.name.split('.').next().unwrap_or_default().to_owned();
        let ty = format!("{float:?}").to_lowercase().replace("x2", "");
        rows.entry((ty, instruction)).or_default().extend(found);
    }
    // Instructions of a type that give the same NaN share a row.
    let mut shared: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for ((ty, instruction), found) in rows {
        let all: Vec<String> = found.iter().map(|bits| format!("{bits:#x}")).collect();
        let what = match all.len() {
            0 => "none".to_owned(),
            1..=4 => all.join(", "),
            count => format!("{count}, the payloads of operands among them"),
        };
        shared.entry((ty, what)).or_default().push(instruction);
    }
    let mut text =
        "\n## NaN\n\nWhich NaN hardware gave for edge values (NaN with payloads, infinities, negative \
                    values) and for random bits.\n\n| type | instructions | NaN |\n|---|---|---|\n"
            .to_owned();
    for ((ty, what), instructions) in shared {
        let _ = writeln!(text, "| {ty} | {} | {what} |", instructions.join(", "));
    }
    text
}
