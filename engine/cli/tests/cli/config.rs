//! Model folders and their config.json.

use serde_json::{Value, json};

use crate::support::{Folder, MICRO, good, refused, run};

/// Opens the model, and computes one token.
fn args(folder: &Folder) -> [String; 6] {
    ["run", &folder.arg(""), "--tokens", "5", "--max-tokens", "1"].map(str::to_owned)
}

/// The micro model with one field of its configuration changed.
fn with(field: &str, value: Value) -> Folder {
    let folder = Folder::micro();
    folder.edit("config.json", |config| {
        config.insert(field.to_owned(), value);
    });
    folder
}

#[test]
fn a_model_that_is_no_folder() {
    let folder = Folder::empty();
    let missing = folder.arg("nothing");
    for command in [vec!["inspect"], vec!["run", "--tokens", "5"], vec!["trace", "--tokens", "5"]] {
        let args: Vec<&str> = command.iter().copied().chain([missing.as_str()]).collect();
        refused(&args, 3, &[&missing, "there is no such folder", "pass a model folder"]);
    }
    let file = folder.write("file", "x");
    refused(&["inspect", &file], 3, &[&file, "it is not a folder", "pass a model folder"]);
    refused(
        &["inspect", &folder.arg("")],
        3,
        &["config.json: cannot read it", "a model folder holds config.json"],
    );
}

#[test]
fn a_configuration_that_is_no_object() {
    let folder = Folder::micro();
    let deep = "[".repeat(100_000);
    for (content, why) in [
        ("", "EOF"),
        ("{", "EOF"),
        ("{\"vocab_size\": NaN}", "line 1 column 16"),
        ("[]", "it holds a list"),
        ("null", "it holds null"),
        ("\"text\"", "it holds a text"),
        ("3", "it holds a number"),
        ("true", "it holds a truth value"),
        (deep.as_str(), "recursion limit"),
    ] {
        folder.write("config.json", content);
        refused(&args(&folder), 3, &["config.json: not a JSON object", why, "fetch the file again"]);
    }
    folder.write("config.json", b"\xff\xfe");
    refused(&args(&folder), 3, &["config.json: not a JSON object"]);
    folder.remove("config.json");
    std::fs::create_dir(folder.path("config.json")).unwrap();
    refused(&args(&folder), 3, &["config.json: cannot read it", "not a plain file"]);
}

#[test]
fn a_field_that_is_missing() {
    const EVERYWHERE: [&str; 7] = [
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "rms_norm_eps",
        "max_position_embeddings",
    ];
    for (model, more) in [
        ("micro/qwen3-dense", ["head_dim", "num_key_value_heads"].as_slice()),
        ("micro/qwen2-untied-f32", &[]),
        ("micro/llama-mha", &[]),
    ] {
        let folder = Folder::of(model);
        let whole = folder.json("config.json");
        let mut missing = Vec::new();
        for field in whole.keys() {
            let mut config = whole.clone();
            config.remove(field);
            folder.write("config.json", serde_json::to_vec(&config).unwrap());
            let ran = run(&args(&folder));
            if ran.stderr.contains(&format!("config.json: field `{field}` is missing; add it")) {
                missing.push(field.as_str());
            }
            // Without a field that has a default, the model may be another one than the weights are of.
            assert!(
                ran.code == 0 || (ran.code == 3 && ran.stderr.contains(&folder.arg(""))),
                "{field}: {ran:?}"
            );
        }
        let mut needed: Vec<&str> = EVERYWHERE.iter().chain(more).copied().collect();
        // Qwen2 has a default that no checkpoint can want.
        if missing.contains(&"num_key_value_heads") && !needed.contains(&"num_key_value_heads") {
            needed.push("num_key_value_heads");
        }
        missing.sort_unstable();
        needed.sort_unstable();
        assert_eq!(missing, needed, "{model}");
        folder.write("config.json", "{}");
        refused(&args(&folder), 3, &["config.json: field `architectures` is missing; add it"]);
    }
}

#[test]
fn a_value_that_is_absurd() {
    let huge: Value = serde_json::from_str("1e300").unwrap();
    let sizes = [
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "max_position_embeddings",
    ];
    for field in sizes {
        for value in
            [json!(0), json!(-1), json!(1.5), huge.clone(), json!("12"), json!([]), json!({}), json!(true)]
        {
            refused(
                &args(&with(field, value)),
                3,
                &[&format!("config.json: field `{field}` is "), "; it must be a whole"],
            );
        }
    }
    for field in ["rms_norm_eps", "rope_theta"] {
        for value in [json!(0), json!(-1e-6), json!("NaN"), json!([1]), json!(true)] {
            refused(
                &args(&with(field, value)),
                3,
                &[&format!("field `{field}` is "), "it must be a positive number"],
            );
        }
    }
    refused(
        &args(&with("rms_norm_eps", json!(1e30))),
        3,
        &["`rms_norm_eps` is 1000", "it must be at most 1"],
    );
}

