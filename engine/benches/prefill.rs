//! The CPU reference of qwen2-tiny in tokens a second: prefill, and tokens one at a time. Loading is not timed.

#![expect(clippy::expect_used, reason = "a benchmark that cannot set up has nothing to time")]

use std::path::Path;

use divan::Bencher;
use divan::counter::ItemsCount;
use engine::models::Logits;
use engine::trace::{NoTap, Recorder};
use engine::{Loaded, Reference};
use kernels::Arithmetic;

/// The lengths of prompts, in tokens.
const LENGTHS: [u32; 3] = [128, 512, 1024];

fn main() {
    divan::main();
}

fn reference(arithmetic: Arithmetic) -> Reference {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("zoo/qwen2-tiny");
    Loaded::open(&model).expect("the model opens").reference(arithmetic).expect("the reference loads")
}

fn prompt(length: u32) -> Vec<u32> {
    (0..length).map(|position| position * 7 % 1024).collect()
}

fn prefill(bencher: Bencher<'_, '_>, length: u32, arithmetic: Arithmetic) {
    let (reference, tokens) = (reference(arithmetic), prompt(length));
    bencher
        .counter(ItemsCount::new(length))
        .bench(|| reference.prefill(&tokens, &mut NoTap).expect("the tokens are in the vocabulary"));
}

#[divan::bench(sample_count = 20, args = LENGTHS)]
fn prefill_f32(bencher: Bencher<'_, '_>, length: u32) {
    prefill(bencher, length, Arithmetic::F32);
}

#[divan::bench(sample_count = 20, args = LENGTHS)]
fn prefill_f64(bencher: Bencher<'_, '_>, length: u32) {
    prefill(bencher, length, Arithmetic::F64);
}

/// Every stage is kept, as `apr trace --payload` and the falsifiers do.
#[divan::bench(sample_count = 20, args = [512])]
fn prefill_f32_recorded(bencher: Bencher<'_, '_>, length: u32) {
    let (reference, tokens) = (reference(Arithmetic::F32), prompt(length));
    bencher.counter(ItemsCount::new(length)).bench(|| {
        let mut recorder = Recorder::all();
        reference.prefill(&tokens, &mut recorder).expect("the tokens are in the vocabulary");
        recorder.stages.len()
    });
}

#[divan::bench(sample_count = 20, args = [64])]
fn decode_f32(bencher: Bencher<'_, '_>, length: u32) {
    let (reference, tokens) = (reference(Arithmetic::F32), prompt(length));
    bencher.counter(ItemsCount::new(length)).bench(|| {
        let mut sequence = reference.sequence();
        for token in &tokens {
            sequence.extend(&[*token], Logits::Last, &mut NoTap).expect("the tokens are in the vocabulary");
        }
        sequence.len()
    });
}
