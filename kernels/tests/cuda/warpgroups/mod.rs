//! Attention by products of warpgroups: where everything lies, that it computes what `attention_flash` computes, and that
//! graphs hold tensor maps.
//!
//! The instructions are those of compute capability 9.0 alone. On any other device, and on the virtual one, what is held
//! is that the kernel is not offered there.
//!
//! | file | what |
//! |---|---|
//! | `batch` | sequences of drawn numbers, and what attention makes of them |
//! | `bench` | the same in pages on the device, attended by either kernel |

mod batch;
mod bench;

use kernels::Dtype;
use kernels::device::{After, Dependency, Device, GraphNode, Limits, Target};
use kernels::launch::{attention_flash, attention_wgmma};

use super::open;
use batch::{Batch, FORMATS};
use bench::Bench;

/// What a device without such products says of the kernel; `None` where there are some.
fn offered(limits: &Limits) -> Option<()> {
    if limits.warpgroup_products {
        return Some(());
    }
    let why = attention_wgmma::fit(&Batch::new(64, Dtype::BF16).attention(), limits).unwrap_err();
    assert!(why.contains("no products of warpgroups"), "{why}");
    println!("not run: {why}");
    None
}

/// Every tile of both head dimensions in both formats.
fn each(mut test: impl FnMut(&Bench, Batch, attention_wgmma::Tile, &str)) {
    let bench = Bench::new(open());
    if offered(&bench.device.properties().limits).is_none() {
        return;
    }
    assert_eq!(bench.device.properties().target, Target::new(9, 0));
    for head_dim in [64, 128] {
        for dtype in FORMATS {
            for tile in attention_wgmma::Tile::all(head_dim) {
                test(
                    &bench,
                    Batch::new(head_dim, dtype),
                    *tile,
                    &format!("head_dim {head_dim}, {dtype}, {tile:?}"),
                );
            }
        }
    }
}

#[test]
fn values_lie_where_the_product_looks_for_them() {
    each(|bench, batch, tile, name| {
        // Who sees its own key alone has its value, to the bit.
        let batch = Batch { window: Some(1), sequences: vec![(300, 300), (5, 133)], ..batch };
        let found = bench.wgmma(&batch, tile);
        for (row, expected) in batch.rows().zip(batch.own_values()) {
            let (token, head) = row;
            assert_eq!(batch.row(&found, token, head), expected, "{name}: token {token}, head {head}");
        }
    });
}

#[test]
fn keys_lie_where_the_product_looks_for_them() {
    each(|bench, batch, tile, name| {
        // A key is the binary code of its position in plus and minus ones, and a query 16 times that of another one: this
        // other one alone weighs anything.
        let batch = Batch { codes: true, scale: 4.0, sequences: vec![(300, 300), (64, 210)], ..batch };
        let found = bench.wgmma(&batch, tile);
        for ((token, head), expected) in batch.rows().zip(batch.coded_values()) {
            assert_eq!(batch.row(&found, token, head), expected, "{name}: token {token}, head {head}");
        }
    });
}

/// Lengths around tiles of keys and queries; chunks behind a past; sequences that do not run.
const SEQUENCES: &[&[(usize, usize)]] = &[
    &[(1, 1), (70, 70), (0, 9)],
    &[(128, 128), (129, 129), (127, 127)],
    &[(17, 300), (1, 257), (64, 192)],
    &[(400, 400)],
    &[(190, 600), (193, 193)],
];

