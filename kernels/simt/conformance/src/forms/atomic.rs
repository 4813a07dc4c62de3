//! Atomic operations (PTX ISA 9.0, sections 9.7.13.6 and 9.7.13.7): each thread on memory of its own, where the old
//! value is known, and all threads on the same memory, where only what does not depend on their order is kept.

use super::{input, output};
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "atomic";

const OPS: &[(&str, &[&str])] = &[
    ("add", &["u32", "s32", "u64", "f32", "f64", "noftz.f16", "noftz.f16x2", "noftz.bf16", "noftz.bf16x2"]),
    ("min", &["u32", "s32", "u64", "s64"]),
    ("max", &["u32", "s32", "u64", "s64"]),
    ("and", &["b32", "b64"]),
    ("or", &["b32", "b64"]),
    ("xor", &["b32", "b64"]),
    ("exch", &["b32", "b64"]),
    ("inc", &["u32"]),
    ("dec", &["u32"]),
];

fn own(name: &str, op: &str, ty: &str, inputs: usize, sharing: &str) -> Form {
    let (ty, d) = (ty.trim_start_matches("noftz."), output(ty));
    let bits = d.bits();
    let operands: Vec<String> = (1..inputs).map(|index| format!("%i{index}")).collect();
    let operands = operands.join(", ");
    let returns = !op.starts_with("red");
    let to = if returns { "%o0, " } else { "" };
    let old = if returns { String::new() } else { format!("mov.b{bits} %o0, %i0;\n") };
    let body = match sharing {
        "shared" => format!(
            ".shared .align 8 .b8 room[1024];\n.reg .b32 %a;\nmov.u32 %a, room;\nmad.lo.u32 %a, %thread, 8, %a;\nst.shared.b{bits} [%a], %i0;\n{old}{op} {to}[%a], {operands};\nld.shared.b{bits} %o1, [%a];"
        ),
        "generic" => format!(
            ".reg .b64 %a;\ncvta.global.u64 %a, %in;\n{old}{op} {to}[%a], {operands};\nld.b{bits} %o1, [%a];"
        ),
        _ => format!("{old}{op} {to}[%in], {operands};\nld.global.b{bits} %o1, [%in];"),
    };
    Form::new(FAMILY, name, &vec![input(ty); inputs], &[d; 2], &body).of_threads(128)
}

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    for (op, types) in OPS {
        for ty in *types {
            let name = format!("atom.global.{op}.{ty}");
            forms.push(own(&name, &name, ty, 2, "global"));
            if *op != "exch" {
                let name = format!("red.global.{op}.{ty}");
                forms.push(own(&name, &name, ty, 2, "global"));
            }
        }
    }
    for ty in ["u32", "u64", "f32", "f64", "noftz.f16x2"] {
        let name = format!("atom.shared.add.{ty}");
        forms.push(own(&name, &name, ty, 2, "shared"));
        let name = format!("atom.add.{ty}");
        forms.push(own(&format!("{name}, generic"), &name, ty, 2, "generic"));
    }
    for ty in ["b16", "b32", "b64"] {
        for (space, sharing) in [("global", "global"), ("shared", "shared")] {
            let name = format!("atom.{space}.cas.{ty}");
            forms.push(own(&name, &name, ty, 3, sharing));
            // What is compared is what is there.
            let mut hit = own(&format!("{name} that hits"), &name, ty, 3, sharing);
            hit.body = hit.body.replace("%i1, %i2;", "%i0, %i2;");
            forms.push(hit);
        }
    }
    for name in [
        "atom.relaxed.gpu.global.add.u32",
        "atom.acq_rel.sys.global.exch.b32",
        "atom.acquire.cta.global.or.b32",
    ] {
        forms.push(own(name, name, "u32", 2, "global"));
    }
    forms.extend(together());
    forms
}

/// All threads on 16 cells of 8 bytes.
fn together() -> Vec<Form> {
    let mut forms = Vec::new();
    for (op, operand) in [
        ("add.u32", Input::I32),
        ("add.s32", Input::I32),
        ("add.u64", Input::I64),
        ("min.u32", Input::I32),
        ("max.s32", Input::I32),
        ("min.s64", Input::I64),
        ("max.u64", Input::I64),
        ("and.b32", Input::I32),
        ("or.b64", Input::I64),
        ("xor.b32", Input::I32),
        ("xor.b64", Input::I64),
        ("inc.u32", Input::OneOf(&[50])),
        ("dec.u32", Input::OneOf(&[77])),
        ("add.f32", Input::Whole(1000)),
        ("add.f64", Input::Whole64(1_000_000)),
        ("add.noftz.f16x2", Input::OneOf(&[0x3c00_0000, 0x0000_bc00, 0x0000_3c00, 0xbc00_3c00])),
        ("add.noftz.bf16x2", Input::OneOf(&[0x3f80_0000, 0x0000_bf80, 0x0000_3f80])),
    ] {
        for kind in ["atom", "red"] {
            let bits = operand.width();
            let old = if kind == "atom" { "%old, " } else { "" };
            let body = format!(
                ".reg .b32 %c;\n.reg .b64 %a;\n.reg .b{bits} %old;\nand.b32 %c, %index, 15;\nmad.wide.u32 %a, %c, 8, %scratch;\n{kind}.global.{op} {old}[%a], %i0;"
            );
            let scratch = if matches!(op, "and.b32" | "min.u32") { vec![0xff; 128] } else { vec![0; 128] };
            let form = Form::new(FAMILY, &format!("{kind}.global.{op} by all"), &[operand], &[], &body);
            forms.push(form.with_scratch(scratch));
        }
    }
    let body = ".shared .align 8 .b8 room[64];\n.reg .b32 %c, %a, %x;\n.reg .b64 %b;\nand.b32 %c, %thread, 15;\nmov.u32 %a, room;\nmad.lo.u32 %a, %c, 4, %a;\nmov.u32 %x, 0;\nst.shared.u32 [%a], %x;\nbar.sync 0;\natom.shared.add.u32 %x, [%a], %i0;\nbar.sync 0;\nld.shared.u32 %o0, [%a];";
    // Threads of a cell all clear it: the one that is alone in it for that is the first of its kind.
    let body = body.replace(
        "st.shared.u32 [%a], %x;",
        ".reg .pred %p;\nsetp.lt.u32 %p, %thread, 16;\n@%p st.shared.u32 [%a], %x;",
    );
    forms.push(Form::new(FAMILY, "atom.shared.add.u32 by a block", &[Input::I32], &[Output::B32], &body));
    forms
}
