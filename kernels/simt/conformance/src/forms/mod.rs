//! Every form, a file for each family.

mod approximate;
mod atomic;
mod compare;
mod control;
mod convert;
mod float;
mod half;
mod integer;
mod logic;
mod matrix;
mod memory;
mod shared;
mod warp;

use crate::form::{Form, Output};
use crate::inputs::Input;

/// A family, and what makes its forms.
pub type Family = (&'static str, fn() -> Vec<Form>);

/// Every family, in the order of the record.
pub const FAMILIES: &[Family] = &[
    (integer::FAMILY, integer::forms),
    (logic::FAMILY, logic::forms),
    (float::FAMILY, float::forms),
    (approximate::FAMILY, approximate::forms),
    (half::FAMILY, half::forms),
    (compare::FAMILY, compare::forms),
    (convert::FAMILY, convert::forms),
    (memory::FAMILY, memory::forms),
    (shared::FAMILY, shared::forms),
    (atomic::FAMILY, atomic::forms),
    (warp::FAMILY, warp::forms),
    (control::FAMILY, control::forms),
    (matrix::FAMILY, matrix::forms),
];

/// Every form.
#[must_use]
pub fn forms() -> Vec<Form> {
    FAMILIES.iter().flat_map(|(_, forms)| forms()).collect()
}

/// Operands of a type, by its name.
fn input(ty: &str) -> Input {
    match ty {
        "f16" => Input::F16,
        "bf16" => Input::BF16,
        "f16x2" => Input::F16x2,
        "bf16x2" => Input::BF16x2,
        "f32" => Input::F32,
        "f64" => Input::F64,
        "pred" => Input::Pred,
        _ if ty.ends_with("16") => Input::I16,
        _ if ty.ends_with("64") => Input::I64,
        _ => Input::I32,
    }
}

/// The result of a type, by its name.
fn output(ty: &str) -> Output {
    match ty {
        "pred" => Output::Pred,
        "f16x2" | "bf16x2" => Output::B32,
        _ if ty.ends_with("16") => Output::B16,
        _ if ty.ends_with("64") => Output::B64,
        _ => Output::B32,
    }
}

/// The type of twice the width.
fn wide(ty: &str) -> Output {
    if ty.ends_with("16") { Output::B32 } else { Output::B64 }
}
