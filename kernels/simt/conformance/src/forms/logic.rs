//! Bits, shifts, bytes and choices (PTX ISA 9.0, sections 9.7.7, 9.7.8 and 9.7.9).

use super::{input, output};
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "logic";

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut plain = |name: &str, inputs: &[Input], result: Output| {
        forms.push(Form::plain(FAMILY, name, inputs, result));
    };
    for ty in ["pred", "b16", "b32", "b64"] {
        let (a, d) = (input(ty), output(ty));
        for op in ["and", "or", "xor"] {
            plain(&format!("{op}.{ty}"), &[a, a], d);
        }
        plain(&format!("not.{ty}"), &[a], d);
        if ty != "pred" {
            plain(&format!("cnot.{ty}"), &[a], d);
            plain(&format!("shl.{ty}"), &[a, Input::Position], d);
        }
    }
    for ty in ["b16", "u16", "s16", "b32", "u32", "s32", "b64", "u64", "s64"] {
        plain(&format!("shr.{ty}"), &[input(ty), Input::Position], output(ty));
    }
    for op in ["shf.l.clamp", "shf.l.wrap", "shf.r.clamp", "shf.r.wrap"] {
        plain(&format!("{op}.b32"), &[Input::I32, Input::I32, Input::Position], Output::B32);
    }
    // The selector picks bytes and repeats signs: bits 0 to 15 count.
    plain("prmt.b32", &[Input::I32; 3], Output::B32);
    for mode in ["f4e", "b4e", "rc8", "ecl", "ecr", "rc16"] {
        plain(&format!("prmt.b32.{mode}"), &[Input::I32; 3], Output::B32);
    }
    for ty in ["b16", "u16", "s16", "b32", "u32", "s32", "f32", "b64", "u64", "s64", "f64"] {
        plain(&format!("selp.{ty}"), &[input(ty), input(ty), Input::Pred], output(ty));
    }
    for ty in ["b16", "b32", "b64", "f32", "f64", "u32", "s64"] {
        for (compare, c) in [("s32", Input::I32), ("f32", Input::F32)] {
            plain(&format!("slct.{ty}.{compare}"), &[input(ty), input(ty), c], output(ty));
        }
    }
    plain("slct.ftz.b32.f32", &[Input::I32, Input::I32, Input::F32], Output::B32);
    for ty in ["b16", "b32", "b64", "u16", "u32", "s32", "u64", "f32", "f64", "pred"] {
        plain(&format!("mov.{ty}"), &[input(ty)], output(ty));
    }
    // The tables of a choice, a majority, an exclusive or of three, and two without symmetry.
    for table in [0xca_u8, 0xe8, 0x96, 0x1b, 0x40] {
        let body = format!("lop3.b32 %o0, %i0, %i1, %i2, {table};");
        forms.push(Form::new(
            FAMILY,
            &format!("lop3.b32 {table:#04x}"),
            &[Input::I32; 3],
            &[Output::B32],
            &body,
        ));
    }
    // What only moves values needs few of them.
    let moves = |form: &Form| ["mov", "selp", "slct"].iter().any(|op| form.name.starts_with(op));
    let forms = forms.into_iter().map(|form| if moves(&form) { form.of_threads(256) } else { form });
    forms.chain(packing().into_iter().map(|form| form.of_threads(256))).collect()
}

fn packing() -> Vec<Form> {
    let form = |name: &str, inputs: &[Input], outputs: &[Output], body: &str| {
        Form::new(FAMILY, name, inputs, outputs, body)
    };
    vec![
        form("mov.b32 {16, 16}", &[Input::I16; 2], &[Output::B32], "mov.b32 %o0, {%i0, %i1};"),
        form("mov.b64 {32, 32}", &[Input::I32; 2], &[Output::B64], "mov.b64 %o0, {%i0, %i1};"),
        form(
            "mov.b64 {16, 16, 16, 16}",
            &[Input::I16; 4],
            &[Output::B64],
            "mov.b64 %o0, {%i0, %i1, %i2, %i3};",
        ),
        form("{16, 16} mov.b32", &[Input::I32], &[Output::B16; 2], "mov.b32 {%o0, %o1}, %i0;"),
        form("{32, 32} mov.b64", &[Input::I64], &[Output::B32; 2], "mov.b64 {%o0, %o1}, %i0;"),
        form(
            "{16, 16, 16, 16} mov.b64",
            &[Input::I64],
            &[Output::B16; 4],
            "mov.b64 {%o0, %o1, %o2, %o3}, %i0;",
        ),
        form("{_, 32} mov.b64", &[Input::I64], &[Output::B32], ".reg .b32 %x;\nmov.b64 {%x, %o0}, %i0;"),
        form(
            "@p add.u32",
            &[Input::Pred, Input::I32, Input::I32],
            &[Output::B32],
            "mov.u32 %o0, %i1;\n@%i0 add.u32 %o0, %i1, %i2;",
        ),
        form(
            "@!p add.u32",
            &[Input::Pred, Input::I32, Input::I32],
            &[Output::B32],
            "mov.u32 %o0, %i1;\n@!%i0 add.u32 %o0, %i1, %i2;",
        ),
    ]
}
