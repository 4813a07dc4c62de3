//! Matrix products of a warp (PTX ISA 9.0, section 9.7.14.5).

use crate::class::Class;
use crate::form::{Form, Output};
use crate::fragment::{Element, Fragment, Role};
use crate::inputs::Input;
use crate::matrix::Shape;

pub(super) const FAMILY: &str = "matrix";

/// `m`, `n`, `k`, names of `d`, `a`, `b`, what their elements are, and how far sums are from the exact ones, see [`Class::Accumulation`].
type Row = (u32, u32, u32, [&'static str; 3], [Element; 2], Option<i32>);

const F16: Element = Element::F16;
const F32: Element = Element::F32;

const ROWS: &[Row] = &[
    (16, 8, 8, ["f32", "f16", "f16"], [F32, F16], Some(-20)),
    (16, 8, 16, ["f32", "f16", "f16"], [F32, F16], Some(-20)),
    (16, 8, 8, ["f16", "f16", "f16"], [F16, F16], Some(-9)),
    (16, 8, 16, ["f16", "f16", "f16"], [F16, F16], Some(-9)),
    (16, 8, 8, ["f32", "bf16", "bf16"], [F32, Element::BF16], Some(-20)),
    (16, 8, 16, ["f32", "bf16", "bf16"], [F32, Element::BF16], Some(-20)),
    (16, 8, 4, ["f32", "tf32", "tf32"], [F32, Element::TF32], Some(-20)),
    (16, 8, 8, ["f32", "tf32", "tf32"], [F32, Element::TF32], Some(-20)),
    (16, 8, 32, ["f32", "e4m3", "e4m3"], [F32, Element::E4M3], Some(-12)),
    (16, 8, 32, ["f32", "e5m2", "e5m2"], [F32, Element::E5M2], Some(-12)),
    (16, 8, 16, ["s32", "s8", "s8"], [Element::S32, Element::Byte], None),
    (16, 8, 16, ["s32", "u8", "u8"], [Element::S32, Element::Byte], None),
    (16, 8, 16, ["s32", "s8", "u8"], [Element::S32, Element::Byte], None),
    (16, 8, 32, ["s32", "s8", "s8"], [Element::S32, Element::Byte], None),
    (16, 8, 32, ["s32", "u8", "s8"], [Element::S32, Element::Byte], None),
    (16, 8, 32, ["s32", "u8", "u8"], [Element::S32, Element::Byte], None),
    (8, 8, 4, ["f64", "f64", "f64"], [Element::F64, Element::F64], Some(-50)),
];

pub(super) fn forms() -> Vec<Form> {
    let mut forms: Vec<Form> = ROWS.iter().map(|row| product(row, "")).collect();
    forms.extend(ROWS.iter().filter(|row| row.3[0] == "s32").map(|row| product(row, ".satfinite")));
    forms
}

fn product(row: &Row, saturate: &str) -> Form {
    let &(m, n, k, [d, a, b], [sum, factor], share) = row;
    let shape = Shape { m, n, k, sum, factor };
    let (ds, as_, bs) = shape.registers();
    let mut inputs = Vec::new();
    for (count, element, role) in [(as_, factor, Role::A), (bs, factor, Role::B), (ds, sum, Role::C)] {
        inputs.extend(std::iter::repeat_n(Input::Fragment(Fragment { element, role }), count));
    }
    let list = |prefix: char, from: usize, count: usize| {
        let names: Vec<String> = (from..from + count).map(|index| format!("%{prefix}{index}")).collect();
        format!("{{{}}}", names.join(", "))
    };
    let name = format!("mma.sync.aligned.m{m}n{n}k{k}.row.col{saturate}.{d}.{a}.{b}.{d}");
    let body = format!(
        "{name} {}, {}, {}, {};",
        list('o', 0, ds),
        list('i', 0, as_),
        list('i', as_, bs),
        list('i', as_ + bs, ds)
    );
    let output = if sum == Element::F64 { Output::B64 } else { Output::B32 };
    let threads = match (share, sum) {
        (None, _) => 256,
        (_, Element::F64) => 512,
        _ => 1024,
    };
    let form = Form::new(FAMILY, &name, &inputs, &vec![output; ds], &body).of_threads(threads);
    match share {
        Some(share) => form.within(Class::Accumulation { shape, share }),
        None => form,
    }
}
