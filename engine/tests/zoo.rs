//! The reference against goldens that transformers computed, on the models of the zoo.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its inputs has failed")]

use std::path::PathBuf;

use engine::Loaded;
use engine::models::Logits;
use engine::routing::Routing;
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
    for model in ["qwen2-tiny", "llama-tiny", "qwen3-moe-tiny"] {
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

/// The stages that the experts of the first layer announce.
fn experts_of(recorder: &Recorder) -> Vec<usize> {
    let of_experts = recorder.stages.iter().filter(|stage| stage.name.layer_index() == Some(0));
    let mut experts: Vec<usize> = of_experts.filter_map(|stage| stage.name.expert_index()).collect();
    experts.dedup();
    experts
}

#[test]
fn a_routing_that_is_imposed_is_the_one_that_is_computed() {
    let model = "qwen3-moe-tiny";
    let (loaded, tokens) = (Loaded::open(&zoo(model)).unwrap(), Goldens::open(model).ids("klass.input_ids"));
    let reference = loaded.reference(Arithmetic::F64).unwrap();
    let mut free = Recorder::all();
    let logits = reference.prefill(&tokens, &mut free).unwrap();
    let chosen = Routing::of(&free.stages);
    assert_eq!(chosen.layers.len(), 2);
    assert!(chosen.layers.values().all(|layer| layer.len() == tokens.len()));
    assert!(chosen.layers.values().flatten().all(|experts| experts.len() == 2));

    // Its own choice changes nothing, in one piece and in two.
    let mut same = Recorder::all();
    assert_eq!(reference.prefill_routed(&tokens, &chosen, &mut same).unwrap(), logits);
    let (mut halves, middle) = (reference.sequence(), tokens.len() / 2);
    halves.extend_routed(&tokens[..middle], Logits::All, &chosen, &mut NoTap).unwrap();
    let second = halves.extend_routed(&tokens[middle..], Logits::All, &chosen, &mut NoTap).unwrap();
    assert_eq!(second.row(second.rows() - 1), logits.row(logits.rows() - 1));

    // Another choice is followed: one token of the first layer goes elsewhere, with weights that add up to one.
    let mut other = chosen.clone();
    let token = 3;
    let moved: Vec<usize> =
        (0..5).filter(|expert| !chosen.layers[&0][token].contains(expert)).take(2).collect();
    other.layers.get_mut(&0).unwrap()[token] = moved.clone();
    let mut routed = Recorder::all();
    let changed = reference.prefill_routed(&tokens, &other, &mut routed).unwrap();
    let first_layer = |routing: &Routing| routing.layers[&0].clone();
    assert_eq!(first_layer(&Routing::of(&routed.stages)), first_layer(&other));
    let topk = routed.stages.iter().find(|stage| stage.name.local() == "mlp.topk").unwrap();
    assert!((topk.tensor.row(token).iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert_eq!(changed.row(token - 1), logits.row(token - 1));
    assert_ne!(changed.row(token), logits.row(token));

    // An expert that nobody was sent to announces nothing.
    let mut alone = Recorder::all();
    let to = |experts: &[usize]| Routing { layers: [(0, vec![experts.to_vec()])].into() };
    reference.prefill_routed(&tokens[..1], &to(&[1, 4]), &mut alone).unwrap();
    assert_eq!(experts_of(&alone), [1, 4]);
}
