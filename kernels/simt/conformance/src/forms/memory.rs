//! Loads, stores and addresses, in global, local and constant memory (PTX ISA 9.0, section 9.7.9).

use super::output;
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "memory";

fn result(ty: &str) -> Output {
    if ty.ends_with('8') { Output::B16 } else { output(ty) }
}

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    let two = [Input::I64; 2];
    // A register may be wider than what is loaded: the sign is extended, or zeros are.
    for ty in ["u8", "s8", "b8", "u16", "s16", "b16", "u32", "s32", "b32", "f32", "u64", "s64", "b64", "f64"]
    {
        let name = format!("ld.global.{ty}");
        forms.push(
            Form::new(FAMILY, &name, &two, &[result(ty)], &format!("{name} %o0, [%in+8];")).in_memory(),
        );
        if ty.starts_with(['u', 's']) && !ty.ends_with("64") {
            let body = format!("{name} %o0, [%in+8];");
            let wide = Form::new(FAMILY, &format!("{name} into 64 bits"), &two, &[Output::B64], &body);
            forms.push(wide.in_memory());
        }
        let body = format!(
            ".reg .b64 %x;\nmov.b64 %x, 0;\nst.global.b64 [%out], %x;\nld.global.b64 %x, [%in];\n{}\nld.global.b64 %o0, [%out];",
            store(ty, "global", "%out")
        );
        forms.push(Form::new(FAMILY, &format!("st.global.{ty}"), &two, &[Output::B64], &body).in_memory());
    }
    for (vector, ty) in [
        ("v2", "u8"),
        ("v2", "s8"),
        ("v4", "u8"),
        ("v2", "b16"),
        ("v4", "u16"),
        ("v2", "f32"),
        ("v4", "b32"),
        ("v4", "f32"),
        ("v2", "b64"),
        ("v2", "f64"),
        ("v4", "s8"),
    ] {
        let count = if vector == "v2" { 2 } else { 4 };
        let name = format!("ld.global.{vector}.{ty}");
        let list: Vec<String> = (0..count).map(|index| format!("%o{index}")).collect();
        let body = format!("{name} {{{}}}, [%in];", list.join(", "));
        forms.push(Form::new(FAMILY, &name, &two, &vec![result(ty); count], &body).in_memory());
        let moved = format!(
            ".reg .b{} %x<{count}>;\nld.global.{vector}.{ty} {{{x}}}, [%in];\nst.global.{vector}.{ty} [%out], {{{x}}};\nld.global.b32 %o0, [%out];",
            result(ty).bits(),
            x = (0..count).rev().map(|index| format!("%x{index}")).collect::<Vec<_>>().join(", "),
        );
        let form = Form::new(FAMILY, &format!("st.global.{vector}.{ty}"), &two, &[Output::B32], &moved);
        forms.push(form.in_memory());
    }
    for how in ["nc", "ca", "cg", "cs", "volatile", "relaxed.gpu", "acquire.gpu", "nc.L1::no_allocate"] {
        let name = match how {
            "volatile" => "ld.volatile.global.u32".to_owned(),
            "relaxed.gpu" | "acquire.gpu" => format!("ld.{how}.global.u32"),
            _ => format!("ld.global.{how}.u32"),
        };
        forms.push(
            Form::new(FAMILY, &name, &two, &[Output::B32], &format!("{name} %o0, [%in+4];")).in_memory(),
        );
    }
    for name in [
        "st.volatile.global.u32",
        "st.relaxed.gpu.global.u32",
        "st.release.sys.global.u32",
        "st.global.wb.u32",
    ] {
        let body = format!("{name} [%out], %i0;\nld.volatile.global.u32 %o0, [%out];");
        forms.push(Form::new(FAMILY, name, &[Input::I32], &[Output::B32], &body));
    }
    forms.extend(addresses());
    // What is computed does not hang on the values: one block is enough.
    forms.into_iter().map(|form| form.of_threads(128)).collect()
}

/// Stores the low bits of `%x`.
fn store(ty: &str, space: &str, address: &str) -> String {
    match result(ty).bits() {
        64 => format!("st.{space}.{ty} [{address}], %x;"),
        bits => format!(".reg .b{bits} %y;\ncvt.u{bits}.u64 %y, %x;\nst.{space}.{ty} [{address}], %y;"),
    }
}

