//! Attention on tensor cores gives a token the same bits in one prefill and in any chunks of it, whatever the keys hold
//! that it does not see.

use std::sync::Arc;

use half::bf16;
use kernels::Dtype;
use kernels::device::{Argument, CudaDevice, Device, Launch};
use kernels::jit::{Jit, JitOptions, Nvrtc};
use kernels::launch::attention_flash::{Axes, Tile, shape, spec};
use kernels::launch::{Extent, attention_prefill};
use kernels::seam::Seam;

use super::{download, open, upload};

const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD_DIM: usize = 32;
const PAGE_SIZE: usize = 5;
const LENGTH: usize = 200;
/// What comes after this is not for who is before it.
const HONEST: usize = 181;

/// Two bfloat16 a number.
fn packed(values: &[f32]) -> Vec<u32> {
    let bits = |value: f32| u32::from(bf16::from_f32(value).to_bits());
    values.chunks_exact(2).map(|pair| bits(pair[0]) | bits(pair[1]) << 16).collect()
}

/// From -2 to 2, the same for the same seed; every seventh a negative zero.
fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 22) as f32 - 2.0
    };
    (0..count).map(|at| if at % 7 == 0 { -0.0 } else { next() }).collect()
}

fn indices(values: &[usize]) -> Vec<u32> {
    values.iter().map(|&value| value as u32).collect()
}

/// The results of the tokens `from .. to` of the sequence, in one launch.
fn attend(device: &Arc<CudaDevice>, jit: &Jit, axes: &Axes, from: usize, to: usize) -> Vec<u32> {
    let (row, kv_row) = (HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM);
    let q = values(LENGTH * row, 1);
    let k = values(LENGTH * kv_row, 2);
    let mut v = values(LENGTH * kv_row, 3);
    // One that is not a number, infinite ones, and the largest that there are, beside each other.
    for (at, value) in v[HONEST * kv_row..].iter_mut().enumerate() {
        *value = [f32::NAN, f32::INFINITY, -3.0e38, f32::NEG_INFINITY, 3.0e38][at % 5];
    }
    // Keys lie in the pages in their order, page p of the sequence in page p + 1.
    let pages: Vec<usize> = (1..=LENGTH / PAGE_SIZE).collect();
    let padded = |values: Vec<f32>| [vec![f32::NAN; PAGE_SIZE * kv_row], values].concat();
    let tokens = to - from;
    let buffers = [
        upload(device, "out", &vec![u32::MAX; tokens * row / 2]),
        upload(device, "q", &packed(&q[from * row..to * row])),
        upload(device, "k_pages", &packed(&padded(k))),
        upload(device, "v_pages", &packed(&padded(v))),
        upload(device, "qo_indptr", &indices(&[0, tokens])),
        upload(device, "kv_page_indptr", &indices(&[0, pages.len()])),
        upload(device, "kv_page_indices", &indices(&pages)),
        upload(device, "kv_len", &indices(&[to])),
    ];
    let function = device.load(&jit.artifact(&spec(axes)).unwrap()).unwrap();
    let shape = shape(axes, kernels::launch::Expr::Tokens, kernels::launch::Expr::Batch);
    let extent = Extent { tokens: tokens as u64, batch: 1, max_kv: to as u64 };
    let grid = shape.grid.map(|blocks| blocks.at(extent).unwrap() as u32);
    let mut arguments: Vec<Argument<'_>> = buffers.iter().map(|buffer| Argument::Buffer(buffer, 0)).collect();
    arguments.push(Argument::U32(1));
    device.launch(&function, Launch { grid, block: shape.block, shared: shape.shared }, &arguments).unwrap();
    download(device, &buffers[0])
}

#[test]
fn a_token_has_the_same_bits_in_any_chunk() {
    let device = open();
    let options = JitOptions { cache: None, seam: Arc::new(Seam::empty()) };
    let jit = Jit::new(Box::new(Nvrtc::find().unwrap()), device.properties().target, options);
    let row = HEADS * HEAD_DIM / 2;
    for (tile, window) in Tile::all(HEAD_DIM).iter().zip([None, Some(50), Some(77)]) {
        let attention = attention_prefill::Axes {
            head_dim: HEAD_DIM,
            num_attention_heads: HEADS,
            num_key_value_heads: KV_HEADS,
            scale: 0.5,
            window,
            page_size: PAGE_SIZE,
            activation: Dtype::BF16,
            kv: Dtype::BF16,
        };
        let axes = Axes { attention, tile: *tile };
        let whole = attend(&device, &jit, &axes, 0, LENGTH);
        let mut chunks = Vec::new();
        for (from, to) in [(0, 37), (37, 38), (38, 102), (102, HONEST)] {
            chunks.extend(attend(&device, &jit, &axes, from, to));
        }
        assert_eq!(chunks, whole[..HONEST * row], "{tile:?}");
        assert!(whole.iter().all(|both| *both != u32::MAX), "{tile:?} leaves a result unwritten");
        // Who sees one is told.
        let last = &whole[(LENGTH - 1) * row..];
        let finite = |bits: u32| bf16::from_bits(bits as u16).is_finite();
        assert!(last.iter().all(|both| !finite(*both) || !finite(both >> 16)), "{tile:?}");
    }
}
