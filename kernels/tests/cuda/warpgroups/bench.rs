//! A batch put into pages on the device, and attended by either kernel.

use std::sync::Arc;

use kernels::device::{Argument, Buffer, CudaDevice, Device, Function, Launch};
use kernels::jit::{Jit, JitOptions, KernelSpec, Nvrtc};
use kernels::launch::{Expr, Extent, LaunchShape, attention_flash, attention_wgmma};
use kernels::seam::Seam;

use super::batch::Batch;

/// A device, and a compiler for it.
pub(super) struct Bench {
    pub(super) device: Arc<CudaDevice>,
    jit: Jit,
}

/// A launch with everything in place; the first buffer is for the results.
pub(super) struct Ready {
    pub(super) buffers: Vec<Buffer>,
    pub(super) function: Function,
    pub(super) launch: Launch,
    count: u32,
}

impl Ready {
    pub(super) fn arguments(&self) -> Vec<Argument<'_>> {
        let buffers = self.buffers.iter().map(|buffer| Argument::Buffer(buffer, 0));
        buffers.chain([Argument::U32(self.count)]).collect()
    }
}

impl Bench {
    pub(super) fn new(device: Arc<CudaDevice>) -> Self {
        let options = JitOptions { cache: None, seam: Arc::new(Seam::empty()) };
        let jit = Jit::new(Box::new(Nvrtc::find().unwrap()), device.properties().target, options);
        Self { device, jit }
    }

    fn upload(&self, name: &str, bytes: Vec<u8>) -> Buffer {
        let buffer = self.device.allocate(name, bytes.len().max(4) as u64).unwrap();
        self.device.write(&buffer, 0, &bytes).unwrap();
        buffer
    }

    fn ready(&self, batch: &Batch, spec: &KernelSpec, shape: &LaunchShape) -> Ready {
        let (row, kv_row) = (batch.heads * batch.head_dim, batch.kv_heads * batch.head_dim);
        let mut q = Vec::with_capacity(batch.tokens() * row);
        for (sequence, position, head) in batch.places() {
            q.extend((0..batch.head_dim).map(|d| batch.query(sequence, position, head, d)));
        }
        let held: usize = batch.sequences.iter().map(|(_, length)| length.div_ceil(batch.page_size)).sum();
        // Pages lie backwards, and what no sequence has is NaN.
        let mut pages = (0..held + 2).rev().skip(1);
        let mut keys = vec![0x7fff_u16; (held + 2) * batch.page_size * kv_row];
        let mut values = keys.clone();
        let (mut qo_indptr, mut kv_page_indptr, mut kv_page_indices, mut kv_len) =
            (vec![0], vec![0], Vec::new(), Vec::new());
        for (sequence, &(queries, length)) in batch.sequences.iter().enumerate() {
            let own: Vec<usize> = pages.by_ref().take(length.div_ceil(batch.page_size)).collect();
            for position in 0..length {
                let slot = own[position / batch.page_size] * batch.page_size + position % batch.page_size;
                for at in 0..kv_row {
                    let (head, d) = (at / batch.head_dim, at % batch.head_dim);
                    keys[slot * kv_row + at] = batch.key(sequence, position, head, d);
                    values[slot * kv_row + at] = batch.held(sequence, position, head, d);
                }
            }
            kv_page_indices.extend(own);
            qo_indptr.push(qo_indptr.last().unwrap() + queries);
            kv_page_indptr.push(kv_page_indices.len());
            kv_len.push(length);
        }
        let halves = |values: &[u16]| values.iter().flat_map(|bits| bits.to_le_bytes()).collect::<Vec<u8>>();
        let words = |values: &[usize]| {
            values.iter().flat_map(|&value| (value as u32).to_le_bytes()).collect::<Vec<u8>>()
        };
        let buffers = vec![
            self.upload("out", vec![0xff; batch.tokens() * row * 2]),
            self.upload("q", halves(&q)),
            self.upload("k_pages", halves(&keys)),
            self.upload("v_pages", halves(&values)),
            self.upload("qo_indptr", words(&qo_indptr)),
            self.upload("kv_page_indptr", words(&kv_page_indptr)),
            self.upload("kv_page_indices", words(&kv_page_indices)),
            self.upload("kv_len", words(&kv_len)),
        ];
        let function = self.device.load(&self.jit.artifact(spec).unwrap()).unwrap();
        let count = batch.sequences.len() as u32;
        let extent = Extent {
            tokens: batch.tokens() as u64,
            batch: u64::from(count),
            max_kv: kv_len.iter().copied().max().unwrap_or(0) as u64,
        };
        let grid = shape.grid.clone().map(|blocks| blocks.at(extent).unwrap() as u32);
        let launch = Launch { grid, block: shape.block, shared: shape.shared };
        Ready { buffers, function, launch, count }
    }

    pub(super) fn ready_wgmma(&self, batch: &Batch, tile: attention_wgmma::Tile) -> Ready {
        let axes = attention_wgmma::Axes { attention: batch.attention(), tile };
        let shape = attention_wgmma::shape(&axes, Expr::Tokens, Expr::Batch);
        self.ready(batch, &attention_wgmma::spec(&axes), &shape)
    }

    pub(super) fn ready_flash(&self, batch: &Batch, tile: attention_flash::Tile) -> Ready {
        let axes = attention_flash::Axes { attention: batch.attention(), tile };
        let shape = attention_flash::shape(&axes, Expr::Tokens, Expr::Batch);
        self.ready(batch, &attention_flash::spec(&axes), &shape)
    }

    pub(super) fn launch(&self, ready: &Ready) {
        self.device.launch(&ready.function, ready.launch, &ready.arguments()).unwrap();
    }

    pub(super) fn result(&self, ready: &Ready) -> Vec<u16> {
        let out = &ready.buffers[0];
        let mut bytes = vec![0; out.bytes() as usize];
        self.device.read(out, 0, &mut bytes).unwrap();
        bytes.chunks_exact(2).map(|bytes| u16::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    pub(super) fn wgmma(&self, batch: &Batch, tile: attention_wgmma::Tile) -> Vec<u16> {
        let ready = self.ready_wgmma(batch, tile);
        self.launch(&ready);
        self.result(&ready)
    }

    pub(super) fn flash(&self, batch: &Batch, tile: attention_flash::Tile) -> Vec<u16> {
        let ready = self.ready_flash(batch, tile);
        self.launch(&ready);
        self.result(&ready)
    }
}
