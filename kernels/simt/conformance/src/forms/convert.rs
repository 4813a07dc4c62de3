//! Conversions (PTX ISA 9.0, section 9.7.9.21).

use super::{input, output};
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "convert";

const INTEGERS: &[&str] = &["u8", "s8", "u16", "s16", "u32", "s32", "u64", "s64"];

/// 8-bit values live in registers of 16 bits.
fn register(ty: &str) -> Input {
    if ty.ends_with('8') { Input::I16 } else { input(ty) }
}

fn result(ty: &str) -> Output {
    if ty.ends_with('8') { Output::B16 } else { output(ty) }
}

/// Floats that are to become something narrower.
fn float(ty: &str) -> Input {
    if ty == "f32" { Input::Limits } else { input(ty) }
}

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut cvt = |name: &str, from: Input, to: Output| {
        forms.push(Form::plain(FAMILY, name, &[from], to).of_threads(256));
    };
    for to in INTEGERS {
        for from in INTEGERS.iter().filter(|from| *from != to) {
            cvt(&format!("cvt.{to}.{from}"), register(from), result(to));
        }
    }
    for (to, from) in [
        ("u8", "s32"),
        ("s8", "s32"),
        ("u16", "s32"),
        ("s16", "s32"),
        ("u32", "s32"),
        ("s32", "u32"),
        ("s32", "s64"),
        ("u32", "s64"),
        ("u8", "u64"),
        ("s64", "u64"),
        ("s16", "u16"),
    ] {
        cvt(&format!("cvt.sat.{to}.{from}"), register(from), result(to));
    }
    for from in ["f32", "f64", "f16", "bf16"] {
        for round in ["rni", "rzi", "rmi", "rpi"] {
            for to in ["u32", "s32", "u64", "s64", "u16", "s16", "u8", "s8"] {
                let common = round == "rzi" || matches!(to, "u32" | "s32" | "s64");
                if common && (from != "bf16" || (round == "rzi" && !to.ends_with('8'))) {
                    cvt(&format!("cvt.{round}.{to}.{from}"), float(from), result(to));
                }
            }
            if from != "bf16" {
                cvt(&format!("cvt.{round}.{from}.{from}"), float(from), output(from));
            }
        }
        for to in ["u32", "s32", "u64", "s64", "u16", "s16", "u8", "s8"] {
            if from != "bf16" || !to.ends_with('8') {
                cvt(&format!("cvt.rn.{from}.{to}"), register(to), output(from));
            }
        }
    }
    for round in ["rz", "rm", "rp"] {
        for (to, from) in
            [("f32", "u32"), ("f32", "s32"), ("f32", "u64"), ("f32", "s64"), ("f64", "u64"), ("f64", "s64")]
        {
            cvt(&format!("cvt.{round}.{to}.{from}"), input(from), output(to));
        }
    }
    for round in ["rn", "rz", "rm", "rp"] {
        cvt(&format!("cvt.{round}.f32.f64"), Input::F64, Output::B32);
        cvt(&format!("cvt.{round}.ftz.f32.f64"), Input::F64, Output::B32);
        cvt(&format!("cvt.{round}.f16.f64"), Input::F64, Output::B16);
        cvt(&format!("cvt.{round}.f16.f32"), Input::Limits, Output::B16);
    }
    for name in ["cvt.f32.f16", "cvt.ftz.f32.f16", "cvt.sat.f32.f16"] {
        cvt(name, Input::F16, Output::B32);
    }
    for name in ["cvt.f32.bf16", "cvt.ftz.f32.bf16"] {
        cvt(name, Input::BF16, Output::B32);
    }
    cvt("cvt.f64.f16", Input::F16, Output::B64);
    for name in ["cvt.f64.f32", "cvt.ftz.f64.f32", "cvt.sat.f64.f32"] {
        cvt(name, Input::F32, Output::B64);
    }
    for name in ["cvt.ftz.rzi.s32.f32", "cvt.ftz.rpi.u32.f32", "cvt.rni.ftz.f32.f32", "cvt.sat.f32.f32"] {
        let name = name.replace("cvt.ftz.rzi", "cvt.rzi.ftz").replace("cvt.ftz.rpi", "cvt.rpi.ftz");
        cvt(&name, Input::Limits, Output::B32);
    }
    for name in ["cvt.ftz.sat.f32.f32", "cvt.ftz.f32.f32", "cvt.rn.sat.f32.u32"] {
        cvt(name, if name.ends_with("u32") { Input::I32 } else { Input::F32 }, Output::B32);
    }
    for name in ["cvt.rn.relu.f16.f32", "cvt.rn.ftz.f16.f32", "cvt.rn.sat.f16.f32", "cvt.rz.relu.bf16.f32"] {
        cvt(name, Input::Limits, Output::B16);
    }
    for name in ["cvt.rn.bf16.f32", "cvt.rz.bf16.f32", "cvt.rn.relu.bf16.f32"] {
        cvt(name, Input::Limits, Output::B16);
    }
    for name in ["cvt.rna.tf32.f32", "cvt.rn.tf32.f32", "cvt.rz.tf32.f32", "cvt.rn.relu.tf32.f32"] {
        cvt(name, Input::Limits, Output::B32);
    }
    forms.extend(packed());
    forms
}

/// Two values into one register, and back.
fn packed() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut cvt = |name: &str, from: &[Input], to: Output| {
        forms.push(Form::plain(FAMILY, name, from, to).of_threads(512))
    };
    for ty in ["f16x2", "bf16x2"] {
        for how in ["rn", "rz", "rn.relu", "rz.relu"] {
            cvt(&format!("cvt.{how}.{ty}.f32"), &[Input::Limits; 2], Output::B32);
        }
    }
    for ty in ["e4m3x2", "e5m2x2"] {
        for how in ["rn.satfinite", "rn.satfinite.relu"] {
            cvt(&format!("cvt.{how}.{ty}.f32"), &[Input::Limits; 2], Output::B16);
            cvt(&format!("cvt.{how}.{ty}.f16x2"), &[Input::F16x2], Output::B16);
        }
        for how in ["rn", "rn.relu"] {
            cvt(&format!("cvt.{how}.f16x2.{ty}"), &[Input::I16], Output::B32);
        }
    }
    forms
}
