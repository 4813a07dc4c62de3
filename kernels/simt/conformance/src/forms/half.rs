//! Arithmetic of binary16 and bfloat16 (PTX ISA 9.0, section 9.7.4).

use super::{input, output};
use crate::class::{Class, Float};
use crate::form::{Form, Output};

pub(super) const FAMILY: &str = "half";

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut plain = |name: &str, ty: &str, count: usize| {
        forms.push(Form::plain(FAMILY, name, &vec![input(ty); count], output(ty)));
    };
    for ty in ["f16", "f16x2", "bf16", "bf16x2"] {
        for op in ["add", "sub", "mul"] {
            plain(&format!("{op}.rn.{ty}"), ty, 2);
            plain(&format!("{op}.{ty}"), ty, 2);
        }
        plain(&format!("fma.rn.{ty}"), ty, 3);
        plain(&format!("fma.rn.relu.{ty}"), ty, 3);
        for op in ["min", "max"] {
            for how in ["", ".NaN", ".xorsign.abs", ".NaN.xorsign.abs"] {
                plain(&format!("{op}{how}.{ty}"), ty, 2);
            }
        }
        for op in ["abs", "neg"] {
            plain(&format!("{op}.{ty}"), ty, 1);
        }
    }
    for ty in ["f16", "f16x2"] {
        for op in ["add", "sub", "mul"] {
            for how in ["ftz", "sat", "ftz.sat"] {
                plain(&format!("{op}.rn.{how}.{ty}"), ty, 2);
            }
        }
        for how in ["ftz", "sat", "ftz.sat", "ftz.relu"] {
            plain(&format!("fma.rn.{how}.{ty}"), ty, 3);
        }
        for op in ["min", "max"] {
            plain(&format!("{op}.ftz.{ty}"), ty, 2);
            plain(&format!("{op}.ftz.NaN.{ty}"), ty, 2);
        }
        for op in ["abs.ftz", "neg.ftz"] {
            plain(&format!("{op}.{ty}"), ty, 1);
        }
    }
    // The halves of a pair are computed alike, so that there are twice as many values.
    let forms =
        forms.into_iter().map(|form| if form.name.ends_with("x2") { form.of_threads(512) } else { form });
    forms.chain(approximate()).collect()
}

/// Measured: one unit in the last place from the nearest value at most. The ISA's bounds are 2^-9.9 and 2^-10.987 for
/// binary16, 2^-7 and 2^-8 for bfloat16.
fn approximate() -> Vec<Form> {
    let mut forms = Vec::new();
    for (name, ty, float, ulps) in [
        ("ex2.approx.f16", "f16", Float::F16, 1),
        ("ex2.approx.f16x2", "f16x2", Float::F16x2, 1),
        ("ex2.approx.ftz.bf16", "bf16", Float::BF16, 1),
        ("ex2.approx.ftz.bf16x2", "bf16x2", Float::BF16x2, 1),
        ("tanh.approx.f16", "f16", Float::F16, 1),
        ("tanh.approx.f16x2", "f16x2", Float::F16x2, 1),
        ("tanh.approx.bf16", "bf16", Float::BF16, 1),
        ("tanh.approx.bf16x2", "bf16x2", Float::BF16x2, 1),
    ] {
        let class = Class::Near { float, ulps, absolute: 0.0 };
        forms.push(Form::plain(FAMILY, name, &[input(ty)], output(ty)).within(class));
    }
    // One value of every eight that there are.
    for (function, float, ty) in [("ex2.approx.ftz", Float::BF16, "bf16"), ("tanh.approx", Float::F16, "f16")]
    {
        let body = format!(
            ".reg .b16 %x;\n.reg .b32 %y;\nmul.lo.u32 %y, %index, 52541;\nshr.u32 %y, %y, 5;\nand.b32 %y, %y, 7;\nmad.lo.u32 %y, %index, 8, %y;\ncvt.u16.u32 %x, %y;\n{function}.{ty} %o0, %x;"
        );
        let class = Class::Near { float, ulps: 1, absolute: 0.0 };
        let form = Form::new(
            FAMILY,
            &format!("{function}.{ty}, an eighth of all values"),
            &[],
            &[Output::B16],
            &body,
        );
        forms.push(form.within(class).of_threads(8192));
    }
    forms
}