#[test]
fn results_are_as_close_to_the_truth_as_those_of_mma() {
    let mut worst = 0.0_f64;
    // The truth and the error of attention_flash, which are the same for every tile.
    let mut known = std::collections::HashMap::new();
    each(|bench, batch, tile, name| {
        let options = [
            (None, 16, (4, 2)),
            (Some(24), 8, (7, 1)),
            (Some(150), 64, (2, 2)),
            (None, 24, (8, 2)),
            (None, 256, (4, 4)),
        ];
        for (at, (sequences, (window, page_size, (heads, kv_heads)))) in
            SEQUENCES.iter().zip(options).enumerate()
        {
            let batch =
                Batch { window, page_size, heads, kv_heads, sequences: sequences.to_vec(), ..batch.clone() };
            let (truth, limit) =
                known.entry((batch.head_dim, batch.dtype.to_string(), at)).or_insert_with(|| {
                    let truth = batch.truth();
                    let flash = attention_flash::Tile::all(batch.head_dim)[0];
                    let limit = batch.error(&bench.flash(&batch, flash), &truth).max(batch.epsilon());
                    (truth, limit)
                });
            let error = batch.error(&bench.wgmma(&batch, tile), truth);
            worst = worst.max(error / *limit);
            assert!(error <= 1.5 * *limit, "{name}, {sequences:?}: {error:e}, and attention_flash {limit:e}");
        }
    });
    println!("the worst row is {worst:.2} times as far from the truth as that of attention_flash");
}

#[test]
fn a_token_has_the_same_bits_in_any_chunk_of_warpgroups() {
    each(|bench, batch, tile, name| {
        const LENGTH: usize = 700;
        // Who comes before this does not see what is not finite.
        const HONEST: usize = 641;
        for window in [None, Some(50), Some(333)] {
            let batch =
                Batch { window, sequences: vec![(LENGTH, LENGTH)], wild_from: Some(HONEST), ..batch.clone() };
            let whole = bench.wgmma(&batch, tile);
            let mut chunks = Vec::new();
            for (from, to) in [(0, 37), (37, 38), (38, 102), (102, 400), (400, HONEST)] {
                chunks.extend(bench.wgmma(&batch.chunk(from, to), tile));
            }
            let row = batch.heads * batch.head_dim;
            assert!(chunks == whole[..HONEST * row], "{name}, window {window:?}");
            let tame = bench.wgmma(&Batch { wild_from: None, ..batch.clone() }, tile);
            assert!(
                tame[..HONEST * row] == whole[..HONEST * row],
                "{name}, window {window:?}: unseen values show"
            );
            assert!(whole[..HONEST * row].iter().all(|bits| batch.finite(*bits)), "{name}: not finite");
            // Who sees one is told, in the last row of every column.
            assert!(whole[(LENGTH - 1) * row..].iter().all(|bits| !batch.finite(*bits)), "{name}: finite");
        }
    });
}

#[test]
fn what_is_not_finite_is_as_in_attention_flash() {
    each(|bench, batch, tile, name| {
        for (window, page_size) in [(None, 16), (Some(70), 8), (Some(130), 32)] {
            let sequences = vec![(180, 180), (90, 260)];
            let batch = Batch { window, page_size, sequences, odd_values: true, ..batch.clone() };
            let flash = attention_flash::Tile::all(batch.head_dim)[0];
            let (found, expected) = (bench.wgmma(&batch, tile), bench.flash(&batch, flash));
            for (at, (found, expected)) in found.iter().zip(&expected).enumerate() {
                let same = batch.finite(*found) && batch.finite(*expected) || found == expected;
                assert!(same, "{name}, element {at}: {found:#06x}, and attention_flash {expected:#06x}");
            }
            assert!(
                found.iter().any(|bits| !batch.finite(*bits)) && found.iter().any(|bits| batch.finite(*bits))
            );
        }
    });
}

#[test]
fn a_graph_holds_tensor_maps() {
    let bench = Bench::new(open());
    if offered(&bench.device.properties().limits).is_none() {
        return;
    }
    let batch = Batch { sequences: vec![(200, 200)], ..Batch::new(128, Dtype::BF16) };
    let tile = attention_wgmma::Tile::all(128)[0];
    let expected = bench.wgmma(&batch, tile);
    let ready = bench.ready_wgmma(&batch, tile);
    let node = GraphNode {
        function: &ready.function,
        launch: ready.launch,
        arguments: ready.arguments(),
        after: vec![],
    };
    let second = GraphNode { after: vec![After { node: 0, dependency: Dependency::Full }], ..node.clone() };
    let graph = bench.device.graph(&[node, second]).unwrap();
    bench.device.fill(&ready.buffers[0], 0xff).unwrap();
    bench.device.replay(&graph).unwrap();
    assert!(bench.result(&ready) == expected, "a graph computes something else");
}
