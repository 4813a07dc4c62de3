//! Arithmetic of binary32 and binary64, rounded as IEEE 754 says (PTX ISA 9.0, section 9.7.3).

use super::{input, output};
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "float";

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut plain = |name: &str, inputs: &[Input], result: Output| {
        forms.push(Form::plain(FAMILY, name, inputs, result));
    };
    let f32 = Input::F32;
    for round in ["rn", "rz", "rm", "rp"] {
        for (op, count) in [("add", 2), ("sub", 2), ("mul", 2), ("fma", 3)] {
            plain(&format!("{op}.{round}.f32"), &vec![f32; count], Output::B32);
            plain(&format!("{op}.{round}.ftz.f32"), &vec![f32; count], Output::B32);
            plain(&format!("{op}.{round}.f64"), &vec![Input::F64; count], Output::B64);
            if round == "rn" || op == "fma" {
                plain(&format!("{op}.{round}.sat.f32"), &vec![f32; count], Output::B32);
            }
        }
        for (op, count) in [("div", 2), ("rcp", 1), ("sqrt", 1)] {
            plain(&format!("{op}.{round}.f32"), &vec![f32; count], Output::B32);
            plain(&format!("{op}.{round}.ftz.f32"), &vec![f32; count], Output::B32);
            plain(&format!("{op}.{round}.f64"), &vec![Input::F64; count], Output::B64);
        }
    }
    for op in ["add", "mul", "fma"] {
        let count = if op == "fma" { 3 } else { 2 };
        plain(&format!("{op}.rn.ftz.sat.f32"), &vec![f32; count], Output::B32);
    }
    // Without a rounding: to nearest. Alone, nothing can be fused with it.
    for ty in ["f32", "f64"] {
        for op in ["add", "sub", "mul"] {
            plain(&format!("{op}.{ty}"), &[input(ty); 2], output(ty));
        }
        for op in ["abs", "neg"] {
            plain(&format!("{op}.{ty}"), &[input(ty)], output(ty));
        }
        for op in ["min", "max", "copysign"] {
            plain(&format!("{op}.{ty}"), &[input(ty); 2], output(ty));
        }
        for class in ["finite", "infinite", "number", "notanumber", "normal", "subnormal"] {
            plain(&format!("testp.{class}.{ty}"), &[input(ty)], Output::Pred);
        }
    }
    for op in ["abs.ftz", "neg.ftz"] {
        plain(&format!("{op}.f32"), &[f32], Output::B32);
    }
    for op in ["min", "max"] {
        for how in ["ftz", "NaN", "ftz.NaN", "xorsign.abs", "ftz.NaN.xorsign.abs"] {
            plain(&format!("{op}.{how}.f32"), &[f32; 2], Output::B32);
        }
    }
    // What kernels are made of: all pairs of edge values.
    let common = |form: &Form| form.name.starts_with(['a', 's', 'm', 'f']) && form.name.ends_with(".rn.f32");
    forms.into_iter().map(|form| if common(&form) { form.of_threads(2048) } else { form }).collect()
}
