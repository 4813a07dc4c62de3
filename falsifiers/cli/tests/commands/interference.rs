//! What happens around a run while it writes: a full disk, folders that cannot be written, another run beside it, and
//! an end at any point. What is left behind is either whole, and read, or partial by name, and refused.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{Done, Place, claim, parity};

/// Two claims, of which one has several cases.
fn place() -> Place {
    let finite = claim(
        "finiteness: {model: micro/qwen3-dense, prompts: [short], arithmetic: [f64, f32, declared]}",
        "",
        "mlp@nan-in-one-lane",
    );
    let finite = finite.replace("TINY-001", "TINY-002").replace("id: tiny", "id: tiny-too");
    Place::new(&[("tiny.yaml", parity("1.0e-5")), ("too.yaml", finite)])
}

fn id(folder: &PathBuf) -> String {
    folder.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Holds that every folder of runs is whole and can be shown, or partial and is refused. Returns how many are which.
fn whole_and_partial(place: &Place) -> (usize, usize) {
    let (mut whole, mut partial) = (0, 0);
    for folder in place.runs() {
        let id = id(&folder);
        let shown = place.pv(&["report", "--run", &id]);
        if id.starts_with(".partial-") {
            partial += 1;
            shown.says(3, &["was cut off", "delete it, and run again"]);
        } else {
            whole += 1;
            shown.says(0, &["TINY-001", "TINY-002"]);
        }
    }
    (whole, partial)
}

/// `pv run` in a shell that first does `before`.
fn after(place: &Place, before: &str) -> Done {
    let mut command = Command::new("sh");
    let script = format!("{before}; exec \"$0\" run --zoo zoo");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_pv")]);
    place.inside(&mut command);
    Done::of(command.output().unwrap())
}

#[test]
fn a_disk_that_fills_up_leaves_no_run_that_looks_whole() {
    // The limit on the size of files, in half kibibytes, ends writes as a full disk does. Without the trap the system
    // ends the process instead, at the same places.
    let mut refused = 0;
    for blocks in [0, 1, 2, 3, 4, 6, 8] {
        for trap in ["trap '' XFSZ", "true"] {
            let place = place();
            let done = after(&place, &format!("{trap}; ulimit -f {blocks}"));
            let (whole, partial) = whole_and_partial(&place);
            if done.code == Some(0) {
                assert_eq!((whole, partial), (1, 0), "{blocks}: {done:#?}");
                continue;
            }
            assert_eq!(whole, 0, "{blocks}: {done:#?}");
            assert!(!done.out.contains("survived"), "{blocks}: {done:#?}");
            if trap != "true" {
                refused += 1;
                done.says(3, &["runs/.partial-", "--out"]);
            }
        }
    }
    assert!(refused >= 2, "no disk was full");
    let place = place();
    after(&place, "trap '' XFSZ; ulimit -f 10000").says(0, &[]);
    assert_eq!(whole_and_partial(&place), (1, 0));
}

#[test]
fn output_that_cannot_be_written_is_an_error_of_whoever_only_shows() {
    let place = place();
    for arguments in [&["validate", "--zoo", "zoo"][..], &["list", "rules"], &["explain", "PV101"]] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command(arguments).stdout(full).output().unwrap();
        Done::of(output).says(3, &["cannot write to standard output"]);
    }
}

#[test]
fn folders_that_cannot_be_written_are_named_before_anything_runs() {
    let place = place();
    fs::write(place.path("file"), "").unwrap();
    std::os::unix::fs::symlink("loop", place.path("loop")).unwrap();
    fs::create_dir(place.path("closed")).unwrap();
    fs::set_permissions(place.path("closed"), fs::Permissions::from_mode(0o555)).unwrap();
    let mut out = vec!["file", "file/below", "loop", "/proc/nowhere", "/sys/kernel/nowhere", "/dev/null"];
    // Whoever may do anything is not kept out by permissions; the folders of the kernel do that.
    if fs::write(place.path("closed/probe"), "").is_err() {
        out.push("closed");
    }
    for out in out {
        let done = place.run(&["--out", out]);
        done.says(3, &[out, "choose a folder that can be written with `--out`"]);
        assert!(!done.out.contains("survived"), "{done:#?}");
    }
}

#[test]
fn runs_beside_each_other_in_one_folder_are_all_whole() {
    let place = place();
    let start = || place.command(&["run", "--zoo", "zoo"]).stdout(Stdio::null()).spawn().unwrap();
    let children: Vec<_> = (0..6).map(|_| start()).collect();
    for mut child in children {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    assert_eq!(whole_and_partial(&place), (6, 0));
    let mut records = place.runs().into_iter().map(|folder| fs::read(folder.join("run.json")).unwrap());
    let first = records.next().unwrap();
    assert!(records.all(|record| record != first), "two runs have one record");
}

#[test]
fn a_run_that_is_killed_anywhere_is_whole_or_refused() {
    let place = place();
    let start = || {
        let mut command = place.command(&["run", "--zoo", "zoo", "--json"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
    };
    // After each line of events, and in between at moments that differ from run to run.
    for lines in 0..9 {
        let mut child = start();
        let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..lines {
            events.next();
        }
        std::thread::sleep(Duration::from_micros(lines * 700));
        let _ = child.kill();
        child.wait().unwrap();
    }
    for step in 0..12 {
        let mut child = start();
        std::thread::sleep(Duration::from_millis(step * 15));
        let _ = child.kill();
        child.wait().unwrap();
    }
    let mut last = start();
    let _ = std::io::copy(last.stdout.as_mut().unwrap(), &mut std::io::sink());
    assert_eq!(last.wait().unwrap().code(), Some(0));
    let (whole, partial) = whole_and_partial(&place);
    assert!(whole >= 1 && partial >= 1, "{whole} whole, {partial} partial");

    // What was cut off hides nothing else and counts for nothing.
    let all = evidence::store::read_all(&place.path("runs")).unwrap();
    assert_eq!((all.runs.len(), all.unreadable.len()), (whole, partial));
}