#[test]
fn no_value_makes_it_panic() {
    let odd: [Value; 12] = [
        json!(null),
        json!(0),
        json!(1),
        json!(3),
        json!(16_777_216),
        json!(u64::MAX),
        json!(-1),
        json!(1e-300),
        json!(1e300),
        json!("x"),
        json!(["x"]),
        json!({"x": 1}),
    ];
    let folder = Folder::micro();
    let whole = folder.json("config.json");
    for field in whole.keys() {
        for value in &odd {
            let mut config = whole.clone();
            config.insert(field.clone(), value.clone());
            folder.write("config.json", serde_json::to_vec(&config).unwrap());
            let ran = run(&args(&folder));
            assert!(
                ran.code == 0 || (ran.code == 3 && ran.stderr.contains(&folder.arg(""))),
                "{field} = {value}: {ran:?}"
            );
        }
    }
}

#[test]
fn heads_and_layers_that_do_not_add_up() {
    for (field, value, parts) in [
        (
            "num_key_value_heads",
            json!(3),
            ["field `num_key_value_heads` is 3", "must divide `num_attention_heads` (4)"],
        ),
        ("head_dim", json!(15), ["field `head_dim` is 15", "needs an even number"]),
        (
            "num_hidden_layers",
            json!(3),
            ["\"model.layers.2.input_layernorm.weight\" is missing", "of the same model"],
        ),
        (
            "num_hidden_layers",
            json!(1),
            ["11 tensors were never used: model.layers.1.", "and 3 more; take config.json"],
        ),
        ("num_hidden_layers", json!(4097), ["field `num_hidden_layers` is 4097", "from 1 to 4096"]),
        (
            "vocab_size",
            json!(1000),
            ["has shape [1024, 32]", "asks for [1000, 32] (vocab_size, hidden_size); take"],
        ),
        (
            "intermediate_size",
            json!(71),
            ["mlp.gate_proj.weight", "asks for [71, 32] (intermediate_size, hidden_size)"],
        ),
        (
            "num_key_value_heads",
            json!(1),
            ["k_proj.weight", "[16, 32] (num_key_value_heads * head_dim, hidden_size)"],
        ),
        ("head_dim", json!(8), ["q_proj.weight", "[32, 32] (num_attention_heads * head_dim, hidden_size)"]),
        ("attention_bias", json!(true), ["q_proj.bias\" is missing", "of the same model"]),
        (
            "tie_word_embeddings",
            json!(false),
            ["\"lm_head.weight\" is missing", "set `tie_word_embeddings` to true"],
        ),
    ] {
        refused(&args(&with(field, value)), 3, &parts);
    }
    let folder = Folder::of("micro/llama-mha");
    folder.edit("config.json", |config| {
        config.insert("hidden_size".to_owned(), json!(33));
        config.insert("num_attention_heads".to_owned(), json!(4));
        config.insert("num_key_value_heads".to_owned(), json!(4));
        config.remove("head_dim");
    });
    refused(&args(&folder), 3, &["field `hidden_size` is 33", "a multiple of `num_attention_heads` (4)"]);
}

#[test]
fn what_is_not_supported_says_what_is() {
    let classes = "Qwen2ForCausalLM, Qwen3ForCausalLM, Qwen3MoeForCausalLM";
    for (field, value, parts) in [
        ("architectures", json!(["GPT2LMHeadModel"]), ["`architectures` is [\"GPT2LMHeadModel\"]", classes]),
        ("architectures", json!([]), ["`architectures` is []", "a list with one class name"]),
        (
            "architectures",
            json!("Qwen3ForCausalLM"),
            ["`architectures` is \"Qwen3", "a list with one class name"],
        ),
        ("hidden_act", json!("gelu"), ["`hidden_act` is `gelu`", "supported is `silu`"]),
        (
            "rope_scaling",
            json!({"rope_type": "yarn", "factor": 2}),
            ["`rope_scaling.rope_type` is `yarn`", "supported"],
        ),
        (
            "rope_scaling",
            json!({"type": "dynamic"}),
            ["`rope_scaling.type` is `dynamic`", "supported are `default`"],
        ),
        ("rope_scaling", json!({"rope_type": "linear"}), ["`rope_scaling.factor` is missing", "add it"]),
        (
            "rope_scaling",
            json!({"rope_type": "linear", "factor": 0.5}),
            ["`rope_scaling.factor` is 0.5", "at least 1"],
        ),
        ("rope_scaling", json!(3), ["`rope_scaling` is 3", "it must be an object"]),
        ("layer_types", json!(["full_attention", "mamba"]), ["`layer_types` is \"mamba\"", "supported are"]),
        ("layer_types", json!(["full_attention"]), ["`layer_types` is [", "each of the 2 layers"]),
    ] {
        refused(&args(&with(field, value)), 3, &parts);
    }
    let folder = Folder::micro();
    folder.edit("config.json", |config| {
        config.remove("architectures");
        config.insert("model_type".to_owned(), json!("gpt2"));
    });
    refused(&args(&folder), 3, &["field `model_type` is `gpt2`; supported are ", "qwen2, qwen3, qwen3_moe"]);
}

#[test]
fn a_generation_configuration_that_is_broken() {
    let folder = Folder::micro();
    folder.write("generation_config.json", "{");
    refused(&args(&folder), 3, &["generation_config.json: not a JSON object"]);
    folder.write("generation_config.json", "{\"eos_token_id\": \"x\"}");
    refused(
        &args(&folder),
        3,
        &["generation_config.json: field `eos_token_id` is \"x\"", "a token id or a list"],
    );
    folder.remove("generation_config.json");
    assert_eq!(
        good(&args(&folder)),
        good(&["run", &crate::support::zoo(MICRO), "--tokens", "5", "--max-tokens", "1"])
    );
}
