//! How fast attention of a prefill is on a GPU: each tile of `attention_wgmma` beside `attention_flash`. What the lists of
//! tiles are ordered by; a line for each.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark that cannot set up has nothing to time"
)]

#[expect(dead_code, reason = "the tests ask for more than time")]
#[path = "../tests/cuda/warpgroups/batch.rs"]
mod batch;
#[expect(dead_code, reason = "the tests ask for more than time")]
#[path = "../tests/cuda/warpgroups/bench.rs"]
mod bench;

use std::time::Instant;

use kernels::Dtype;
use kernels::device::{CudaDevice, Device};
use kernels::launch::{attention_flash, attention_wgmma};

use batch::Batch;
use bench::{Bench, Ready};

/// Launches that are timed together.
const LAUNCHES: u32 = 20;

/// Head dimension, query heads, key heads, and tokens of a prompt.
const SHAPES: &[(usize, usize, usize, usize)] = &[
    (128, 28, 4, 2048),
    (128, 28, 4, 4096),
    (128, 12, 2, 4096),
    (128, 32, 8, 8192),
    (64, 14, 2, 2048),
    (64, 14, 2, 4096),
    (64, 32, 8, 8192),
];

/// The best of five times of a launch, in seconds.
fn seconds(bench: &Bench, ready: &Ready) -> f64 {
    let timed = || {
        let begin = Instant::now();
        for _ in 0..LAUNCHES {
            bench.launch(ready);
        }
        bench.device.synchronize().unwrap();
        begin.elapsed().as_secs_f64() / f64::from(LAUNCHES)
    };
    timed();
    (0..5).map(|_| timed()).fold(f64::INFINITY, f64::min)
}

fn main() {
    let bench = match CudaDevice::open(0) {
        Ok(device) => Bench::new(device),
        Err(error) => {
            eprintln!("nothing was timed: {error}");
            std::process::exit(3);
        }
    };
    let wgmma = bench.device.properties().limits.warpgroup_products;
    for &(head_dim, heads, kv_heads, tokens) in SHAPES {
        let sequences = vec![(tokens, tokens)];
        let batch = Batch { heads, kv_heads, sequences, ..Batch::new(head_dim, Dtype::BF16) };
        // What a causal mask leaves in: two products of two operations.
        let pairs = tokens as f64 * (tokens as f64 + 1.0) / 2.0;
        let operations = 4.0 * pairs * (heads * head_dim) as f64;
        let shape = format!("head_dim {head_dim}, heads {heads}:{kv_heads}, {tokens} tokens");
        let mut ready: Vec<(String, Ready)> = vec![(
            "attention_flash".to_owned(),
            bench.ready_flash(&batch, attention_flash::Tile::all(head_dim)[0]),
        )];
        for tile in attention_wgmma::Tile::all(head_dim).iter().filter(|_| wgmma) {
            ready.push((format!("{tile:?}"), bench.ready_wgmma(&batch, *tile)));
        }
        for (name, ready) in ready {
            let time = seconds(&bench, &ready);
            println!("{shape}: {:7.1} TFLOP/s {:8.1} us  {name}", operations / time / 1e12, time * 1e6);
        }
    }
}
