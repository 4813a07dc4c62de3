//! Lanes that part, and come together again.

use simt::FaultKind;

use crate::support::{fault, kernel, threads, words};

#[test]
fn lanes_take_both_ways_of_a_branch() {
    let text = kernel(
        "",
        "and.b32 %r2, %r0, 1;\nsetp.eq.s32 %p1, %r2, 0;\n@%p1 bra EVEN;\nmov.u32 %r3, 7;\nbra.uni END;\n\
         EVEN:\nmov.u32 %r3, 9;\nEND:\nst.global.u32 [%rd1], %r3;",
    );
    let found = words(&text, &threads(64), 64);
    assert!(found.iter().enumerate().all(|(at, &word)| word == if at % 2 == 0 { 9 } else { 7 }), "{found:?}");
}

#[test]
fn lanes_leave_a_loop_one_after_the_other_and_meet_behind_it() {
    // The ballot behind the loop names all lanes.
    let text = kernel(
        "",
        "mov.u32 %r2, 0;\nLOOP:\nadd.u32 %r2, %r2, 3;\nsetp.lt.u32 %p1, %r2, %r0;\n@%p1 bra LOOP;\n\
         setp.ge.u32 %p2, %r0, 0;\nvote.sync.ballot.b32 %r3, %p2, 0xffffffff;\nadd.u32 %r3, %r3, %r2;\nst.global.u32 [%rd1], %r3;",
    );
    let found = words(&text, &threads(32), 32);
    for (at, word) in (0u32..).zip(&found) {
        let turns = at.div_ceil(3).max(1);
        assert_eq!(*word, u32::MAX.wrapping_add(turns * 3), "thread {at}");
    }
}

#[test]
fn a_lane_that_spins_lets_another_of_its_warp_go_on() {
    // Lane 0 spins at the lower instructions for what lane 1 stores at the higher.
    let text = kernel(
        "",
        "setp.eq.u32 %p1, %r0, 1;\n@%p1 bra STORE;\nSPIN:\nld.relaxed.gpu.global.u32 %r2, [%rd0];\nsetp.eq.u32 %p2, %r2, 0;\n\
         @%p2 bra SPIN;\nbra END;\nSTORE:\nmov.u32 %r2, 5;\nst.relaxed.gpu.global.u32 [%rd0], %r2;\nEND:\n",
    );
    assert_eq!(words(&text, &threads(2), 1), [5]);
}

#[test]
fn a_loop_without_end_is_ended() {
    let text = kernel("", "LOOP:\nadd.u32 %r1, %r1, 1;\nbra LOOP;");
    let found = fault(&text, &threads(32), 1);
    assert_eq!(found.kind, FaultKind::EndlessLoop, "{found}");
}

#[test]
fn a_branch_by_index_goes_each_lane_its_way() {
    let text = kernel(
        "",
        "TS: .branchtargets A, B, C;\nrem.u32 %r2, %r0, 3;\nbrx.idx %r2, TS;\nA:\nmov.u32 %r3, 10;\nbra END;\n\
         B:\nmov.u32 %r3, 20;\nbra END;\nC:\nmov.u32 %r3, 30;\nEND:\nst.global.u32 [%rd1], %r3;",
    );
    let found = words(&text, &threads(32), 32);
    assert!(found.iter().enumerate().all(|(at, &word)| word == [10, 20, 30][at % 3]), "{found:?}");
}

#[test]
fn guards_keep_lanes_out_of_any_instruction() {
    let text =
        kernel("", "setp.lt.u32 %p1, %r0, 5;\n@%p1 st.global.u32 [%rd1], 1;\n@!%p1 st.global.u32 [%rd1], 2;");
    let found = words(&text, &threads(8), 8);
    assert_eq!(found, [1, 1, 1, 1, 1, 2, 2, 2]);
}

#[test]
fn a_register_that_one_way_leaves_unwritten_is_found_where_it_is_used() {
    let text = kernel(
        "",
        "setp.lt.u32 %p1, %r0, 5;\n@%p1 bra SKIP;\nmov.u32 %r3, 1;\nSKIP:\nmov.u32 %r4, %r3;\nadd.u32 %r5, %r4, 1;",
    );
    let found = fault(&text, &threads(8), 1);
    assert_eq!(found.kind, FaultKind::Uninitialised, "{found}");
    let place = found.place.unwrap();
    assert_eq!(place.instruction, "add.u32 %r5, %r4, 1;");
    assert_eq!(place.thread, [0, 0, 0]);
    // Not by the lanes that wrote it.
    let guarded = text.replace("add.u32 %r5", "@!%p1 add.u32 %r5");
    words(&guarded, &threads(8), 1);
}
