//! Model folders and traces of files that are not what their names say: refused by name, in bounded memory and time.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use snapbox::cmd::cargo_bin;

use crate::support::Folder;

/// Runs `apr` with 3 GB of address space (a third of it is the stack that a template may need) and a minute, each far
/// more than the slowest takes. It must refuse in one line that names `file`.
#[track_caller]
fn refuses(what: &str, args: &[&str], file: &str) {
    let script = "ulimit -v 3000000; exec timeout 60 \"$0\" \"$@\"";
    let output = Command::new("sh").args(["-c", script]).arg(cargo_bin!("apr")).args(args).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{file} is {what}: {said}");
    assert_eq!(said.trim_end().lines().count(), 1, "{file} is {what}: {said}");
    assert!(said.starts_with("error: ") && said.contains(file), "{file} is {what}: {said}");
    assert!(output.stdout.is_empty(), "{file} is {what}: something was printed");
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn nested(path: &Path) {
    std::fs::write(path, format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000))).unwrap();
}

type Build = fn(&Path);

const DAMAGE: &[(&str, Build)] = &[
    ("a pipe", fifo),
    ("a device", |path| symlink("/dev/zero", path).unwrap()),
    ("a folder", |path| std::fs::create_dir(path).unwrap()),
    ("a link to itself", |path| symlink(path, path).unwrap()),
    ("nested", nested),
    ("nested lists", |path| std::fs::write(path, "[".repeat(100_000)).unwrap()),
    ("300 MB", |path| std::fs::File::create(path).unwrap().set_len(300_000_000).unwrap()),
    ("not UTF-8", |path| std::fs::write(path, b"{\"a\": \"\xff\"}").unwrap()),
    ("empty", |path| std::fs::write(path, "").unwrap()),
];

#[test]
fn a_file_of_a_model_that_is_none_is_named() {
    for file in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
        for (what, build) in DAMAGE {
            let folder = Folder::micro();
            folder.remove(file);
            build(&folder.path(file));
            refuses(what, &["run", &folder.arg(""), "--chat", "--prompt", "hi", "--max-tokens", "1"], file);
        }
    }
}

#[test]
fn a_file_of_a_trace_that_is_none_is_named() {
    let good = Folder::micro();
    let (model, trace) = (good.arg(""), good.arg("trace"));
    crate::support::good(&["trace", &model, "--tokens", "1,2,3", "--out", &trace, "--payload"]);
    for file in ["trace.json", "payload.safetensors"] {
        for (what, build) in DAMAGE {
            let folder = Folder::empty();
            for name in ["trace.json", "payload.safetensors"] {
                std::fs::copy(good.path("trace").join(name), folder.path(name)).unwrap();
            }
            folder.remove(file);
            build(&folder.path(file));
            refuses(what, &["diff", &trace, &folder.arg("")], file);
        }
    }
}

#[test]
fn templates_that_chain_nest_or_grow_are_refused() {
    let chain = |open: &str, link: &str, close: &str| format!("{open}{}{close}", link.repeat(100_000));
    let templates = [
        chain("{{ ", "-", "1 }}"),
        chain("{{ 'a'", "|e", " }}"),
        chain("{{ ", "[", " }}"),
        chain("{% if a %}", "{% elif a %}", "{% endif %}"),
        chain("", "{% if a %}", ""),
        "{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}".to_owned(),
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}".to_owned(),
        "{{ 'a' * 99999999999 }}".to_owned(),
    ];
    for template in &templates {
        let folder = Folder::micro();
        folder.write("chat_template.jinja", template);
        let what: String = template.chars().take(30).collect();
        refuses(&what, &["run", &folder.arg(""), "--chat", "--prompt", "hi"], "chat_template.jinja");
    }
}

#[test]
fn what_acts_on_a_terminal_is_written_out() {
    let folder = Folder::micro();
    folder.edit("config.json", |config| {
        config.insert("architectures".to_owned(), serde_json::json!(["\u{1b}[31mX\u{9b}1A\u{202e}"]));
    });
    let line = crate::support::refused(&["inspect", &folder.arg("")], 3, &["\\u001b[31mX\\u009b1A\\u202e"]);
    assert!(!line.contains(contracts::shown::acts), "{line:?}");
}
