//! Lanes of a warp among each other (PTX ISA 9.0, sections 9.7.9.6, 9.7.13 and 10).

use crate::form::{Form, Output};
use crate::inputs::Input;

pub(super) const FAMILY: &str = "warp";

const ALL: &str = "0xffffffff";

fn form(name: &str, inputs: &[Input], outputs: &[Output], body: &str) -> Form {
    Form::new(FAMILY, name, inputs, outputs, body)
}

/// The even lanes of a warp that `%x` picks run `body` with the mask `%m`; the others keep zeros.
fn part(name: &str, inputs: &[Input], body: &str) -> Form {
    let text = format!(
        ".reg .pred %p;\n.reg .b32 %m, %x;\nmov.u32 %m, 0x55a5c3f1;\nmov.u32 %o0, 0;\nshr.u32 %x, %m, %lane;\nand.b32 %x, %x, 1;\nsetp.eq.u32 %p, %x, 0;\n@%p bra DONE;\n{body}\nDONE:"
    );
    form(name, inputs, &[Output::B32], &text)
}

pub(super) fn forms() -> Vec<Form> {
    let mut forms = shuffles();
    for mode in ["all", "any", "uni"] {
        for (remark, predicate) in [("", "%p"), (" !p", "!%p")] {
            // A condition that is the same in some warps: of no lane, of some, of all.
            let body = format!(
                ".reg .pred %p;\n.reg .b32 %w, %x;\nshr.u32 %w, %index, 5;\nand.b32 %w, %w, 3;\nmul.lo.u32 %w, %w, 11;\nsetp.lt.u32 %p, %lane, %w;\nvote.sync.{mode}.pred %o0, {predicate}, {ALL};"
            );
            forms.push(form(
                &format!("vote.sync.{mode}.pred{remark}"),
                &[Input::Pred],
                &[Output::Pred],
                &body,
            ));
        }
    }
    for (remark, predicate) in [("", "%i0"), (" !p", "!%i0")] {
        let body = format!("vote.sync.ballot.b32 %o0, {predicate}, {ALL};");
        forms.push(form(&format!("vote.sync.ballot.b32{remark}"), &[Input::Pred], &[Output::B32], &body));
    }
    forms.push(part(
        "vote.sync.ballot.b32 of some lanes",
        &[Input::Pred],
        "vote.sync.ballot.b32 %o0, %i0, %m;",
    ));
    for ty in ["b32", "b64"] {
        let few = if ty == "b32" { "%x" } else { "%w" };
        let narrow = ".reg .b32 %x, %y;\n.reg .b64 %w;\nand.b32 %x, %i0, 3;\nshr.u32 %y, %index, 5;\nand.b32 %y, %y, 1;\nmul.lo.u32 %x, %x, %y;\ncvt.u64.u32 %w, %x;\nshl.b64 %w, %w, 40;\n";
        let body = format!("{narrow}match.any.sync.{ty} %o0, {few}, {ALL};");
        forms.push(form(&format!("match.any.sync.{ty}"), &[Input::I32], &[Output::B32], &body));
        let body = format!("{narrow}match.all.sync.{ty} %o0|%o1, {few}, {ALL};");
        forms.push(form(&format!("match.all.sync.{ty}"), &[Input::I32], &[Output::B32, Output::Pred], &body));
    }
    forms.push(part(
        "match.any.sync.b32 of some lanes",
        &[Input::Below(5)],
        "match.any.sync.b32 %o0, %i0, %m;",
    ));
    for op in
        ["add.u32", "add.s32", "min.u32", "min.s32", "max.u32", "max.s32", "and.b32", "or.b32", "xor.b32"]
    {
        let name = format!("redux.sync.{op}");
        // Bits that all lanes have, so that something is left of 32 values.
        let value = if op == "and.b32" {
            "mul.lo.u32 %x, %x, 77773;\nor.b32 %x, %x, %i0;"
        } else {
            "mov.b32 %x, %i0;"
        };
        let body = format!(
            ".reg .b32 %x;\nshr.u32 %x, %index, 5;\nadd.u32 %x, %x, 1;\n{value}\n{name} %o0, %x, {ALL};"
        );
        forms.push(form(&name, &[Input::I32], &[Output::B32], &body));
    }
    forms.push(part("redux.sync.add.u32 of some lanes", &[Input::I32], "redux.sync.add.u32 %o0, %i0, %m;"));
    forms.push(part("redux.sync.min.s32 of some lanes", &[Input::I32], "redux.sync.min.s32 %o0, %i0, %m;"));
    forms.push(part("activemask.b32 of some lanes", &[Input::I32], "bar.warp.sync %m;\nactivemask.b32 %o0;"));
    forms.push(form("activemask.b32", &[Input::I32], &[Output::B32], "activemask.b32 %o0;"));
    forms.push(form(
        "elect.sync",
        &[Input::I32],
        &[Output::B32, Output::Pred],
        &format!("elect.sync %o0|%o1, {ALL};"),
    ));
    for special in ["eq", "le", "lt", "ge", "gt"] {
        let body = format!("mov.u32 %o0, %lanemask_{special};");
        forms.push(form(&format!("%lanemask_{special}"), &[], &[Output::B32], &body).of_threads(128));
    }
    for special in ["tid.x", "ntid.x", "ntid.y", "ntid.z", "ctaid.x", "nctaid.x", "nctaid.y", "laneid"] {
        let body = format!("mov.u32 %o0, %{special};");
        forms.push(form(&format!("%{special}"), &[], &[Output::B32], &body).of_threads(256));
    }
    forms
}

fn shuffles() -> Vec<Form> {
    let mut forms = Vec::new();
    let lane = [Input::I32, Input::Below(32)];
    for (mode, clamp) in [("up", 0), ("down", 31), ("bfly", 31), ("idx", 31)] {
        let name = format!("shfl.sync.{mode}.b32");
        let body = format!("{name} %o0, %i0, %i1, {clamp}, {ALL};");
        forms.push(form(&name, &lane, &[Output::B32], &body));
        let body = format!("{name} %o0|%o1, %i0, %i1, {clamp}, {ALL};");
        forms.push(form(&format!("{name} d|p"), &lane, &[Output::B32, Output::Pred], &body));
        // Segments of 8 lanes: the mask of the segment is in bits 8 to 12.
        let clamp = if mode == "up" { 0x1800 } else { 0x1807 };
        let body = format!("{name} %o0|%o1, %i0, %i1, {clamp}, {ALL};");
        forms.push(form(&format!("{name} in segments"), &lane, &[Output::B32, Output::Pred], &body));
        // Any lane and any clamp: only their low bits count.
        let body = format!("{name} %o0|%o1, %i0, %i1, %i2, {ALL};");
        forms.push(form(
            &format!("{name} of any clamp"),
            &[Input::I32; 3],
            &[Output::B32, Output::Pred],
            &body,
        ));
    }
    // Lanes that take part read only such: the lowest that does is 0.
    forms.push(part(
        "shfl.sync.idx.b32 of some lanes",
        &[Input::I32],
        "mov.u32 %x, 8;\nshfl.sync.idx.b32 %o0, %i0, %x, 31, %m;",
    ));
    forms
}
