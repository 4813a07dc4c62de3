//! Completion in a real bash, and man pages.

use std::process::Command;

use crate::common::{Place, gate, parity};

/// What bash offers for these words, the last of which is being typed.
fn offered(place: &Place, words: &[&str]) -> Vec<String> {
    let quoted = |word: &&str| format!("'{}'", word.replace('\'', r"'\''"));
    let list = words.iter().map(quoted).collect::<Vec<_>>().join(" ");
    let at = words.len() - 1;
    // What bash does on the tab key, with the word under the cursor as its second argument.
    let script = format!(
        "source <(pv completions bash); COMP_WORDS=({list}); COMP_CWORD={at}; COMP_TYPE=9; \
         $(complete -p pv | sed 's/.*-F \\([^ ]*\\).*/\\1/') pv {last} '' 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        last = quoted(&words[at]),
    );
    let folder = std::path::Path::new(env!("CARGO_BIN_EXE_pv")).parent().unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["--norc", "-c", &script])
        .env("PATH", path)
        .current_dir(place.path(""))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_claims_gates_and_filters() {
    let place = Place::new(&[("models/tiny.yaml", parity("1.0e-5")), ("gates/tiny.yaml", gate())]);
    assert_eq!(offered(&place, &["pv", "val"]), ["validate"]);
    assert_eq!(offered(&place, &["pv", "run", "--claim", "TINY"]), ["TINY-001"]);
    assert_eq!(offered(&place, &["pv", "run", "--claim", "NONE"]), [""]);
    assert_eq!(offered(&place, &["pv", "report", "--gate", ""]), ["tiny-ready"]);
    assert_eq!(offered(&place, &["pv", "run", "--filter", "kind(oracle"]), ["kind(oracle_parity)"]);
    assert_eq!(
        offered(&place, &["pv", "run", "--filter", "kind(oracle_parity) & con"]),
        ["kind(oracle_parity) & contract("]
    );
    assert_eq!(
        offered(&place, &["pv", "run", "--filter", "kind(oracle_parity) & contract(t"]),
        ["kind(oracle_parity) & contract(tiny)"]
    );
    let mutants = offered(&place, &["pv", "prove", "--mutant", "rope@"]);
    assert!(mutants.contains(&"rope@theta-10000".to_owned()), "{mutants:?}");
    let formats = offered(&place, &["pv", "validate", "--format", ""]);
    assert!(
        ["full", "concise", "json", "sarif", "github"].iter().all(|one| formats.contains(&(*one).to_owned()))
    );
}

#[test]
fn every_shell_has_a_script_that_asks_pv() {
    let place = Place::new(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        place.pv(&["completions", shell]).says(0, &["PV_COMPLETE", "pv"]);
    }
    place.pv(&["completions", "tcsh"]).says(2, &["tcsh", "bash"]);
}

#[test]
fn man_pages_render() {
    let place = Place::new(&[]);
    place.pv(&["man"]).says(0, &[".TH pv 1", "Exit codes"]);
    place.pv(&["man", "pages"]).says(0, &[]);
    for page in ["pages/pv.1", "pages/pv-run.1", "pages/pv-validate.1"] {
        let text = std::fs::read_to_string(place.path(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS") && text.contains(".SH OPTIONS"), "{page}");
    }
    std::fs::write(place.path("file"), "").unwrap();
    place.pv(&["man", "file/below"]).says(3, &["cannot write file/below"]);
}
