//! `apr trace` and `apr diff`.

use std::fs;

use serde_json::Value;

use crate::support::{Folder, MICRO, Ran, Tensors, good, json, refused, run, zoo};

fn trace(folder: &Folder, name: &str, more: &[&str]) -> String {
    let out = folder.arg(name);
    let model = zoo(MICRO);
    let first = ["trace", &model, "--tokens", "5,6,7", "--device", "cpu", "--payload", "--out", &out];
    good(&[&first[..], more].concat())
}

fn diff(folder: &Folder, more: &[&str]) -> Ran {
    let (a, b) = (folder.arg("a"), folder.arg("b"));
    run(&[&["diff", &a, &b][..], more].concat())
}

#[test]
fn a_trace_names_every_stage_and_its_payload_holds_them() {
    let folder = Folder::empty();
    for (arithmetic, dtype, size) in [("f64", "F64", 8), ("f32", "F32", 4), ("declared", "F32", 4)] {
        let printed = trace(&folder, "a", &["--json", "--arithmetic", arithmetic]);
        let printed: Value = serde_json::from_str(&printed).unwrap();
        let written: Value = serde_json::from_slice(&folder.read("a/trace.json")).unwrap();
        assert_eq!(printed, written);
        let stages = written["stages"].as_array().unwrap();
        let names: Vec<&str> = stages.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
        for name in ["model.embed_tokens", "model.layers.0", "model.layers.1", "model.norm", "lm_head"] {
            assert!(names.contains(&name), "{name}");
        }
        for part in [
            "input_layernorm",
            "self_attn.q_proj",
            "self_attn.k_proj",
            "self_attn.v_proj",
            "self_attn.q_norm",
            "self_attn.k_norm",
            "self_attn.q_rope",
            "self_attn.k_rope",
            "self_attn.scores",
            "self_attn.probs",
            "self_attn.context",
            "self_attn.o_proj",
            "post_attention_layernorm",
            "mlp.gate_proj",
            "mlp.up_proj",
            "mlp.act_fn",
            "mlp.act_and_mul",
            "mlp.down_proj",
        ] {
            assert!(names.contains(&format!("model.layers.1.{part}").as_str()), "{part}");
        }
        let payload = Tensors::read(&folder.read("a/payload.safetensors"));
        for stage in stages {
            let tensor = &payload.header[stage["name"].as_str().unwrap()];
            assert_eq!((&tensor["shape"], tensor["dtype"].as_str()), (&stage["shape"], Some(dtype)));
        }
        let logits = &payload.header["lm_head"]["data_offsets"];
        assert_eq!(logits[1].as_u64().unwrap() - logits[0].as_u64().unwrap(), 3 * 1024 * size);
        assert_eq!(written["arithmetic"], arithmetic);
    }
}

#[test]
fn a_narrower_trace_has_the_same_numbers() {
    let folder = Folder::empty();
    trace(&folder, "a", &[]);
    trace(&folder, "b", &["--stages", "model.*norm*"]);
    let stages = |name: &str| -> Vec<Value> {
        let trace: Value = serde_json::from_slice(&folder.read(name)).unwrap();
        trace["stages"].as_array().unwrap().clone()
    };
    let (all, some) = (stages("a/trace.json"), stages("b/trace.json"));
    assert!(some.len() > 3 && some.len() < all.len());
    assert!(some.iter().all(|stage| all.contains(stage)));
}

#[test]
fn equal_traces_agree_and_others_name_the_first_stage() {
    let folder = Folder::empty();
    trace(&folder, "a", &[]);
    trace(&folder, "b", &[]);
    assert_eq!(diff(&folder, &[]).code, 0);
    trace(&folder, "b", &["--arithmetic", "declared"]);
    let ran = diff(&folder, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stdout.contains("first divergence: model.layers.0.input_layernorm"), "{ran:?}");
    let output: Value = serde_json::from_str(&diff(&folder, &["--json"]).stdout).unwrap();
    assert_eq!(output["first_divergence"], "model.layers.0.input_layernorm");
    assert_eq!(diff(&folder, &["--max-row-l2", "0.1"]).code, 0);
    assert_eq!(diff(&folder, &["--max-row-l2", "1e-9"]).code, 1);
    assert_eq!(diff(&folder, &["--max-row-l2", "nan"]).code, 2);

    // A stage that only one of them has is a divergence too.
    trace(&folder, "b", &["--stages", "model.norm"]);
    let ran = diff(&folder, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    trace(&folder, "a", &["--stages", "lm_head"]);
    assert_eq!(diff(&folder, &[]).code, 4);
}

#[test]
fn traces_that_cannot_be_compared_or_trusted_are_refused() {
    let folder = Folder::empty();
    trace(&folder, "a", &[]);
    let (a, b) = (folder.arg("a"), folder.arg("b"));
    refused(&["diff", &a, &b], 3, &[&b]);

    let out = b.clone();
    good(&["trace", &zoo(MICRO), "--tokens", "5,6,8", "--out", &out]);
    refused(&["diff", &a, &b], 2, &["different tokens"]);

    trace(&folder, "b", &[]);
    let payload = folder.read("b/payload.safetensors");
    fs::write(folder.path("b/payload.safetensors"), &payload[..payload.len() / 2]).unwrap();
    assert_eq!(diff(&folder, &[]).code, 3);
    let mut tampered = payload.clone();
    *tampered.last_mut().unwrap() ^= 0x40;
    fs::write(folder.path("b/payload.safetensors"), tampered).unwrap();
    let ran = diff(&folder, &[]);
    assert!(ran.code == 3 && ran.stderr.contains("digest"), "{ran:?}");
}

#[test]
fn a_table_for_people() {
    let text =
        good(&["trace", &zoo(MICRO), "--tokens", "5,6,7", "--stages", "model.norm", "--arithmetic", "f64"]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "qwen3-dense, 3 tokens, f64 on cpu, 1 stages");
    assert!(text.contains("model.norm   [3, 32]   F64"), "{text}");
}

#[test]
fn choices_that_make_no_sense() {
    let model = zoo(MICRO);
    refused(&["trace", &model, "--tokens", "5", "--stages", "nothing"], 2, &["nothing", "--stages"]);
    refused(&["trace", &model, "--tokens", "5", "--stages", "["], 2, &["["]);
    let folder = Folder::empty();
    let file = folder.write("file", "");
    let ran = run(&["trace", &model, "--tokens", "5", "--out", &file]);
    assert!(ran.code != 0 && ran.code != 101 && ran.stderr.contains("file"), "{ran:?}");
    assert!(json(&["trace", &model, "--tokens", "5", "--json"])["stages"].as_array().unwrap().len() > 10);
}
