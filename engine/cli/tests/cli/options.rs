//! Options that are missing, contradict each other, or have no sense; devices that are not there.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::support::{MICRO, apr, json, refused, run, usage, zoo};

#[test]
fn prompts_exclude_each_other_and_one_is_needed() {
    usage(&["run"], &["--prompt"]);
    usage(&["run", "--prompt", "a", "--tokens", "1"], &["cannot be used with"]);
    usage(&["run", "--tokens", "1,x"], &["--tokens"]);
    usage(&["run", "--tokens", "-1"], &["--tokens"]);
    usage(&["trace", "--tokens", "1", "--payload"], &["--out"]);
}

#[test]
fn sampling_options_are_checked_before_anything_is_computed() {
    for (option, value) in
        [("--temperature", "nan"), ("--temperature", "-1"), ("--top-p", "0"), ("--top-k", "0")]
    {
        let mut args = vec!["run", "--prompt", "a", option, value];
        if option != "--temperature" {
            args.extend(["--temperature", "1"]);
        }
        let ran = run(&args);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
        assert!(
            ran.stderr.contains(&option[2..]) || ran.stderr.contains(&option[2..].replace('-', "_")),
            "{ran:?}"
        );
    }
}

#[test]
fn a_device_that_is_not_there_is_never_replaced_silently() {
    let commands: [&[&str]; 5] = [
        &["run", "--prompt", "a"],
        &["trace", "--tokens", "1"],
        &["eval", "--text", "README.md"],
        &["parity"],
        &["bisect", "--tokens", "1,2"],
    ];
    for command in commands {
        // Where there is a driver, it sees no device here.
        refused(&[command, &["--device", "cuda"]].concat(), 5, &["CUDA", "--device cpu"]);
        // Without a compiler for it, the virtual device runs nothing.
        let args = [command, &["--device", "simt"]].concat();
        let output = apr().args(args).env("TOUCHSTONE_NVRTC", "/nowhere").output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(5), &[][..]), "{said}");
        assert!(said.contains("no NVRTC") && said.contains("make nvrtc"), "{said}");
    }
    usage(&["run", "--prompt", "a", "--device", "gpu"], &["gpu", "cpu"]);
    usage(&["parity"], &["--device"]);
}

#[test]
fn a_device_says_its_limits_and_the_cpu_has_none() {
    let limits = json(&["inspect", &zoo(MICRO), "--device", "simt", "--json"]);
    assert_eq!(limits["device"], "virtual device (sm_90)");
    assert_eq!(limits["max_grid"][1], 65_535);
    assert!(json(&["inspect", &zoo(MICRO), "--json"]).get("device").is_none());
    refused(&["inspect", &zoo(MICRO), "--device", "cpu"], 5, &["--device cpu", "simt or cuda"]);
}

/// Generates on the virtual device what the reference generates. Needs an NVRTC, as `make test` fetches.
#[test]
fn the_virtual_device_generates_the_text_of_the_reference() {
    let run = |device| {
        let args =
            ["run", &zoo(MICRO), "--tokens", "1,2,3", "--max-tokens", "4", "--json", "--device", device];
        json(&args)
    };
    let (cpu, simt) = (run("cpu"), run("simt"));
    assert!(cpu["token_ids"].as_array().is_some_and(|tokens| !tokens.is_empty()), "{cpu}");
    assert_eq!(cpu["token_ids"], simt["token_ids"]);
}

#[test]
fn what_only_the_reference_has_is_refused_for_a_device() {
    let args = ["run", "--prompt", "a", "--device", "cuda", "--arithmetic", "f64"];
    refused(&args, 2, &["--arithmetic", "leave it out"]);
    usage(&["run", "--prompt", "a", "--kv-dtype", "fp4"], &["fp4", "fp8_e4m3"]);
    usage(&["run", "--prompt", "a", "--max-kv", "0"], &["--max-kv"]);
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_apr"))
        .args(["trace", &zoo(MICRO), "--tokens", "1,2,3", "--json"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn help_names_the_exit_codes() {
    let ran = run(&["--help"]);
    assert_eq!(ran.code, 0);
    for word in ["Exit codes:", "4 nothing ran", "trace", "inspect"] {
        assert!(ran.stdout.contains(word), "{word}");
    }
}