fn addresses() -> Vec<Form> {
    let table =
        ".const .align 8 .b32 table[16] = {3, 1, 4, 1, 5, 9, 2, 6, 0xffffffff, 5, 8, 9, 7, 9, 3, 2};\n";
    let global = ".global .align 8 .b32 table[16] = {3, 1, 4, 1, 5, 9, 2, 6, 0xffffffff, 5, 8, 9};\n";
    let generic = "cvta.global.u64 %p, %in;\n";
    let form = |name: &str, input: &[Input], outputs: &[Output], body: &str| {
        Form::new(FAMILY, name, input, outputs, &format!(".reg .b64 %p, %q;\n.reg .b32 %x, %y;\n{body}"))
    };
    let index = [Input::Below(16)];
    let local = "mov.u64 %p, room;\nmul.wide.u32 %q, %i1, 4;\nadd.s64 %q, %p, %q;";
    vec![
        form("ld.u32, generic", &[Input::I64], &[Output::B32], &format!("{generic}ld.u32 %o0, [%p+4];"))
            .in_memory(),
        form(
            "st.u32, generic",
            &[Input::I32],
            &[Output::B32],
            "cvta.global.u64 %p, %out;\nst.u32 [%p], %i0;\nld.u32 %o0, [%p];",
        ),
        form(
            "isspacep",
            &[Input::I32],
            &[Output::Pred; 6],
            ".shared .align 4 .b8 room[64];\n.local .align 4 .b8 own[16];\ncvta.global.u64 %p, %in;\nisspacep.global %o0, %p;\nisspacep.shared %o1, %p;\nmov.u64 %q, room;\ncvta.shared.u64 %q, %q;\nisspacep.shared %o2, %q;\nisspacep.global %o3, %q;\nmov.u64 %q, own;\ncvta.local.u64 %q, %q;\nisspacep.local %o4, %q;\nisspacep.shared %o5, %q;",
        ),
        form(
            "ld.const.u32",
            &index,
            &[Output::B32],
            "mul.wide.u32 %q, %i0, 4;\nmov.u64 %p, table;\nadd.s64 %p, %p, %q;\nld.const.u32 %o0, [%p];",
        )
        .with_module(table),
        form("ld.const.v2.u32", &[Input::I32], &[Output::B32; 2], "ld.const.v2.u32 {%o0, %o1}, [table+32];")
            .with_module(table),
        form(
            "ld.global.u32 [variable]",
            &index,
            &[Output::B32],
            "mul.wide.u32 %q, %i0, 4;\nmov.u64 %p, table;\nadd.s64 %p, %p, %q;\nld.global.u32 %o0, [%p];",
        )
        .with_module(global),
        form(
            "generic(variable)",
            &[Input::I32],
            &[Output::B32],
            "ld.global.u64 %p, [pointer];\nld.u32 %o0, [%p+4];",
        )
        .with_module(&format!("{global}.global .align 8 .u64 pointer = generic(table);\n")),
        form(
            "st.local.u32 ld.local.u32",
            &[Input::I32, Input::Below(8)],
            &[Output::B32; 2],
            &format!(
                ".local .align 4 .b8 room[32];\n{local}\nst.local.v2.u32 [room+0], {{%index, %index}};\nst.local.v2.u32 [room+8], {{%i1, %i0}};\nst.local.v2.u32 [room+16], {{%index, %i0}};\nst.local.v2.u32 [room+24], {{%i0, %i1}};\nst.local.u32 [%q], %i0;\nld.local.u32 %o0, [%q];\nxor.b32 %x, %i1, 1;\nmul.wide.u32 %q, %x, 4;\nadd.s64 %q, %p, %q;\nld.local.u32 %o1, [%q];"
            ),
        ),
        form(
            "ld.local through a generic address",
            &[Input::I32, Input::Below(8)],
            &[Output::B32],
            &format!(
                ".local .align 4 .b8 room[32];\n{local}\nst.local.u32 [%q], %i0;\ncvta.local.u64 %q, %q;\nld.u32 %x, [%q];\nadd.u32 %x, %x, 1;\nst.u32 [%q], %x;\nld.u32 %o0, [%q];"
            ),
        ),
        form(
            "cvta.to.global.u64",
            &[Input::I32],
            &[Output::B32],
            "cvta.global.u64 %p, %out;\ncvta.to.global.u64 %q, %p;\nst.global.u32 [%q], %i0;\nld.global.u32 %o0, [%out];",
        ),
        form(
            "ld.param.u64",
            &[Input::I32],
            &[Output::Pred],
            "ld.param.u64 %p, [form_param_2];\nld.param.u32 %x, [form_param_2+4];\nshr.u64 %q, %p, 32;\ncvt.u32.u64 %y, %q;\nsetp.eq.u32 %o0, %x, %y;",
        ),
        form(
            "prefetch.global.L2",
            &[Input::I32],
            &[Output::B32],
            "prefetch.global.L2 [%in];\nmov.u32 %o0, %i0;",
        ),
    ]
}
