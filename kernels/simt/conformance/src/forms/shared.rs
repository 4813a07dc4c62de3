//! Shared memory, asynchronous copies and matrices loaded by a warp (PTX ISA 9.0, sections 9.7.9.8, 9.7.9.25 and
//! 9.7.14.5).

use super::output;
use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "shared";

/// 16 bytes for each thread of a block; `%a` is the address of the thread's own, `%n` of its neighbour's in the block.
const ROOM: &str = "\
.shared .align 16 .b8 room[2048];
.reg .b32 %a, %n, %base, %x, %y, %z;
.reg .b64 %w;
mov.u32 %base, room;
mad.lo.u32 %a, %thread, 16, %base;
xor.b32 %n, %thread, 37;
mad.lo.u32 %n, %n, 16, %base;
";

fn form(name: &str, inputs: &[Input], outputs: &[Output], body: &str) -> Form {
    Form::new(FAMILY, name, inputs, outputs, &format!("{ROOM}{body}"))
}

pub(super) fn forms() -> Vec<Form> {
    let mut forms = Vec::new();
    for ty in ["u8", "s8", "u16", "s16", "u32", "s32", "f32", "u64", "f64"] {
        let result = if ty.ends_with('8') { Output::B16 } else { output(ty) };
        let body = format!("st.shared.v2.b64 [%a], {{%i0, %i1}};\nbar.sync 0;\nld.shared.{ty} %o0, [%n+8];");
        forms.push(form(&format!("ld.shared.{ty}"), &[Input::I64; 2], &[result], &body));
        let (bits, store) = (result.bits(), format!("st.shared.{ty} [%a+8], %v;"));
        let convert =
            if bits == 64 { "mov.b64 %v, %i0;".to_owned() } else { format!("cvt.u{bits}.u64 %v, %i0;") };
        let body = format!(
            ".reg .b{bits} %v;\nst.shared.v2.b64 [%a], {{%i1, %i1}};\n{convert}\n{store}\nbar.sync 0;\nld.shared.b64 %o0, [%n+8];"
        );
        forms.push(form(&format!("st.shared.{ty}"), &[Input::I64; 2], &[Output::B64], &body));
    }
    for vector in ["v2.b32", "v4.f32", "v2.u16", "v4.u8"] {
        let (bits, count) =
            (if vector.contains("32") { Output::B32 } else { Output::B16 }, vector.as_bytes()[1] - b'0');
        let list: Vec<String> = (0..count).map(|index| format!("%o{index}")).collect();
        let body = format!(
            "st.shared.v2.b64 [%a], {{%i0, %i1}};\nbar.sync 0;\nld.shared.{vector} {{{}}}, [%n];",
            list.join(", ")
        );
        let form = form(&format!("ld.shared.{vector}"), &[Input::I64; 2], &vec![bits; count.into()], &body);
        forms.push(form);
    }
    forms.push(form(
        "ld.u32, generic, of shared memory",
        &[Input::I64; 2],
        &[Output::B32],
        "st.shared.v2.b64 [%a], {%i0, %i1};\nbar.sync 0;\ncvt.u64.u32 %w, %n;\ncvta.shared.u64 %w, %w;\nld.u32 %o0, [%w+12];",
    ));
    forms.push(form(
        "cvta.to.shared.u64",
        &[Input::I32],
        &[Output::B32],
        "cvt.u64.u32 %w, %a;\ncvta.shared.u64 %w, %w;\nst.u32 [%w], %i0;\ncvta.to.shared.u64 %w, %w;\ncvt.u32.u64 %x, %w;\nld.shared.u32 %o0, [%x];",
    ));
    forms.extend(copies());
    forms.extend(matrices());
    forms.into_iter().map(|form| form.of_threads(256)).collect()
}

fn copies() -> Vec<Form> {
    let read = "bar.sync 0;\nld.shared.v2.b64 {%o0, %o1}, [%n];";
    let mut forms = Vec::new();
    for (op, bytes) in [("ca", 4), ("ca", 8), ("ca", 16), ("cg", 16)] {
        let fill = "mov.u64 %w, 0x1111222233334444;\nst.shared.v2.b64 [%a], {%w, %w};\n";
        let copy = format!("cp.async.{op}.shared.global");
        let mut add = |name: &str, text: &str| {
            let body = format!("{fill}{text}{read}");
            forms.push(form(name, &[Input::I64; 2], &[Output::B64; 2], &body).in_memory());
        };
        add(
            &format!("{copy} {bytes}, wait_all"),
            &format!("{copy} [%a], [%in], {bytes};\ncp.async.wait_all;\n"),
        );
        add(
            &format!("{copy} {bytes}, wait_group"),
            &format!("{copy} [%a], [%in], {bytes};\ncp.async.commit_group;\ncp.async.wait_group 0;\n"),
        );
        // As many bytes as the thread's number says, the rest zeros.
        add(
            &format!("{copy} {bytes}, source bytes"),
            &format!(
                "rem.u32 %x, %thread, {};\n{copy} [%a], [%in], {bytes}, %x;\ncp.async.commit_group;\ncp.async.wait_group 0;\n",
                bytes + 1
            ),
        );
    }
    forms
}

/// Each warp has 512 bytes: four matrices of 8 by 8, whose rows lane 0 to 31 name, not in order.
const ROWS: &str = "\
and.b32 %x, %thread, 96;
mad.lo.u32 %base, %x, 16, %base;
mul.lo.u32 %y, %lane, 11;
and.b32 %y, %y, 31;
mad.lo.u32 %y, %y, 16, %base;
";

fn matrices() -> Vec<Form> {
    let mut forms = Vec::new();
    for count in [1_usize, 2, 4] {
        for trans in ["", ".trans"] {
            let list = |prefix: char| {
                (0..count).map(|index| format!("%{prefix}{index}")).collect::<Vec<_>>().join(", ")
            };
            let name = format!("ldmatrix.sync.aligned.m8n8.x{count}{trans}.shared.b16");
            let body = format!(
                "{ROWS}st.shared.v2.b64 [%a], {{%i0, %i1}};\nbar.warp.sync 0xffffffff;\n{name} {{{}}}, [%y];",
                list('o')
            );
            forms.push(form(&name, &[Input::I64; 2], &vec![Output::B32; count], &body));
            let name = format!("stmatrix.sync.aligned.m8n8.x{count}{trans}.shared.b16");
            let body = format!(
                "{ROWS}mov.u64 %w, 0;\nst.shared.v2.b64 [%a], {{%w, %w}};\nbar.warp.sync 0xffffffff;\n{name} [%y], {{{}}};\nbar.warp.sync 0xffffffff;\nld.shared.v2.b64 {{%o0, %o1}}, [%a];",
                list('i')
            );
            forms.push(form(&name, &vec![Input::I32; count], &[Output::B64; 2], &body));
        }
    }
    let name = "movmatrix.sync.aligned.m8n8.trans.b16";
    forms.push(form(name, &[Input::I32], &[Output::B32], &format!("{name} %o0, %i0;")));
    forms
}
