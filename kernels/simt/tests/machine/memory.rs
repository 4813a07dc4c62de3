//! Accesses that are not allowed, each at its line.

use simt::{Checks, Device, FaultKind, Options};

use crate::support::{fault, kernel, line_of, run_on, threads, words};

#[test]
fn a_store_past_the_end_names_buffer_and_thread() {
    let text = kernel("", "st.global.u32 [%rd1], %r0;");
    let found = fault(&text, &threads(33), 32);
    assert_eq!(found.kind, FaultKind::OutOfBounds);
    let place = found.place.clone().unwrap();
    assert_eq!((place.thread, place.ptx_line), ([32, 0, 0], line_of(&text, "st.global")));
    assert_eq!(found.target.clone().unwrap().buffer, Some(("out".to_owned(), 128, 128)));
    let json = found.to_json();
    assert_eq!(json["kind"], "out_of_bounds");
    assert_eq!(json["place"]["instruction"], "st.global.u32 [%rd1], %r0;");
}

#[test]
fn shared_memory_has_an_end_and_must_be_written_first() {
    let text = kernel(
        ".shared .align 4 .b8 tile[128];",
        "mov.u32 %r2, tile;\nmad.lo.u32 %r2, %r0, 4, %r2;\nst.shared.u32 [%r2], 1;",
    );
    assert_eq!(fault(&text, &threads(64), 1).kind, FaultKind::OutOfBounds);
    let text = text.replace("st.shared.u32 [%r2], 1", "ld.shared.u32 %r3, [%r2]");
    assert_eq!(fault(&text, &threads(32), 1).kind, FaultKind::Uninitialised);
}

#[test]
fn local_memory_belongs_to_each_thread() {
    let text = kernel(
        ".local .align 4 .b8 own[16];",
        "mov.u64 %rd2, own;\nst.local.u32 [%rd2+8], %r0;\nld.local.u32 %r2, [%rd2+8];\nst.global.u32 [%rd1], %r2;",
    );
    assert_eq!(words(&text, &threads(40), 40), (0..40).collect::<Vec<_>>());
    let beyond = text.replace("ld.local.u32 %r2, [%rd2+8]", "ld.local.u32 %r2, [%rd2+16]");
    assert_eq!(fault(&beyond, &threads(40), 40).kind, FaultKind::OutOfBounds);
    let unwritten = text.replace("ld.local.u32 %r2, [%rd2+8]", "ld.local.u32 %r2, [%rd2+4]");
    assert_eq!(fault(&unwritten, &threads(40), 40).kind, FaultKind::Uninitialised);
}

#[test]
fn generic_addresses_find_their_space() {
    let text = kernel(
        ".shared .align 4 .b8 tile[128];\n.local .align 4 .b8 own[4];",
        "mov.u64 %rd2, tile;\ncvta.shared.u64 %rd3, %rd2;\nmov.u64 %rd4, own;\ncvta.local.u64 %rd5, %rd4;\n\
         and.b32 %r2, %r0, 1;\nsetp.eq.u32 %p1, %r2, 0;\nmul.wide.u32 %rd6, %r0, 4;\nadd.s64 %rd3, %rd3, %rd6;\n\
         selp.b64 %rd7, %rd3, %rd5, %p1;\nst.u32 [%rd7], %r0;\nld.u32 %r3, [%rd7];\nst.u32 [%rd1], %r3;",
    );
    assert_eq!(words(&text, &threads(32), 32), (0..32).collect::<Vec<_>>());
}

#[test]
fn a_check_that_is_off_finds_nothing_and_leaves_no_bounds() {
    let text = kernel("", "st.global.u32 [%rd1], %r0;");
    let options = Options { checks: Checks { bounds: false, ..Checks::ALL }, ..Options::default() };
    let outcome = run_on(&Device::new(options), &text, &threads(64), 32);
    assert!(outcome.report.is_ok());
    assert_eq!(outcome.words, (0..32).collect::<Vec<_>>());
}

#[test]
fn constants_are_read_and_never_written() {
    let text = kernel("", "mov.u64 %rd2, table;\nld.const.u32 %r2, [%rd2+4];\nst.global.u32 [%rd1], %r2;");
    let text = text.replace(".visible .entry", ".const .align 4 .u32 table[2] = {3, 4};\n.visible .entry");
    assert_eq!(words(&text, &threads(2), 2), [4, 4]);
    let written = text.replace(
        "ld.const.u32 %r2, [%rd2+4];",
        "cvta.const.u64 %rd3, %rd2;\nmov.u32 %r2, 1;\nst.u32 [%rd3], %r2;",
    );
    assert_eq!(fault(&written, &threads(1), 1).kind, FaultKind::ReadOnly);
}
