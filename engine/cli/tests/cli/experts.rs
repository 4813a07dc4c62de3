//! Mixtures of experts whose configuration and weights do not go together.

use serde_json::{Value, json};

use crate::support::{Folder, Tensors, good, refused};

const MODEL: &str = "micro/qwen3-moe-dense-layers";
const FILE: &str = "model.safetensors";

fn args(folder: &Folder) -> [String; 6] {
    ["run", &folder.arg(""), "--tokens", "5", "--max-tokens", "1"].map(str::to_owned)
}

/// The micro model, of whose four layers only the second has experts, with one field changed.
fn with(field: &str, value: Value) -> Folder {
    let folder = Folder::of(MODEL);
    folder.edit("config.json", |config| {
        config.insert(field.to_owned(), value);
    });
    folder
}

/// The micro model with its weights changed.
fn stored(change: impl FnOnce(&mut Tensors)) -> Folder {
    let folder = Folder::of(MODEL);
    let mut tensors = Tensors::read(&folder.read(FILE));
    change(&mut tensors);
    folder.write(FILE, tensors.bytes());
    folder
}

/// The micro model with a tensor under another name.
fn renamed(from: &'static str, to: &'static str) -> Folder {
    stored(|tensors| {
        let entry = tensors.header.remove(from).unwrap();
        tensors.header.insert(to.to_owned(), entry);
    })
}

#[test]
fn the_number_of_experts_is_that_of_the_weights() {
    for number in [4, 6] {
        refused(
            &args(&with("num_local_experts", json!(number))),
            3,
            &[
                "tensor \"model.layers.1.mlp.gate.weight\" has shape [5, 32]",
                &format!("config.json asks for [{number}, 32] (num_experts or num_local_experts"),
            ],
        );
    }
    refused(
        &args(&with("num_experts_per_tok", json!(6))),
        3,
        &["field `num_experts_per_tok` is 6; it must be at most `num_local_experts` (5)"],
    );
    refused(
        &args(&with("num_experts", json!(6))),
        3,
        &["field `num_experts` is 6; it must be equal to `num_local_experts` (5)"],
    );
    refused(
        &args(&with("moe_intermediate_size", json!(21))),
        3,
        &[
            "\"model.layers.1.mlp.experts.0.gate_proj.weight\"",
            "asks for [21, 32] (moe_intermediate_size, hidden_size)",
        ],
    );
    refused(
        &args(&with("scoring_func", json!("tanh"))),
        3,
        &["`scoring_func` is `tanh`; supported is `softmax`"],
    );
}

#[test]
fn a_layer_is_dense_or_has_experts() {
    let layers = "see `mlp_only_layers` and `decoder_sparse_step`";
    refused(
        &args(&with("mlp_only_layers", json!([]))),
        3,
        &["\"model.layers.3.mlp.gate.weight\" is missing; the layer has a dense MLP in its place", layers],
    );
    refused(
        &args(&with("mlp_only_layers", json!([1, 3]))),
        3,
        &["\"model.layers.1.mlp.gate_proj.weight\" is missing; the layer has a router in its place", layers],
    );
    refused(
        &args(&with("mlp_only_layers", json!([4]))),
        3,
        &["`mlp_only_layers` is [4]; it must be a list of layers"],
    );
    let beside = stored(|tensors| {
        let entry = tensors.header["model.layers.0.mlp.gate_proj.weight"].clone();
        let end = tensors.data.len();
        let length = (entry["data_offsets"][1].as_u64().unwrap() - entry["data_offsets"][0].as_u64().unwrap())
            as usize;
        let spare =
            json!({"dtype": entry["dtype"], "shape": entry["shape"], "data_offsets": [end, end + length]});
        tensors.header.insert("model.layers.1.mlp.gate_proj.weight".to_owned(), spare);
        tensors.data.extend(std::iter::repeat_n(0, length));
    });
    refused(
        &args(&beside),
        3,
        &["1 tensor was never used: model.layers.1.mlp.gate_proj.weight; take config.json"],
    );
}

#[test]
fn tensors_of_experts_are_all_there_and_no_more() {
    let (last, more) =
        ("model.layers.1.mlp.experts.4.up_proj.weight", "model.layers.1.mlp.experts.5.up_proj.weight");
    refused(
        &args(&renamed(last, more)),
        3,
        &[&format!("tensor \"{last}\" is missing; check that config.json")],
    );
    let extra = stored(|tensors| {
        let end = tensors.data.len();
        let entry = json!({"dtype": "F32", "shape": [1], "data_offsets": [end, end + 4]});
        tensors.header.insert(more.to_owned(), entry);
        tensors.data.extend([0; 4]);
    });
    refused(&args(&extra), 3, &[&format!("1 tensor was never used: {more}")]);
}

#[test]
fn windows_are_positive_or_null() {
    for model in ["micro/mistral-window", "micro/qwen3-moe-window"] {
        let folder = Folder::of(model);
        let window = |value: Value| {
            folder.edit("config.json", |config| {
                config.insert("sliding_window".to_owned(), value);
            });
        };
        for value in [json!(0), json!(-1), json!("all")] {
            window(value);
            refused(&args(&folder), 3, &["field `sliding_window` is ", "it must be a whole number from 1"]);
        }
        window(json!(null));
        good(&args(&folder));
    }
}

#[test]
fn a_model_type_may_be_spelled_in_other_ways() {
    for model_type in ["qwen3_moe", "qwen3moe", "qwen3-moe"] {
        let folder = with("model_type", json!(model_type));
        folder.edit("config.json", |config| {
            config.remove("architectures");
        });
        good(&args(&folder));
    }
    let folder = with("model_type", json!("qwen3_next"));
    folder.edit("config.json", |config| {
        config.remove("architectures");
    });
    refused(
        &args(&folder),
        3,
        &["field `model_type` is `qwen3_next`; supported are ", "qwen3_moe, qwen3moe, qwen3-moe"],
    );
}
