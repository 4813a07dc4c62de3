//! Text in and text out: `apr run`, `apr eval` and `apr inspect`.

use crate::support::{Folder, MICRO, goldens, good, json, refused, zoo};

const FIB: &str = "def fib(n):\n";

#[test]
fn greedy_text_is_that_of_transformers() {
    for model in ["qwen2-tiny", "llama-tiny"] {
        let golden = goldens(model);
        let text = good(&["run", &zoo(model), "--prompt", FIB]);
        // The golden was decoded with its special tokens, of which greedy text after code has none.
        assert_eq!(
            text.trim_end_matches('\n'),
            golden["greedy_text"]["fib"].as_str().unwrap().trim_end_matches('\n')
        );
        let answer = good(&["run", &zoo(model), "--prompt", "What is 2+2?", "--chat"]);
        assert_eq!(answer, "2+2 is 4.\n");
    }
}

#[test]
fn json_says_what_was_read_and_why_it_ended() {
    let output = json(&["run", "--prompt", "What is 2+2?", "--chat", "--json"]);
    assert_eq!(output["text"], "2+2 is 4.");
    assert_eq!(output["finish_reason"], "stop");
    assert_eq!(output["token_ids"].as_array().unwrap().last().unwrap(), 2);
    let output = json(&["run", "--prompt", FIB, "--max-tokens", "3", "--json"]);
    assert_eq!(output["finish_reason"], "length");
    assert_eq!(output["token_ids"].as_array().unwrap().len(), 3);
}

#[test]
fn a_seed_repeats_the_sample_and_another_does_not() {
    let sample = |seed: &str| good(&["run", "--prompt", FIB, "--temperature", "1.5", "--seed", seed]);
    assert_eq!(sample("1"), sample("1"));
    assert_ne!(sample("1"), sample("2"));
    // Among one token there is nothing to choose.
    let one = good(&["run", "--prompt", FIB, "--temperature", "1.5", "--top-k", "1"]);
    assert_eq!(one, good(&["run", "--prompt", FIB]));
}

#[test]
fn tokens_that_do_not_fit_the_model() {
    let model = zoo(MICRO);
    refused(
        &["run", &model, "--tokens", "5,1024"],
        2,
        &["1024", "index 1", "`vocab_size` is 1024", "0 to 1023"],
    );
    refused(&["run", &model, "--prompt", ""], 2, &["--prompt", "no tokens", "not empty"]);
    let folder = Folder::micro();
    folder.edit("config.json", |config| {
        config.insert("max_position_embeddings".to_owned(), 4.into());
    });
    let args = ["run", &folder.arg(""), "--tokens", "1,2,3,4,5"];
    refused(&args, 2, &["5 tokens", "`max_position_embeddings` is 4", "shorten the prompt by 1"]);
    let output = json(&["run", &folder.arg(""), "--tokens", "1,2,3", "--json", "--max-tokens", "9"]);
    assert_eq!(output["finish_reason"], "context");
}

#[test]
fn a_model_without_a_tokenizer_takes_token_ids_only() {
    let folder = Folder::micro();
    folder.remove("tokenizer.json");
    refused(&["run", &folder.arg(""), "--prompt", "x"], 3, &["tokenizer.json", "--tokens"]);
    let ids = good(&["run", &folder.arg(""), "--tokens", "5,6", "--max-tokens", "3"]);
    assert_eq!(ids.trim().split(',').filter(|id| id.parse::<u32>().is_ok()).count(), 3, "{ids}");
    folder.write("tokenizer.json", "{}");
    refused(&["run", &folder.arg(""), "--prompt", "x"], 3, &["tokenizer.json"]);
}

#[test]
fn a_chat_needs_a_template_that_works() {
    let folder = Folder::micro();
    folder.remove("tokenizer_config.json");
    refused(&["run", &folder.arg(""), "--prompt", "x", "--chat"], 3, &["chat template", "without --chat"]);
    folder.write("chat_template.jinja", "{% if %}");
    refused(&["run", &folder.arg(""), "--prompt", "x", "--chat"], 3, &["chat_template.jinja"]);
}

#[test]
fn loss_of_a_text() {
    let folder = Folder::empty();
    let text = folder.write("text.py", "def add(a, b):\n    return a + b\n");
    let output = json(&["eval", "--text", &text, "--json"]);
    let (mean, perplexity) = (output["mean_loss"].as_f64().unwrap(), output["perplexity"].as_f64().unwrap());
    assert!(mean > 0.0 && mean < output["uniform_loss"].as_f64().unwrap(), "{output}");
    assert!((perplexity - mean.exp()).abs() < 1e-9);
    refused(&["eval", "--text", &folder.arg("nothing")], 3, &["nothing"]);
    refused(&["eval", "--text", &folder.write("latin", [0xff, 0xfe])], 3, &["latin"]);
    refused(&["eval", "--text", &folder.write("short", "a")], 4, &["short", "at least two"]);
}

#[test]
fn inspection_shows_what_the_folder_holds() {
    let output = json(&["inspect", &zoo("micro/qwen2-window"), "--json"]);
    assert_eq!(output["architecture"], "qwen2");
    assert_eq!(output["sliding_windows"], serde_json::json!([null, 8, 8]));
    assert!(output["tokenizer"].as_str().unwrap().starts_with("none: "));
    assert!(output.get("kv_lora_rank").is_none() && output.get("num_experts").is_none(), "{output}");
    let text = good(&["inspect", &zoo("qwen2-tiny")]);
    assert!(text.contains("tie_word_embeddings") && text.contains("1024 tokens"), "{text}");
}

#[test]
fn inspection_shows_latents_and_experts_by_the_names_of_the_configuration() {
    let output = json(&["inspect", &zoo("mistral4-mla-tiny"), "--json"]);
    let expected = [
        ("q_lora_rank", serde_json::json!(128)),
        ("kv_lora_rank", serde_json::json!(256)),
        ("rope_interleave", serde_json::json!(true)),
        ("llama_4_scaling_beta", serde_json::json!(0.1)),
        ("factor", serde_json::json!(16.0)),
        ("original_max_position_embeddings", serde_json::json!(256.0)),
        ("num_experts", serde_json::json!(4)),
        ("num_experts_per_tok", serde_json::json!(2)),
        ("shared_intermediate_size", serde_json::json!(256)),
        ("dense_layers", serde_json::json!([0])),
    ];
    let text = good(&["inspect", &zoo("mistral4-mla-tiny")]);
    let lines: Vec<(&str, &str)> = text.lines().filter_map(|line| line.split_once(' ')).collect();
    for (field, value) in expected {
        assert_eq!(output[field], value, "{field}");
        let told = lines.iter().find(|(name, _)| *name == field).map(|(_, told)| told.trim().to_owned());
        assert_eq!(told, Some(value.to_string()), "{field}");
    }
    let output = json(&["inspect", &zoo("micro/deepseek-v3-no-q-lora"), "--json"]);
    assert!(output["q_lora_rank"].is_null() && output["kv_lora_rank"].is_u64(), "{output}");
    assert!(output["llama_4_scaling_beta"].is_null() && output["e_score_correction_bias"] == true);
}
