//! What passes between the lanes of a warp.

use simt::FaultKind;

use crate::support::{fault, kernel, line_of, threads, words};

#[test]
fn a_butterfly_adds_up_a_warp() {
    let step =
        |by: u32| format!("shfl.sync.bfly.b32 %r3, %r2, {by}, 31, 0xffffffff;\nadd.u32 %r2, %r2, %r3;\n");
    let body: String = [16, 8, 4, 2, 1].map(step).concat();
    let text = kernel("", &format!("mov.u32 %r2, %r0;\n{body}st.global.u32 [%rd1], %r2;"));
    assert_eq!(words(&text, &threads(32), 32), [496; 32]);
}

#[test]
fn shuffles_go_up_down_and_by_index_within_their_segments() {
    let text = kernel(
        "",
        "shfl.sync.up.b32 %r2|%p1, %r0, 3, 0, 0xffffffff;\nshfl.sync.down.b32 %r3, %r0, 2, 0x181f, 0xffffffff;\n\
         shfl.sync.idx.b32 %r4, %r0, 5, 31, 0xffffffff;\nselp.u32 %r5, 1000, 0, %p1;\nadd.u32 %r2, %r2, %r5;\n\
         mad.lo.u32 %r2, %r3, 10000, %r2;\nmad.lo.u32 %r2, %r4, 1000000, %r2;\nst.global.u32 [%rd1], %r2;",
    );
    for (lane, word) in (0u32..).zip(words(&text, &threads(32), 32)) {
        let up = if lane >= 3 { lane - 3 + 1000 } else { lane };
        let down = if lane % 8 + 2 <= 7 { lane + 2 } else { lane };
        assert_eq!(word, up + down * 10_000 + 5_000_000, "lane {lane}");
    }
}

#[test]
fn a_mask_must_name_who_runs_and_who_is_there() {
    let text = |mask: &str| kernel("", &format!("shfl.sync.bfly.b32 %r3, %r0, 1, 31, {mask};"));
    // A warp of 16 lanes.
    assert_eq!(fault(&text("0xffffffff"), &threads(16), 1).kind, FaultKind::Mask);
    words(&text("0xffff"), &threads(16), 1);
    let found = fault(&text("0xffff"), &threads(32), 1);
    assert_eq!((found.kind, found.place.unwrap().thread), (FaultKind::Mask, [16, 0, 0]));
}

#[test]
fn a_shuffle_from_a_lane_that_takes_no_part_is_found() {
    let text = kernel(
        "",
        "setp.lt.u32 %p1, %r0, 16;\n@!%p1 bra END;\nshfl.sync.bfly.b32 %r3, %r0, 16, 31, 0x0000ffff;\nEND:\n",
    );
    let found = fault(&text, &threads(32), 1);
    assert_eq!(
        (found.kind, found.place.unwrap().ptx_line),
        (FaultKind::InactiveLane, line_of(&text, "shfl"))
    );
}

#[test]
fn a_full_mask_in_a_branch_waits_for_lanes_that_never_come() {
    let text = kernel(
        "",
        "setp.lt.u32 %p1, %r0, 16;\n@!%p1 bra OTHER;\nshfl.sync.bfly.b32 %r3, %r0, 1, 31, 0xffffffff;\nbra END;\n\
         OTHER:\nbar.warp.sync 0xffffffff;\nEND:\n",
    );
    let found = fault(&text, &threads(32), 1);
    assert_eq!((found.kind, found.place.unwrap().ptx_line), (FaultKind::Mask, line_of(&text, "shfl")));
}

#[test]
fn votes_matches_and_reductions() {
    let text = kernel(
        "",
        "setp.lt.u32 %p1, %r0, 3;\nvote.sync.any.pred %p2, %p1, 0xffffffff;\nvote.sync.all.pred %p3, %p1, 0xffffffff;\n\
         vote.sync.ballot.b32 %r2, !%p1, 0xffffffff;\nshr.u32 %r3, %r0, 3;\nmatch.any.sync.b32 %r4, %r3, 0xffffffff;\n\
         redux.sync.max.u32 %r5, %r0, 0xffffffff;\nredux.sync.add.s32 %r6, %r0, 0xffffffff;\nselp.u32 %r7, 1, 0, %p2;\n\
         selp.u32 %r8, 2, 0, %p3;\nadd.u32 %r7, %r7, %r8;\nmad.lo.u32 %r7, %r5, 10, %r7;\nmad.lo.u32 %r7, %r6, 1000, %r7;\n\
         xor.b32 %r7, %r7, %r2;\nxor.b32 %r7, %r7, %r4;\nst.global.u32 [%rd1], %r7;",
    );
    for (lane, word) in (0u32..).zip(words(&text, &threads(32), 32)) {
        let plain = 1 + 310 + 496_000;
        assert_eq!(word, plain ^ 0xffff_fff8 ^ (0xff << (lane / 8 * 8)), "lane {lane}");
    }
}
