//! Barriers, and who waits for whom.

use simt::{FaultKind, Launch};

use crate::support::{fault, kernel, line_of, threads, words};

/// Every thread writes its word of a tile, and reads that of its neighbour.
fn neighbours(between: &str) -> String {
    kernel(
        ".shared .align 4 .b8 tile[512];",
        &format!(
            "mov.u32 %r2, tile;\nmad.lo.u32 %r3, %r0, 4, %r2;\nst.shared.u32 [%r3], %r0;\n{between}\n\
             add.u32 %r4, %r0, 1;\nrem.u32 %r4, %r4, %r1;\nmad.lo.u32 %r5, %r4, 4, %r2;\nld.shared.u32 %r6, [%r5];\n\
             st.global.u32 [%rd1], %r6;"
        ),
    )
}

#[test]
fn a_barrier_orders_a_block() {
    let found = words(&neighbours("bar.sync 0;"), &threads(128), 128);
    assert!(found.iter().enumerate().all(|(at, &word)| word as usize == (at + 1) % 128));
}

#[test]
fn without_it_there_is_a_race_or_nothing_to_read() {
    let text = neighbours("");
    let found = fault(&text, &threads(128), 128);
    assert!(matches!(found.kind, FaultKind::Race | FaultKind::Uninitialised), "{found}");
    let found = fault(&text, &threads(32), 32);
    assert_eq!((found.kind, found.place.unwrap().ptx_line), (FaultKind::Race, line_of(&text, "ld.shared")));
}

#[test]
fn a_warp_barrier_orders_a_warp() {
    words(&neighbours("bar.warp.sync 0xffffffff;"), &threads(32), 32);
}

#[test]
fn a_barrier_in_a_branch_is_found() {
    let text = kernel("", "setp.lt.u32 %p1, %r0, 16;\n@!%p1 bra END;\nbar.sync 0;\nEND:\nbar.sync 1;");
    let found = fault(&text, &threads(32), 1);
    assert_eq!(
        (found.kind, found.place.unwrap().ptx_line),
        (FaultKind::DivergentBarrier, line_of(&text, "bar.sync 0"))
    );
}

#[test]
fn a_barrier_that_a_warp_never_reaches_is_found() {
    let text = kernel(
        "",
        "setp.lt.u32 %p1, %r0, 32;\n@%p1 bra FIRST;\nbar.sync 1;\nbra END;\nFIRST:\nbar.sync 2;\nEND:\n",
    );
    let found = fault(&text, &threads(64), 1);
    assert_eq!(found.kind, FaultKind::DivergentBarrier, "{found}");
}

#[test]
fn threads_that_ended_are_not_waited_for() {
    let text =
        kernel("", "setp.ge.u32 %p1, %r0, 40;\n@%p1 bra END;\nbar.sync 0;\nst.global.u32 [%rd1], 1;\nEND:\n");
    assert_eq!(words(&text, &threads(128), 40), [1; 40]);
}

#[test]
fn producer_and_consumer_meet_at_a_named_barrier() {
    let text = kernel(
        ".shared .align 4 .b8 tile[128];",
        "mov.u32 %r2, tile;\nand.b32 %r3, %r0, 31;\nmad.lo.u32 %r3, %r3, 4, %r2;\nsetp.lt.u32 %p1, %r0, 32;\n@!%p1 bra CONSUMER;\n\
         st.shared.u32 [%r3], %r0;\nbar.arrive 1, 64;\nbra END;\nCONSUMER:\nbar.sync 1, 64;\nld.shared.u32 %r4, [%r3];\n\
         st.global.u32 [%rd1], %r4;\nEND:\n",
    );
    let found = words(&text, &threads(64), 64);
    assert!((32..64).all(|at| found[at] as usize == at - 32));
    let wrong =
        text.replace("bar.arrive 1, 64", "bar.arrive 1, 96").replace("bar.sync 1, 64", "bar.sync 1, 96");
    assert_eq!(fault(&wrong, &threads(64), 64).kind, FaultKind::DivergentBarrier);
    let uneven = text.replace("bar.arrive 1, 64", "bar.arrive 1, 48");
    assert_eq!(fault(&uneven, &threads(64), 64).kind, FaultKind::BarrierMisuse);
}

#[test]
fn a_barrier_counts_predicates() {
    let text =
        kernel("", "setp.lt.u32 %p1, %r0, 37;\nbar.red.popc.u32 %r2, 0, %p1;\nst.global.u32 [%rd1], %r2;");
    assert_eq!(words(&text, &threads(64), 64), [37; 64]);
}

/// Blocks that count themselves in, and wait until all have.
const GRID_BARRIER: &str = "setp.ne.u32 %p1, %r0, 0;\n@%p1 bra JOIN;\nmembar.gl;\natom.global.add.u32 %r2, [%rd0], 1;\n\
    mov.u32 %r3, %nctaid.x;\nSPIN:\nld.relaxed.gpu.global.u32 %r4, [%rd0];\nsetp.lt.u32 %p2, %r4, %r3;\n@%p2 bra SPIN;\nmembar.gl;\n\
    JOIN:\nbar.sync 0;";

#[test]
fn blocks_wait_for_each_other_only_in_a_cooperative_launch() {
    let text = kernel("", GRID_BARRIER);
    let launch = Launch { grid: [4, 1, 1], cooperative: true, ..threads(64) };
    assert_eq!(words(&text, &launch, 1), [4]);
    let found = fault(&text, &Launch { cooperative: false, ..launch }, 1);
    assert_eq!(found.kind, FaultKind::EndlessLoop, "{found}");
}
