//! Options that are missing, contradict each other, or have no sense; devices that are not there.

use std::io::Read;
use std::process::{Command, Stdio};

use crate::support::{MICRO, refused, run, usage, zoo};

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
    for device in ["cuda", "simt"] {
        for command in [&["run", "--prompt", "a"][..], &["trace", "--tokens", "1"]] {
            refused(&[command, &["--device", device]].concat(), 5, &[device]);
        }
    }
    usage(&["run", "--prompt", "a", "--device", "gpu"], &["gpu", "cpu"]);
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
