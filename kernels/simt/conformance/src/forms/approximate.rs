//! Functions that hardware computes to a few units (PTX ISA 9.0, section 9.7.3). The virtual device gives the nearest
//! value. The bounds are the greatest distances from it that an H200 was measured to have, over all values of the
//! record; none is wider than what the ISA allows. The page of the record has the distance of each form.

use crate::class::{Class, Float};
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "approximate";

const fn near(float: Float, ulps: u64, absolute: f64) -> Class {
    Class::Near { float, ulps, absolute }
}

/// Sine and cosine up to 2 pi: measured 6.5565e-7; the ISA has 2^-20.5, which is 6.74e-7.
const TURN: f64 = 6.557e-7;
/// Up to 100 pi: measured 3.4124e-5; the ISA has 2^-14.7, which is 3.76e-5.
const TURNS: f64 = 3.413e-5;
/// Logarithms near 0: measured 1.7881e-7; the ISA has 2^-22, which is 2.38e-7.
const LOGARITHM: f64 = 1.789e-7;
/// Units in the last place of `tanh`: measured 117; the ISA has a relative 2^-11, which is 4096 to 8192.
const TANH: u64 = 117;
/// Units in the last place of what has 20 bits in its upper word: measured one unit of that word.
const UPPER: u64 = 1 << 32;

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut plain = |name: &str, inputs: &[Input], ulps: u64, absolute: f64| {
        let class = near(Float::F32, ulps, absolute);
        forms.push(Form::plain(FAMILY, name, inputs, Output::B32).within(class).of_threads(2048));
    };
    for ftz in ["", ".ftz"] {
        for (function, ulps) in [("rcp", 1), ("sqrt", 1), ("rsqrt", 1), ("tanh", TANH)] {
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
        let ulps = if function == "ex2" { 2 } else { TANH };
        let form = Form::new(FAMILY, &name, &range, &[Output::B32], &body);
        forms.push(form.within(near(Float::F32, ulps, 0.0)).of_threads(2048));
    }
    // With `.ftz` the upper 32 bits of the result hold its 20 leading bits, the lower ones are zero.
    for (name, ulps) in
        [("rcp.approx.ftz.f64", UPPER), ("rsqrt.approx.f64", 1), ("rsqrt.approx.ftz.f64", UPPER)]
    {
        forms.push(Form::plain(FAMILY, name, &[Input::F64], Output::B64).within(near(Float::F64, ulps, 0.0)));
    }
    forms
}
