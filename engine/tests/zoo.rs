//! The reference against goldens that transformers computed, on the models of the zoo.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its inputs has failed")]

use std::path::PathBuf;

use engine::Loaded;
use engine::models::Logits;
use engine::routing::Routing;
use engine::trace::{NoTap, Recorder, Tensor};
use kernels::Arithmetic;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

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
    for model in ["qwen2-tiny", "llama-tiny", "mistral4-mla-tiny", "qwen3-moe-tiny"] {
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
    for model in ["qwen2-tiny", "llama-tiny", "mistral4-mla-tiny", "qwen3-moe-tiny"] {
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

/// A micro model with other fields in its configuration, or other tensors in its checkpoint.
fn changed(
    model: &str,
    fields: impl Fn(&mut serde_json::Map<String, serde_json::Value>),
    tensors: impl Fn(&mut Vec<(String, TensorView<'_>)>),
) -> String {
    let source = zoo(model);
    let copy = tempfile::tempdir().unwrap();
    let mut config = serde_json::from_slice(&std::fs::read(source.join("config.json")).unwrap()).unwrap();
    fields(&mut config);
    std::fs::write(copy.path().join("config.json"), serde_json::to_vec(&config).unwrap()).unwrap();
    let bytes = std::fs::read(source.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut held = file.tensors();
    tensors(&mut held);
    std::fs::write(copy.path().join("model.safetensors"), safetensors::serialize(held, None).unwrap())
        .unwrap();
    match Loaded::open(copy.path()).unwrap().reference(Arithmetic::F32) {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_latent_that_does_not_fit_its_weights_is_named_with_the_fields_that_say_so() {
    let model = "micro/deepseek-v3-groups";
    for (field, value, parts) in [
        ("kv_lora_rank", 25, ["kv_a_proj_with_mqa.weight", "(kv_lora_rank + qk_rope_head_dim, hidden_size)"]),
        ("q_lora_rank", 21, ["q_a_proj.weight", "(q_lora_rank, hidden_size)"]),
        ("v_head_dim", 16, ["kv_b_proj.weight", "(qk_nope_head_dim + v_head_dim), kv_lora_rank)"]),
        ("qk_nope_head_dim", 10, ["q_b_proj.weight", "(qk_nope_head_dim + qk_rope_head_dim), q_lora_rank)"]),
        ("n_shared_experts", 0, ["shared_experts", "never used"]),
        ("n_routed_experts", 12, ["mlp.gate.", "asks for [12"]),
    ] {
        let error = changed(
            model,
            |config| {
                config.insert(field.to_owned(), value.into());
            },
            |_| {},
        );
        for part in parts {
            assert!(error.contains(part), "{field}: {error}");
        }
    }
    let q_proj = changed(
        model,
        |config| {
            config.insert("q_lora_rank".to_owned(), serde_json::Value::Null);
        },
        |_| {},
    );
    assert!(q_proj.contains("self_attn.q_proj.weight\" is missing"), "{q_proj}");
}

#[test]
fn tensors_that_latent_attention_misses_or_does_not_know_are_named() {
    let model = "micro/deepseek-v3-no-q-lora";
    let name = "model.layers.1.self_attn.kv_a_layernorm.weight";
    let missing = changed(model, |_| {}, |tensors| tensors.retain(|(held, _)| held != name));
    assert!(missing.contains(&format!("\"{name}\" is missing")), "{missing}");

    let extra = "model.layers.0.self_attn.q_a_proj.weight";
    let add = |tensors: &mut Vec<(String, TensorView<'_>)>, name: &str| {
        let spare = tensors[0].1.clone();
        tensors.push((name.to_owned(), spare));
    };
    let found = changed(model, |_| {}, |tensors| add(tensors, extra));
    assert!(found.contains(&format!("1 tensor was never used: {extra}")), "{found}");

    // Layers that predict further tokens are left out where the configuration says that there are some.
    let further = "model.layers.2.eh_proj.weight";
    let said = changed(model, |_| {}, |tensors| add(tensors, further));
    assert_eq!(said, "");
    let none = |config: &mut serde_json::Map<String, serde_json::Value>| {
        config.insert("num_nextn_predict_layers".to_owned(), 0.into());
    };
    let unsaid = changed(model, none, |tensors| add(tensors, further));
    assert!(unsaid.contains(further), "{unsaid}");
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
