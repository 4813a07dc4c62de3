//! The reference against goldens that transformers computed, on the models of the zoo.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its inputs has failed")]

use std::path::PathBuf;

use engine::Loaded;
use engine::trace::{NoTap, Recorder, Tensor};
use kernels::Arithmetic;
use safetensors::SafeTensors;

struct Goldens(Vec<u8>);

impl Goldens {
    fn open(model: &str) -> Self {
        Self(std::fs::read(zoo(model).join("goldens.safetensors")).unwrap())
    }

    fn ids(&self, name: &str) -> Vec<u32> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        file.tensor(name).unwrap().data().as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b)).collect()
    }

    fn rows(&self, name: &str) -> (Vec<usize>, Vec<f64>) {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let tensor = file.tensor(name).unwrap();
        let values = tensor.data().as_chunks::<4>().0.iter().map(|b| f64::from(f32::from_le_bytes(*b)));
        (tensor.shape().to_vec(), values.collect())
    }
}

fn zoo(model: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("zoo").join(model)
}

/// Worst relative L2 error over rows.
fn worst_row(truth: &(Vec<usize>, Vec<f64>), found: &Tensor) -> f64 {
    assert_eq!(truth.0, found.shape);
    let width = found.row_len();
    assert!(width > 0 && found.rows() > 0);
    (0..found.rows())
        .map(|row| {
            let truth = &truth.1[row * width..(row + 1) * width];
            let error: f64 = truth.iter().zip(found.row(row)).map(|(a, b)| (a - b).powi(2)).sum();
            let norm: f64 = truth.iter().map(|a| a * a).sum();
            (error / norm).sqrt()
        })
        .fold(0.0, f64::max)
}

#[test]
fn logits_and_hidden_states_meet_the_goldens() {
    for model in ["qwen2-tiny", "llama-tiny", "qwen3-moe-tiny"] {
        let goldens = Goldens::open(model);
        let loaded = Loaded::open(&zoo(model)).unwrap();
        let tokens = goldens.ids("fib.input_ids");
        for (arithmetic, name, limit) in
            [(Arithmetic::F64, "fib.f64.logits", 1e-5), (Arithmetic::F32, "fib.f32.logits", 1e-4)]
        {
            let mut recorder = Recorder::all();
            let reference = loaded.reference(arithmetic).unwrap();
            let logits = reference.prefill(&tokens, &mut recorder).unwrap();
            let error = worst_row(&goldens.rows(name), &logits);
            println!("{model} {arithmetic} logits {error:e}");
            assert!(error <= limit, "{model} {name}: {error:e}");
            let layers = loaded.config().num_hidden_layers;
            for hidden in 0..=layers {
                let stage = match hidden {
                    0 => "model.embed_tokens".to_owned(),
                    last if last == layers => "model.norm".to_owned(),
                    layer => format!("model.layers.{}", layer - 1),
                };
                let found = recorder.stages.iter().find(|s| s.name.to_string() == stage).unwrap();
                let error = worst_row(&goldens.rows(&format!("fib.hidden.{hidden}")), &found.tensor);
                println!("{model} {arithmetic} {stage} {error:e}");
                assert!(error <= limit, "{model} {stage}: {error:e}");
            }
        }
    }
}

#[test]
fn losses_of_a_long_text_meet_the_goldens() {
    for model in ["qwen2-tiny", "llama-tiny"] {
        let goldens = Goldens::open(model);
        let loaded = Loaded::open(&zoo(model)).unwrap();
        for (arithmetic, name) in [(Arithmetic::F64, "long.f64.nll"), (Arithmetic::F32, "long.f32.nll")] {
            let reference = loaded.reference(arithmetic).unwrap();
            let losses = engine::eval::token_losses(&reference, &goldens.ids("long.input_ids")).unwrap();
            let truth = goldens.rows(name).1;
            assert_eq!(losses.len(), truth.len());
            let worst = losses.iter().zip(&truth).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            println!("{model} {name} {worst:e}");
            assert!(worst <= 2e-4, "{model} {name}: {worst:e}");
        }
    }
}

#[test]
fn declared_arithmetic_lands_near_the_truth_but_not_on_it() {
    let loaded = Loaded::open(&zoo("qwen2-tiny")).unwrap();
    let goldens = Goldens::open("qwen2-tiny");
    let reference = loaded.reference(loaded.declared(0)).unwrap();
    let logits = reference.prefill(&goldens.ids("fib.input_ids"), &mut NoTap).unwrap();
    let error = worst_row(&goldens.rows("fib.f64.logits"), &logits);
    println!("declared {error:e}");
    assert!(error > 1e-4 && error < 5e-2, "{error:e}");
}

#[test]
fn tensors_that_others_store_in_vain_are_ignored_with_a_reason_and_no_others() {
    let source = zoo("micro/llama-head-dim");
    let bytes = std::fs::read(source.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(source.join("config.json"), copy.path().join("config.json")).unwrap();
    let with = |extra: &[&str]| {
        let spare = file.tensor("model.norm.weight").unwrap();
        let tensors =
            file.tensors().into_iter().chain(extra.iter().map(|&name| (name.to_owned(), spare.clone())));
        let bytes = safetensors::serialize(tensors, None).unwrap();
        std::fs::write(copy.path().join("model.safetensors"), bytes).unwrap();
        Loaded::open(copy.path()).unwrap().reference(Arithmetic::F32)
    };
    let vain = ["lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"];
    let ignored = with(&vain).unwrap().consumed().ignored.clone();
    assert_eq!(ignored.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), vain);
    assert!(ignored.iter().all(|(_, reason)| !reason.is_empty()));

    let error = with(&["model.layers.0.self_attn.q_proj.bias"]).err().unwrap().to_string();
    assert!(error.contains("model.layers.0.self_attn.q_proj.bias"), "{error}");
}
