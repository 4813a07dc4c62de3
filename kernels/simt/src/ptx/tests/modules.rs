//! Modules: declarations, scopes, labels, lines of source.

use super::{module, problem};
use crate::ptx::{CallOperand, Location, Op, Space, Type, VariableId, decode};

#[test]
fn a_text_begins_with_its_version_target_and_address_size() {
    let decoded = decode(".version 8.7 .target sm_90a, debug .address_size 64").unwrap();
    assert_eq!((decoded.version, decoded.target), ((8, 7), (90, "a".to_owned())));
    for (text, expected) in [
        ("", "expected `.version`"),
        (".version 5.0", "the version `5.0` is not known"),
        (".version 10.0", "the version `10.0` is not known"),
        (".version 9.0 .target sm_60", "the target `sm_60` is not known"),
        (".version 9.0 .target sm_90x", "the target `sm_90x` is not known"),
        (".version 9.0 .target sm_90, texmode_unified", "`texmode_unified` is not known"),
        (".version 9.0 .target sm_90 .address_size 32", "only 64"),
        (".version 9.0 .target sm_90 .entry k() { }", "`.address_size 64`"),
        ("\u{e9}", "a character"),
        (".version 9.0 /* ", "a comment that does not end"),
        (".version 9.0 .target sm_90 .address_size 64 .file 1 \"x", "a string that does not end"),
    ] {
        let found = decode(text).unwrap_err();
        assert_eq!(found.line, 1);
        assert!(found.problem.contains(expected), "{text}: {found}");
    }
}

