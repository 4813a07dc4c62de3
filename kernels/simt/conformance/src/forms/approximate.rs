//! Functions that hardware computes to a few units (PTX ISA 9.0, section 9.7.3). The bounds are those of the ISA, or
//! tighter where hardware was measured to be; the page of the record has what was measured.

use crate::class::{Class, Float};
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "approximate";

const fn near(float: Float, ulps: u64, absolute: f64) -> Class {
    Class::Near { float, ulps, absolute }
}

/// 2^-20.5, up to 2 pi.
const TURN: f64 = 6.75e-7;
/// 2^-14.7, up to 100 pi.
const TURNS: f64 = 3.76e-5;
/// 2^-22, of logarithms near 0.
const LOGARITHM: f64 = 2.4e-7;

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut plain = |name: &str, inputs: &[Input], ulps: u64, absolute: f64| {
        let class = near(Float::F32, ulps, absolute);
        forms.push(Form::plain(FAMILY, name, inputs, Output::B32).within(class).of_threads(2048));
    };
    for ftz in ["", ".ftz"] {
        for (function, ulps) in [("rcp", 1), ("sqrt", 1), ("rsqrt", 2), ("tanh", 1 << 13)] {
            if function != "tanh" || ftz.is_empty() {
                plain(&format!("{function}.approx{ftz}.f32"), &[Input::F32], ulps, 0.0);
            }
        }
        plain(&format!("ex2.approx{ftz}.f32"), &[Input::F32], 2, 0.0);
        plain(&format!("lg2.approx{ftz}.f32"), &[Input::F32], 2, LOGARITHM);
        plain(&format!("div.approx{ftz}.f32"), &[Input::F32; 2], 2, 0.0);
        plain(&format!("div.full{ftz}.f32"), &[Input::F32; 2], 2, 0.0);
        let angle = [Input::Within(std::f32::consts::TAU)];
        plain(&format!("sin.approx{ftz}.f32"), &angle, 2, TURN);
        plain(&format!("cos.approx{ftz}.f32"), &angle, 2, TURN);
    }
    let angle = [Input::Within(100.0 * std::f32::consts::PI)];
    for function in ["sin", "cos"] {
        let (name, body) =
            (format!("{function}.approx.f32 to 100 pi"), format!("{function}.approx.f32 %o0, %i0;"));
        let form = Form::new(FAMILY, &name, &angle, &[Output::B32], &body);
        forms.push(form.within(near(Float::F32, 2, TURNS)).of_threads(2048));
    }
    for function in ["ex2", "tanh"] {
        let range = [Input::Within(16.0)];
        let (name, body) =
            (format!("{function}.approx.f32 to 16"), format!("{function}.approx.f32 %o0, %i0;"));
        let ulps = if function == "ex2" { 2 } else { 1 << 13 };
        let form = Form::new(FAMILY, &name, &range, &[Output::B32], &body);
        forms.push(form.within(near(Float::F32, ulps, 0.0)).of_threads(2048));
    }
    // The upper 32 bits of the result hold its 20 leading bits, the lower ones are zero.
    for (name, ulps) in
        [("rcp.approx.ftz.f64", 1 << 33), ("rsqrt.approx.f64", 1 << 33), ("rsqrt.approx.ftz.f64", 1 << 33)]
    {
        forms.push(Form::plain(FAMILY, name, &[Input::F64], Output::B64).within(near(Float::F64, ulps, 0.0)));
    }
    forms
}
