//! `apr bench`, on the virtual device: everything is measured and shown, and nothing is said about speed.

use crate::support::{apr, refused, run, usage, zoo};

const SMALL: [&str; 8] = ["--device", "simt", "--steps", "4", "--repeats", "2", "--prompt", "16"];

/// Numbers become `#`: they differ from run to run.
fn redacted(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let words =
            line.split_whitespace().map(|word| match word.trim_matches(['(', ')', ',']).parse::<f64>() {
                Ok(_) => "#",
                Err(_)
                    if [
                        "T", "G", "M", "k", "B", "TB/s", "GB/s", "MB/s", "kB/s", "B/s", "TB", "GB", "MB",
                        "kB",
                    ]
                    .contains(&word) =>
                {
                    "?"
                }
                Err(_) if word.contains('━') || word.contains('─') => "bar",
                Err(_) => word,
            });
        out += words.collect::<Vec<_>>().join(" ").as_str();
        out.push('\n');
    }
    out
}

#[test]
fn a_virtual_device_is_measured_and_gets_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.json");
    let ran = run(&[&["bench", &zoo("qwen2-tiny"), "--out", file.to_str().unwrap()], &SMALL[..]].concat());
    assert_eq!((ran.code, ran.stderr.as_str()), (5, ""), "{ran:?}");
    let text = redacted(&ran.stdout);
    for line in [
        "engine/zoo/qwen2-tiny on virtual device (sm_90), # repeats",
        "matrix product not measured: no library for matrix products: this device has none",
        "verdict: none: virtual device: what it takes says nothing about hardware",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` is not in:\n{text}");
    }
    for part in [
        "decode, eager, unfused #",
        "decode, eager, fused #",
        "decode, graph, fused",
        "prefill, # tokens #",
        "control, #",
        "bar",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(
        (json["schema"].as_u64(), json["verdict"]["verdict"].as_str()),
        (Some(1), Some("none")),
        "{json}"
    );
    assert_eq!(json["device"]["virtual"], true);
    assert_eq!(json["options"]["depth"], 16);
    assert_eq!(json["decode"].as_array().unwrap().len(), 5);
    assert_eq!(json["decode"][1]["sample"]["seconds"].as_array().unwrap().len(), 2);
    let number = |value: &serde_json::Value| value.as_f64().unwrap_or_default();
    assert!(number(&json["prefill"]["operations"]) > 1e6, "{json}");
    assert!(json["prefill"]["fraction"]["not_measured"].as_str().unwrap().contains("library"), "{json}");
    assert_eq!(
        (&json["prefill"]["verdict"]["verdict"], &json["prefill"]["library"]),
        (&"none".into(), &().into())
    );
    // Two-byte weights, each read once.
    let weights = number(&json["bytes"]["weights"]);
    assert!(weights > 0.0 && number(&json["bytes"]["kv"]) > 0.0, "{json}");
    assert!(number(&json["control"]["extra_bytes"]) > 0.0);
    assert!(number(&json["anchors"]["read"][0]["bytes_per_second"]) > 0.0);
}

#[test]
fn what_looking_costs_is_measured_beside_the_same_unlooked_at() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.json");
    let ran = run(
        &[&["bench", &zoo("qwen2-tiny"), "--taps", "--out", file.to_str().unwrap()], &SMALL[..]].concat()
    );
    assert_eq!((ran.code, ran.stderr.as_str()), (5, ""), "{ran:?}");
    let text = redacted(&ran.stdout);
    for part in [
        "decode, graph, fused, statistics of # stages #",
        "decode, graph, unfused, statistics of # stages #",
        "the same, read by the host after each token #",
        "prefill, # tokens, every stage: # stages, # ? of # ? copied #",
        "prefill, # tokens, the residual stream after each layer: # stages, # ? of # ? copied #",
        "# % # % none: virtual device",
    ] {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
    let json: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let (decode, prefill) = (&json["taps"]["decode"], &json["taps"]["prefill"]);
    for row in decode.as_array().unwrap() {
        let nodes = |at: usize| row["nodes"][at].as_u64().unwrap();
        assert_eq!(nodes(1), nodes(0) + 1, "{row}");
        assert_eq!((&row["made"]["verdict"], row["made"]["limit"].as_f64()), (&"none".into(), Some(0.1)));
    }
    assert_eq!(decode.as_array().unwrap().len(), 2);
    let bytes = |at: usize, what: &str| prefill[at][what].as_u64().unwrap();
    assert_eq!(bytes(0, "bytes"), bytes(0, "bytes_of_all"), "{prefill}");
    assert!(bytes(1, "bytes") < bytes(1, "bytes_of_all"), "{prefill}");
    assert_eq!(prefill[0]["cost"]["limit"].as_f64(), Some(0.5));
}

#[test]
fn what_makes_no_sense_is_refused() {
    usage(&["bench"], &["--device"]);
    usage(&["bench", "--device", "simt", "--synthetic", "gpt-2"], &["gpt-2", "qwen2.5-7b"]);
    usage(
        &["bench", "engine/zoo/qwen2-tiny", "--device", "simt", "--synthetic", "qwen2.5-7b"],
        &["cannot be used with"],
    );
    usage(&["bench", "--device", "simt", "--steps", "0"], &["--steps"]);
    refused(&["bench", "--device", "cuda"], 5, &["CUDA", "--device cpu"]);
    refused(&["bench", "--device", "cpu"], 5, &["--device cpu", "simt or cuda"]);
    refused(&["bench", "--device", "simt", "--prompt", "100000000"], 2, &["max_kv", "lower it"]);
    let folder = tempfile::tempdir().unwrap();
    refused(
        &["bench", "--device", "simt", "--out", folder.path().to_str().unwrap()],
        2,
        &["--out", "folder"],
    );
    let output =
        apr().args(["bench", "--device", "simt"]).env("TOUCHSTONE_NVRTC", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(5));
}
