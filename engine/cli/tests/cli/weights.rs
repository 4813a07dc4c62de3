//! Weights that are missing, damaged, or of another model.

use serde_json::{Value, json};

use crate::support::{Folder, Tensors, refused};

const FILE: &str = "model.safetensors";
const NORM: &str = "model.norm.weight";

fn expect(folder: &Folder, parts: &[&str]) {
    let args = ["run".to_owned(), folder.arg(""), "--tokens=5".to_owned(), "--max-tokens=1".to_owned()];
    refused(&args, 3, parts);
}

/// The micro model with its weights changed.
fn damaged(change: impl FnOnce(&mut Tensors)) -> Folder {
    let folder = Folder::micro();
    let mut tensors = Tensors::read(&folder.read(FILE));
    change(&mut tensors);
    folder.write(FILE, tensors.bytes());
    folder
}

/// The micro model with one field of the final norm's entry changed.
fn norm(field: &'static str, value: Value) -> Folder {
    damaged(|tensors| tensors.header[NORM][field] = value)
}

#[test]
fn no_weights() {
    let folder = Folder::micro();
    folder.remove(FILE);
    expect(&folder, &["has neither model.safetensors nor model.safetensors.index.json", "pass a folder"]);
    std::fs::create_dir(folder.path(FILE)).unwrap();
    expect(&folder, &["model.safetensors is not a regular file"]);
}

#[test]
fn truncated_anywhere() {
    let folder = Folder::micro();
    let whole = folder.read(FILE);
    let header = Tensors::read(&whole);
    let start = whole.len() - header.data.len();
    for length in [0, 1, 7, 8, 9, 100, start - 1, start, start + 1, whole.len() / 2, whole.len() - 1] {
        folder.write(FILE, &whole[..length]);
        let why = match length {
            0..8 => "fewer than the 8 that hold the header length",
            length if length < start => "over the",
            _ => "the header describes 118208 bytes of tensors, but",
        };
        expect(&folder, &["model.safetensors: ", why, "again"]);
    }
}

#[test]
fn a_header_that_lies() {
    let folder = Folder::micro();
    let tensors = Tensors::read(&folder.read(FILE));
    for (length, why) in [
        (0, "the header is not valid"),
        (5, "the header is not valid"),
        (1_000_000, "the header length 1000000 is over the"),
        (1_000_000_000, "over the limit of 100000000"),
        (u64::MAX, "over the limit of 100000000"),
    ] {
        folder.write(FILE, tensors.with_length(length));
        expect(&folder, &["model.safetensors: ", why]);
    }
    for (field, value, why) in [
        ("data_offsets", json!([0, 64]), "but the tensor before it ends at 64"),
        ("data_offsets", json!([64, 0]), "has offsets [64, 0]"),
        ("data_offsets", json!([118_144, 1_000_118_208]), "its offsets span"),
        ("data_offsets", json!([1_u64 << 40, (1_u64 << 40) + 64]), "has offsets [1099511627776,"),
        ("data_offsets", json!([-1, 63]), "the header is not valid"),
        ("shape", json!([33]), "shape [33] takes 528 bits, but its offsets span 64 bytes"),
        ("shape", json!([1_u64 << 62, 1_u64 << 62]), "whose size overflows"),
        ("shape", json!([-1]), "the header is not valid"),
        ("dtype", json!("F17"), "has the unknown dtype \"F17\"; convert it"),
        ("dtype", json!("F32"), "of dtype F32 and shape [32] takes 1024 bits"),
        ("dtype", json!("I16"), "is stored as I16; convert it to BF16, F16, F32, or F64"),
        ("dtype", json!(3), "the header is not valid"),
    ] {
        expect(&norm(field, value), &["model.safetensors: ", why]);
    }
}

#[test]
fn tensors_of_another_model() {
    expect(
        &norm("shape", json!([16, 2])),
        &["\"model.norm.weight\" has shape [16, 2]", "asks for [32] (hidden_size)"],
    );
    let extra = damaged(|tensors| {
        let end = tensors.data.len();
        tensors.header.insert(
            "model.extra".to_owned(),
            json!({"dtype": "F32", "shape": [1], "data_offsets": [end, end + 4]}),
        );
        tensors.data.extend([0; 4]);
    });
    expect(&extra, &["1 tensor was never used: model.extra; take config.json from the same model"]);
    let rename = |to: &'static str| {
        damaged(move |tensors| {
            let entry = tensors.header.remove(NORM).unwrap();
            tensors.header.insert(to.to_owned(), entry);
        })
    };
    expect(
        &rename("model.nrom.weight"),
        &["tensor \"model.norm.weight\" is missing; check that config.json"],
    );
    expect(&rename("x.model.norm.weight"), &["the file has \"x.model.norm.weight\", so rename it"]);
}

#[test]
fn values_that_are_not_finite() {
    let folder = damaged(|tensors| {
        let offsets = tensors.header[NORM]["data_offsets"].clone();
        let [start, end] = [0, 1].map(|at| offsets[at].as_u64().unwrap() as usize);
        tensors.data[start..end].copy_from_slice(&[0xc0, 0x7f].repeat((end - start) / 2));
    });
    expect(&folder, &["logit 0 is NaN; see `apr trace` for the stage"]);
    let text = folder.write("text", "def fib(n):");
    refused(
        &["eval", &folder.arg(""), "--text", &text],
        3,
        &["the loss of prediction 0 is NaN", "see `apr trace`"],
    );
    // The stage that it comes from can be seen.
    let trace = crate::support::good(&["trace", &folder.arg(""), "--tokens=5", "--stages=model.norm"]);
    assert!(trace.contains("NaN    32"), "{trace}");
}

#[test]
fn shards_and_their_index() {
    const INDEX: &str = "model.safetensors.index.json";
    let folder = Folder::of("micro/qwen2-sharded");
    let index = folder.read(INDEX);
    for (content, why) in [
        ("", "EOF while parsing"),
        ("[]", "invalid"),
        ("{}", "missing field `weight_map`"),
        ("{\"weight_map\": []}", "expected an object"),
        ("{\"weight_map\": {}}", "weight_map is empty"),
        ("{\"weight_map\": {\"a\": 1}}", "expected a string"),
        ("{\"weight_map\": {\"a\": \"../x\"}}", "not a file name in the same folder"),
        ("{\"weight_map\": {\"a\": \"none.safetensors\"}}", "none.safetensors, which does not exist"),
    ] {
        folder.write(INDEX, content);
        expect(&folder, &["index.json: ", why]);
    }
    folder.write(INDEX, &index);
    folder.edit(INDEX, |index| {
        index["weight_map"]["model.more"] = json!("model-00001-of-00003.safetensors");
    });
    expect(&folder, &["\"model.more\" is said to be in model-00001-of-00003.safetensors, which lacks it"]);
    folder.write(INDEX, &index);
    folder.remove("model-00002-of-00003.safetensors");
    expect(&folder, &["model-00002-of-00003.safetensors, which does not exist; fetch that shard"]);
    folder.write("model-00002-of-00003.safetensors", "");
    expect(&folder, &["model-00002-of-00003.safetensors: the file has 0 bytes"]);
}
