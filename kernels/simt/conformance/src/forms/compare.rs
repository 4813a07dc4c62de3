//! Comparisons (PTX ISA 9.0, sections 9.7.5 and 9.7.6).

use super::{input, output};
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "compare";

const FLOAT: &[&str] =
    &["eq", "ne", "lt", "le", "gt", "ge", "equ", "neu", "ltu", "leu", "gtu", "geu", "num", "nan"];
const SIGNED: &[&str] = &["eq", "ne", "lt", "le", "gt", "ge"];
const UNSIGNED: &[&str] = &["eq", "ne", "lt", "le", "gt", "ge", "lo", "ls", "hi", "hs"];

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut setp = |how: &str, ty: &str| {
        forms.push(Form::plain(FAMILY, &format!("setp.{how}.{ty}"), &[input(ty); 2], Output::Pred));
    };
    for (compares, types) in [
        (FLOAT, ["f32", "f64", "f16", "bf16"].as_slice()),
        (SIGNED, &["s16", "s32", "s64"]),
        (UNSIGNED, &["u16", "u32", "u64"]),
        (&["eq", "ne"], &["b16", "b32", "b64"]),
    ] {
        for compare in compares {
            for ty in types {
                setp(compare, ty);
            }
        }
    }
    for compare in FLOAT {
        setp(&format!("{compare}.ftz"), "f32");
    }
    for compare in ["lt", "ne"] {
        setp(&format!("{compare}.ftz"), "f16");
    }
    forms.extend(combined());
    forms.extend(sets());
    forms
}

/// With a second predicate, or combined with one.
fn combined() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut form = |name: &str, inputs: &[Input], outputs: &[Output], body: &str| {
        forms.push(Form::new(FAMILY, name, inputs, outputs, body));
    };
    for ty in ["s32", "u64", "f32"] {
        for combine in ["and", "or", "xor"] {
            let (a, name) = (input(ty), format!("setp.lt.{combine}.{ty}"));
            let inputs = [a, a, Input::Pred];
            form(&name, &inputs, &[Output::Pred], &format!("{name} %o0, %i0, %i1, %i2;"));
            form(&format!("{name} !c"), &inputs, &[Output::Pred], &format!("{name} %o0, %i0, %i1, !%i2;"));
            form(
                &format!("{name} p|q"),
                &inputs,
                &[Output::Pred; 2],
                &format!("{name} %o0|%o1, %i0, %i1, %i2;"),
            );
        }
        let name = format!("setp.ge.{ty}");
        form(
            &format!("{name} p|q"),
            &[input(ty); 2],
            &[Output::Pred; 2],
            &format!("{name} %o0|%o1, %i0, %i1;"),
        );
    }
    for ty in ["f16x2", "bf16x2"] {
        for compare in ["eq", "lt", "geu", "nan", "ne"] {
            let name = format!("setp.{compare}.{ty}");
            form(&name, &[input(ty); 2], &[Output::Pred; 2], &format!("{name} %o0|%o1, %i0, %i1;"));
        }
    }
    forms
}

fn sets() -> Vec<Form> {
    let mut forms = Vec::new();
    let mut set = |compare: &str, to: &str, ty: &str| {
        forms.push(
            Form::plain(FAMILY, &format!("set.{compare}.{to}.{ty}"), &[input(ty); 2], output(to))
                .of_threads(512),
        );
    };
    for ty in ["s32", "u32", "f32", "f64", "u16", "s64"] {
        for to in ["u32", "s32", "f32"] {
            set("lt", to, ty);
        }
    }
    set("neu.ftz", "f32", "f32");
    for (to, ty) in [("f16", "f16"), ("bf16", "bf16"), ("f16x2", "f16x2"), ("bf16x2", "bf16x2")] {
        for compare in ["eq", "gt", "ltu"] {
            set(compare, to, ty);
        }
    }
    forms
}
