//! Arithmetic of integers (PTX ISA 9.0, sections 9.7.1 and 9.7.2).

use super::{input, output, wide};
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "integer";

const ALL: &[&str] = &["u16", "s16", "u32", "s32", "u64", "s64"];

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut plain = |name: &str, inputs: &[Input], result: Output| {
        forms.push(Form::plain(FAMILY, name, inputs, result));
    };
    for ty in ALL {
        let (a, d) = (input(ty), output(ty));
        for op in ["add", "sub", "mul.lo", "mul.hi", "div", "rem", "min", "max"] {
            plain(&format!("{op}.{ty}"), &[a, a], d);
        }
        plain(&format!("sad.{ty}"), &[a, a, a], d);
        plain(&format!("mad.lo.{ty}"), &[a, a, a], d);
        plain(&format!("mad.hi.{ty}"), &[a, a, a], d);
        if ty.starts_with('s') {
            plain(&format!("abs.{ty}"), &[a], d);
            plain(&format!("neg.{ty}"), &[a], d);
        }
        if ty.ends_with("64") {
            continue;
        }
        let c = if ty.ends_with("16") { Input::I32 } else { Input::I64 };
        plain(&format!("mul.wide.{ty}"), &[a, a], wide(ty));
        plain(&format!("mad.wide.{ty}"), &[a, a, c], wide(ty));
    }
    for op in ["add.sat.s32", "sub.sat.s32"] {
        plain(op, &[Input::I32; 2], Output::B32);
    }
    for ty in ["b32", "b64"] {
        for op in ["popc", "clz"] {
            plain(&format!("{op}.{ty}"), &[input(ty)], Output::B32);
        }
        plain(&format!("brev.{ty}"), &[input(ty)], output(ty));
        plain(&format!("bfi.{ty}"), &[input(ty), input(ty), Input::Position, Input::Position], output(ty));
    }
    for ty in ["u32", "s32", "u64", "s64"] {
        plain(&format!("bfind.{ty}"), &[input(ty)], Output::B32);
        plain(&format!("bfind.shiftamt.{ty}"), &[input(ty)], Output::B32);
        plain(&format!("bfe.{ty}"), &[input(ty), Input::Position, Input::Position], output(ty));
    }
    for signs in ["u32.u32", "u32.s32", "s32.u32", "s32.s32"] {
        for op in ["dp4a", "dp2a.lo", "dp2a.hi"] {
            plain(&format!("{op}.{signs}"), &[Input::I32; 3], Output::B32);
        }
    }
    forms.extend(carries());
    forms
}

/// With the carry flag: two words, so that it goes in and comes out.
fn carries() -> Vec<Form> {
    let mut forms = Vec::new();
    for ty in ["u32", "s32", "u64", "s64"] {
        let (a, d) = (input(ty), output(ty));
        for (op, last) in [("add", "addc"), ("sub", "subc")] {
            let body = format!(
                "{op}.cc.{ty} %o0, %i0, %i1;\n{last}.cc.{ty} %o1, %i2, %i3;\n{last}.{ty} %o2, %i0, %i3;"
            );
            let name = format!("{op}.cc.{ty} {last}.cc.{ty} {last}.{ty}");
            forms.push(Form::new(FAMILY, &name, &[a; 4], &[d; 3], &body).of_threads(512));
        }
    }
    forms
}