#[test]
fn variables_have_space_size_alignment_and_content() {
    let decoded = module(
        ".global .align 8 .u64 p[2] = {generic(x), y+-8};\n.global .u32 x = -2;\n.const .align 16 .f32 y[2][3] = {{1.5, 0f3F800000}, {2.0}};\n\
         .extern .shared .align 16 .b8 dynamic[];\n.shared .v4 .f32 fixed[2];\n.global .b16 open[] = {1, 2, 3};\n.global .u8 a, b[3];",
    )
    .unwrap();
    let found: Vec<_> = decoded
        .variables
        .iter()
        .map(|variable| {
            (variable.name.as_str(), variable.space, variable.align, variable.bytes, variable.line)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("p", Space::Global, 8, Some(16), 4),
            ("x", Space::Global, 4, Some(4), 5),
            ("y", Space::Const, 16, Some(24), 6),
            ("dynamic", Space::Shared, 16, None, 7),
            ("fixed", Space::Shared, 16, Some(32), 8),
            ("open", Space::Global, 2, Some(6), 9),
            ("a", Space::Global, 1, Some(1), 10),
            ("b", Space::Global, 1, Some(3), 10),
        ]
    );
    let addresses = [(0, "x".to_owned(), 0, true), (8, "y".to_owned(), -8, false)];
    assert_eq!(decoded.variables[0].addresses, addresses);
    assert_eq!(decoded.variables[1].initial, [0xfe, 0xff, 0xff, 0xff]);
    let numbers: Vec<u8> =
        [1.5_f32, 1.0, 0.0, 2.0, 0.0, 0.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(decoded.variables[2].initial, numbers);
    assert_eq!(decoded.variables[5].initial, [1, 0, 2, 0, 3, 0]);
}

#[test]
fn kernels_have_parameters_limits_and_registers() {
    let decoded = module(
        ".visible .entry k(.param .u64 .ptr .global .align 16 a, .param .align 8 .b8 s[24])\n.maxntid 128, 2\n.reqntid 64\n\
         .minnctapersm 2\n{ .reg .b32 %r<3>; .reg .pred %p; ret; }",
    )
    .unwrap();
    let kernel = &decoded.functions[0];
    assert!(kernel.entry && kernel.returns.is_empty());
    assert_eq!(kernel.parameters, [VariableId::Local(0), VariableId::Local(1)]);
    assert_eq!((kernel.variables[1].bytes, kernel.variables[1].align), (Some(24), 8));
    assert_eq!((kernel.max_threads, kernel.required_threads), (Some([128, 2, 1]), Some([64, 1, 1])));
    let registers: Vec<_> =
        kernel.registers.iter().map(|register| (register.name.as_str(), register.ty)).collect();
    assert_eq!(registers, [("%r0", Type::B32), ("%r1", Type::B32), ("%r2", Type::B32), ("%p", Type::Pred)]);
}

#[test]
fn scopes_hide_registers_and_labels() {
    let decoded = module(
        ".entry k() { .reg .b32 x; mov.b32 x, 1; { .reg .b32 x; mov.b32 x, 2; bra L; L: mov.b32 x, 3; }\n\
         { bra L; L: mov.b32 x, 4; } bra L; L: ret; }",
    )
    .unwrap();
    let body = decoded.functions[0].body.as_ref().unwrap();
    let written: Vec<_> = body
        .iter()
        .filter_map(|instruction| match &instruction.op {
            Op::Alu { to, .. } => Some(to[0].0),
            _ => None,
        })
        .collect();
    assert_eq!(written, [0, 1, 1, 0]);
    let targets: Vec<_> = body
        .iter()
        .filter_map(|instruction| match instruction.op {
            Op::Branch { target, .. } => Some(target),
            _ => None,
        })
        .collect();
    assert_eq!(targets, [3, 5, 7]);
}

#[test]
fn calls_name_a_declared_function() {
    let decoded = module(
        ".extern .func (.param .b32 r) vprintf (.param .b64 f, .param .b64 a);\n.func noreturn_one () .noreturn;\n\
         .func (.param .b32 r) twice (.param .b32 a) { .reg .b32 x; ld.param.b32 x, [a]; st.param.b32 [r+0], x; ret; }\n\
         .entry k() { .reg .b32 x; { .param .b64 p0; .param .b64 p1; .param .b32 v;\n\
         call.uni (v), vprintf, (p0, p1); } call (x), twice, (7); call noreturn_one; ret; }",
    )
    .unwrap();
    let calls: Vec<_> = decoded.functions[3]
        .body
        .iter()
        .flatten()
        .filter_map(|instruction| match &instruction.op {
            Op::Call { function, to, from } => Some((function.as_str(), to.clone(), from.clone())),
            _ => None,
        })
        .collect();
    let local = |index| CallOperand::Variable(VariableId::Local(index));
    assert_eq!(calls[0], ("vprintf", vec![local(2)], vec![local(0), local(1)]));
    assert_eq!(calls[1].2, [CallOperand::Bits(7)]);
    assert_eq!(calls[2], ("noreturn_one", vec![], vec![]));
    assert!(decoded.functions[0].body.is_none() && decoded.functions[2].body.is_some());
}

#[test]
fn a_definition_takes_the_place_of_its_declaration() {
    let decoded =
        module(".func f (.param .b32 a); .func f (.param .b32 a) { ret; } .func f (.param .b32 a);").unwrap();
    assert_eq!(decoded.functions.len(), 1);
    assert!(decoded.functions[0].body.is_some());
}

#[test]
fn lines_of_source_are_kept() {
    let decoded = module(
        ".entry k() {\n.loc 1 5 0\n.loc 2 7 9, function_name $L__info_string0, inlined_at 1 41 3\nret; }\n\
         .file 1 \"a.cu\"\n.file 2 \"b.cuh\", 12, 34\n.section .debug_str {\n$L__info_string0:\n.b8 95, 0\n.b64 $L__info_string0+4\n.b32 a-b\n}\n\
         .section .debug_loc { }",
    )
    .unwrap();
    let ret = &decoded.functions[0].body.as_ref().unwrap()[0];
    assert_eq!(ret.line, 7);
    assert_eq!(ret.source, Some(Location { file: 2, line: 7, column: 9, inlined_at: Some((1, 41)) }));
    assert_eq!(decoded.files.get(&2).map(String::as_str), Some("b.cuh"));
}

#[test]
fn what_a_module_may_not_have_is_refused() {
    for (text, expected) in [
        (".extern .global .u32 x;", "nothing is linked"),
        (".global .texref t;", "`.texref` is not known"),
        (".global .attribute(.managed) .u32 x;", "`.attribute` is not known"),
        (".alias a, b;", "`.alias` is not known"),
        (".section .nv { }", "the section `.nv` is not known"),
        (".section .debug_x { .f32 1 }", "a label"),
        (".global .u32 x = 4294967296;", "does not fit"),
        (".global .u32 x = y;", "64 bits"),
        (".global .u64 x = y;", "which is no variable"),
        (".global .u32 x; .global .u32 x;", "declared twice"),
        (".global .align 3 .u32 x;", "power of two"),
        (".global .pred x;", "`.pred` is not known"),
        (".global .u32 x[];", "has no size"),
        (".entry k() .explicitcluster { }", "`.explicitcluster` is not known"),
        (".entry k() .reqnctapercluster 2 { }", "`.reqnctapercluster` is not known"),
        (".entry k() { } .entry k() { }", "defined twice"),
        (".func f (.param .b32 a); .func f (.param .b64 a) { }", "other parameters"),
        (".func (.reg .b32 r) f () { }", "`.param`"),
        (".entry k() { .reg .b32 a; .reg .b64 a; }", "declared twice"),
        (".entry k() { .reg .b32 r<4>; .reg .b32 r3; }", "declared twice"),
        (".entry k() { .reg .b32 r3; .reg .b32 r<4>; }", "declared twice"),
        (".entry k() { .reg .b128 a; }", "no registers `.b128`"),
        (".entry k() { .reg .bf16 a; }", "no registers `.bf16`"),
        (".entry k() { .reg .v2 .f32 a; }", "no registers `.v2`"),
        (".entry k() { .global .u32 x; }", "`.global` is not known in a function"),
        (".entry k() { p: .callprototype _ (); }", "`.callprototype` is not known"),
        (".entry k() { L: L: ret; }", "declared twice"),
        (".entry k() { bra L; { L: ret; } }", "nowhere in reach"),
        (".entry k() { bra L; L: }", "no instruction follows"),
        (".entry k() { .reg .b32 i; brx.idx i, T; }", "nowhere in reach"),
        (".entry k() { @%p bra L; L: ret; }", "no predicate"),
        (".entry k() { @L ret; L: }", "no predicate"),
        (".entry k() { call f; }", "not declared before"),
        (".entry k() { ret }", "an operand"),
        (".entry k() { .reg .b32 a; mov.b32 a, 1 }", "`;`"),
        (".entry k() { ret; ", "the end of the text"),
        ("ret;", "a directive"),
    ] {
        let found = problem(text);
        assert!(found.contains(expected), "{text}: {found}");
        assert!(found.starts_with("4: "), "{text}: {found}");
    }
}
