//! `pv validate`, `pv list` and `pv explain` on the repository itself.

use std::process::Command;

use snapbox::cmd::{Command as Snap, cargo_bin};

use crate::common::{Place, repository};

fn pv(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pv"))
        .args(arguments)
        .current_dir(repository())
        .env("NO_COLOR", "1")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_repository_has_no_findings() {
    let text = pv(&["validate", "--deny", "warnings"]);
    // Runs that lie here may be stale; of that a warning tells, which is denied to nobody.
    assert!(text.contains("found 0 errors"), "{text}");
}

#[test]
fn everything_that_is_listed_can_be_explained() {
    let first = |text: &str| -> Vec<String> {
        let rows: Vec<String> = text
            .lines()
            .skip(1)
            .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
            .collect();
        assert!(!rows.is_empty(), "{text}");
        rows
    };
    for what in ["claims", "kinds", "rules", "mutants"] {
        for name in first(&pv(&["list", what])) {
            assert!(pv(&["explain", &name]).lines().count() > 3, "{name}");
        }
    }
    for what in ["gates", "models", "stages"] {
        first(&pv(&["list", what]));
    }
}

#[test]
fn lists_are_json_on_request() {
    for what in ["claims", "kinds", "rules", "mutants", "gates", "models", "stages"] {
        let value: serde_json::Value = serde_json::from_str(&pv(&["list", what, "--json"])).unwrap();
        let rows = value.as_array().map(Vec::len).or_else(|| value[what].as_array().map(Vec::len));
        assert!(rows.is_some_and(|rows| rows > 0), "{what}: {value}");
    }
}

#[test]
fn help_names_the_exit_codes() {
    let place = Place::new(&[]);
    place.pv(&["--help"]).says(0, &["Exit codes:", "4 nothing ran", "validate", "prove"]);
    Snap::new(cargo_bin!("pv")).arg("frobnicate").assert().code(2).stderr_eq(snapbox::str![[r#"
error: unrecognized subcommand 'frobnicate'
...
"#]]);
}

/// Needs an NVRTC (`make nvrtc`); its absence fails.
#[test]
fn kernels_are_listed_as_compiled_and_the_second_time_from_the_cache() {
    let cache = tempfile::tempdir().unwrap();
    let list = |more: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_pv"))
            .args(["list", "kernels", "--target", "sm_90"])
            .args(more)
            .current_dir(repository())
            .env("TOUCHSTONE_KERNEL_CACHE", cache.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let rows: Vec<serde_json::Value> = serde_json::from_str(&list(&["--json"])).unwrap();
    assert!(rows.len() > 30, "{}", rows.len());
    let folders: Vec<String> = std::fs::read_dir(cache.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for row in &rows {
        let key = row["key"].as_str().unwrap();
        assert!(folders.iter().any(|folder| folder.starts_with(key)), "{row}");
        assert!(row["registers"].as_u64().is_some_and(|registers| registers > 0), "{row}");
    }
    let times = |key: &str| {
        let folder = folders.iter().find(|folder| folder.starts_with(key)).unwrap();
        std::fs::metadata(cache.path().join(folder).join("kernel.cubin")).unwrap().modified().unwrap()
    };
    let key = rows[0]["key"].as_str().unwrap();
    let before = times(key);
    assert_eq!(list(&[]).lines().count(), rows.len() + 1);
    assert_eq!(times(key), before);
}

#[test]
fn without_a_compiler_there_is_no_list_of_kernels() {
    let output = Command::new(env!("CARGO_BIN_EXE_pv"))
        .args(["list", "kernels"])
        .env("TOUCHSTONE_NVRTC", "/nowhere")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(5), 0), "{said}");
    assert!(said.contains("TOUCHSTONE_NVRTC is set, and /nowhere holds no libnvrtc.so.13"), "{said}");
    assert!(said.contains("make nvrtc"), "{said}");
}
