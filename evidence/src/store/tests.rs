//! Runs on disk under interruption, and readers against damaged and lying folders.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::record::{Run, SCHEMA, Status};
use crate::samples;
use crate::time::RunId;

fn write(runs: &Path, run: &Run, status: Status) -> PathBuf {
    let mut writer = RunWriter::create(runs, run.record.clone()).unwrap();
    for result in &run.outcomes {
        writer.outcome(result.clone()).unwrap();
    }
    for kill in &run.kills {
        writer.kill(kill.clone()).unwrap();
    }
    writer.finish(status).unwrap().0
}

fn written() -> (TempDir, PathBuf, Run) {
    let temp = TempDir::new().unwrap();
    let run = samples::run();
    let folder = write(temp.path(), &run, Status::Complete);
    (temp, folder, run)
}

fn edit(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn a_run_is_read_as_written() {
    let (temp, folder, mut run) = written();
    let read = read_run(&folder).unwrap();
    assert!(read.record.finished.unwrap() >= run.record.started);
    run.record.finished = read.record.finished;
    assert_eq!(read, run);
    let all = read_all(temp.path()).unwrap();
    assert_eq!((all.runs, all.unreadable.len()), (vec![run], 0));
}

#[test]
fn an_interrupted_run_is_whole_and_says_so() {
    let temp = TempDir::new().unwrap();
    let run = samples::run();
    let mut writer = RunWriter::create(temp.path(), run.record.clone()).unwrap();
    writer.outcome(run.outcomes[0].clone()).unwrap();
    let (folder, _) = writer.finish(Status::Interrupted).unwrap();
    let read = read_run(&folder).unwrap();
    assert_eq!(read.record.status, Status::Interrupted);
    assert_eq!(read.outcomes.len(), 1);
    assert_eq!(read.exit(), crate::Exit::Interrupted);
}

#[test]
fn dropped_after_any_line_is_visibly_partial() {
    let run = samples::run();
    for lines in 0..=run.outcomes.len() {
        let temp = TempDir::new().unwrap();
        let mut writer = RunWriter::create(temp.path(), run.record.clone()).unwrap();
        for result in run.outcomes.iter().take(lines) {
            writer.outcome(result.clone()).unwrap();
        }
        let partial = writer.partial_folder().to_owned();
        drop(writer);
        let text = fs::read_to_string(partial.join(OUTCOMES_FILE)).unwrap();
        assert_eq!(text.lines().count(), lines);
        assert_only_partial(temp.path());
    }
}

fn assert_only_partial(runs: &Path) {
    let all = read_all(runs).unwrap();
    assert_eq!(all.runs, []);
    assert!(matches!(all.unreadable.as_slice(), [RecordError::Partial { .. }]), "{:?}", all.unreadable);
}

const CHILD_FOLDER: &str = "EVIDENCE_TEST_CHILD_FOLDER";
const CHILD_LINES: &str = "EVIDENCE_TEST_CHILD_LINES";

/// The other half of the next test: writes some lines, and dies without a word. Does nothing on its own.
#[test]
fn child_that_dies() {
    let (Some(folder), Some(lines)) = (std::env::var_os(CHILD_FOLDER), std::env::var(CHILD_LINES).ok())
    else {
        return;
    };
    let run = samples::run();
    let mut writer = RunWriter::create(Path::new(&folder), run.record.clone()).unwrap();
    let mut left = lines.parse::<usize>().unwrap();
    let mut step = || {
        if left == 0 {
            std::process::abort();
        }
        left -= 1;
    };
    for result in run.outcomes {
        step();
        writer.outcome(result).unwrap();
    }
    for kill in run.kills {
        step();
        writer.kill(kill).unwrap();
    }
    step();
    writer.finish(Status::Complete).unwrap();
}

#[test]
fn a_process_killed_between_any_two_lines_leaves_no_run() {
    let run = samples::run();
    let all_lines = run.outcomes.len() + run.kills.len();
    for lines in 0..=all_lines + 1 {
        let temp = TempDir::new().unwrap();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "store::tests::child_that_dies"])
            .env(CHILD_FOLDER, temp.path())
            .env(CHILD_LINES, lines.to_string())
            .output()
            .unwrap()
            .status;
        if lines <= all_lines {
            assert!(!status.success(), "the child was to die after {lines} lines");
            assert_only_partial(temp.path());
        } else {
            assert!(status.success());
            assert_eq!(read_all(temp.path()).unwrap().runs.len(), 1);
        }
    }
}

#[test]
fn cut_off_after_run_json_and_before_the_rename_is_partial() {
    let (temp, folder, run) = written();
    let partial = temp.path().join(format!("{PARTIAL}{}", run.record.run_id));
    fs::rename(folder, &partial).unwrap();
    assert!(partial.join(RUN_FILE).exists());
    assert_only_partial(temp.path());
}

#[test]
fn one_id_is_written_once() {
    let temp = TempDir::new().unwrap();
    let run = samples::run();
    let attempts: Vec<_> = std::thread::scope(|scope| {
        let attempt = || RunWriter::create(temp.path(), run.record.clone());
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(attempt)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(attempts.iter().filter(|attempt| attempt.is_ok()).count(), 1);
    for error in attempts.into_iter().filter_map(Result::err) {
        assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    }
}

#[test]
fn a_finished_run_is_never_written_over() {
    let (temp, folder, run) = written();
    let error = RunWriter::create(temp.path(), run.record.clone()).unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");

    // The other order: the name is taken while the run is going on.
    fs::rename(&folder, temp.path().join("away")).unwrap();
    let mut writer = RunWriter::create(temp.path(), run.record.clone()).unwrap();
    for result in run.outcomes {
        writer.outcome(result).unwrap();
    }
    fs::rename(temp.path().join("away"), &folder).unwrap();
    let error = writer.finish(Status::Complete).unwrap_err();
    assert!(matches!(error, StoreError::Exists { .. }), "{error}");
    assert_eq!(read_run(&folder).unwrap().kills.len(), run.kills.len());
}

#[test]
fn two_writers_at_once_do_not_mix() {
    let temp = TempDir::new().unwrap();
    std::thread::scope(|scope| {
        for writer in 0_u64..4 {
            let runs = temp.path();
            scope.spawn(move || {
                let mut run = samples::run();
                run.record.run_id = format!("20261121T014755-nocommit-000{writer}").parse().unwrap();
                for result in &mut run.outcomes {
                    result.seed = writer;
                }
                write(runs, &run, Status::Complete);
            });
        }
    });
    let all = read_all(temp.path()).unwrap();
    assert_eq!((all.runs.len(), all.unreadable.len()), (4, 0));
    for run in all.runs {
        let writer = run.outcomes[0].seed;
        assert!(run.record.run_id.as_str().ends_with(&writer.to_string()));
        assert!(run.outcomes.iter().all(|result| result.seed == writer));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let temp = TempDir::new().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();
    let mut places = vec![file.join("runs"), file];
    if cfg!(target_os = "linux") {
        // Read-only for everyone, root included.
        places.push(PathBuf::from("/proc/self"));
    }
    for runs in places {
        let error = RunWriter::create(&runs, samples::run().record).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(error.to_string().contains("--out"), "{error}");
    }
}

#[test]
fn a_run_that_contradicts_itself_is_not_written() {
    let run = samples::run();
    let stray = |change: fn(&mut Run)| {
        let mut run = run.clone();
        change(&mut run);
        let temp = TempDir::new().unwrap();
        let mut writer = RunWriter::create(temp.path(), run.record.clone()).unwrap();
        for result in run.outcomes {
            writer.outcome(result).unwrap();
        }
        let error = writer.finish(Status::Complete).unwrap_err();
        assert!(matches!(error, StoreError::Contradiction { .. }), "{error}");
        assert_only_partial(temp.path());
    };
    stray(|run| run.record.claims_selected.push("FALSIFY-NEVER-RAN".into()));
    stray(|run| run.record.claims_selected.clear());
    stray(|run| run.record.lanes = vec![contracts::Lane::Cuda]);
    stray(|run| run.outcomes.push(run.outcomes[0].clone()));
}

#[test]
fn damaged_folders_are_told_apart() {
    type Damage = fn(&Path);
    type Expected = fn(&RecordError) -> bool;
    let table: &[(&str, Damage, Expected)] = &[
        (
            "run.json missing",
            |folder| fs::remove_file(folder.join(RUN_FILE)).unwrap(),
            |e| matches!(e, RecordError::NotARun { .. }),
        ),
        (
            "run.json garbage",
            |folder| fs::write(folder.join(RUN_FILE), [0xff, 0x00, b'{']).unwrap(),
            |e| matches!(e, RecordError::Malformed { .. }),
        ),
        (
            "run.json empty",
            |folder| fs::write(folder.join(RUN_FILE), "").unwrap(),
            |e| matches!(e, RecordError::Malformed { .. }),
        ),
        (
            "run.json nested without end",
            |folder| fs::write(folder.join(RUN_FILE), "[".repeat(1 << 20)).unwrap(),
            |e| matches!(e, RecordError::Malformed { .. }),
        ),
        (
            "run.json huge",
            |folder| fs::File::create(folder.join(RUN_FILE)).unwrap().set_len(1 << 40).unwrap(),
            // Refused by its size, before a byte is read.
            |e| matches!(e, RecordError::TooLarge { bytes, .. } if *bytes == 1 << 40),
        ),
        (
            "run.json a folder",
            |folder| {
                fs::remove_file(folder.join(RUN_FILE)).unwrap();
                fs::create_dir(folder.join(RUN_FILE)).unwrap();
            },
            |e| matches!(e, RecordError::NotAFile { .. }),
        ),
        (
            "run.json of a newer version, with fields that we do not know",
            |folder| {
                fs::write(folder.join(RUN_FILE), format!("{{\"schema\":{},\"x\":1}}", SCHEMA + 1)).unwrap()
            },
            |e| matches!(e, RecordError::NewerSchema { .. }),
        ),
        (
            "run.json with an unknown field",
            |folder| edit(&folder.join(RUN_FILE), "{", "{\"passed\": true,"),
            |e| matches!(e, RecordError::Malformed { message, .. } if message.contains("passed")),
        ),
        (
            "run.json naming another run",
            |folder| edit(&folder.join(RUN_FILE), "-9a0b", "-ffff"),
            |e| matches!(e, RecordError::WrongFolder { .. }),
        ),
        (
            "run.json naming a path",
            |folder| edit(&folder.join(RUN_FILE), "20261121T014755-5d634fec-9a0b", "../../etc"),
            |e| matches!(e, RecordError::Malformed { .. }),
        ),
        (
            "run.json counting more",
            |folder| edit(&folder.join(RUN_FILE), "\"survived\": 2", "\"survived\": 3"),
            |e| matches!(e, RecordError::Contradiction { .. }),
        ),
        (
            "run.json counting without end",
            |folder| edit(&folder.join(RUN_FILE), "\"survived\": 2", "\"survived\": 18446744073709551615"),
            |e| matches!(e, RecordError::Contradiction { .. }),
        ),
        (
            "run.json without an end",
            |folder| edit(&folder.join(RUN_FILE), "\"finished\": \"2", "\"finished\": null, \"filter\": \"2"),
            |e| matches!(e, RecordError::Contradiction { .. }),
        ),
        (
            "outcomes missing",
            |folder| fs::remove_file(folder.join(OUTCOMES_FILE)).unwrap(),
            |e| matches!(e, RecordError::Io { .. }),
        ),
        (
            "outcomes empty",
            |folder| fs::write(folder.join(OUTCOMES_FILE), "").unwrap(),
            |e| matches!(e, RecordError::Contradiction { .. }),
        ),
        (
            "a line left out",
            |folder| {
                let text = fs::read_to_string(folder.join(OUTCOMES_FILE)).unwrap();
                let (_, rest) = text.split_once('\n').unwrap();
                fs::write(folder.join(OUTCOMES_FILE), rest).unwrap();
            },
            |e| matches!(e, RecordError::Contradiction { .. }),
        ),
        (
            "a line twice",
            |folder| {
                let text = fs::read_to_string(folder.join(OUTCOMES_FILE)).unwrap();
                let (first, _) = text.split_once('\n').unwrap();
                fs::write(folder.join(OUTCOMES_FILE), format!("{text}{first}\n")).unwrap();
            },
            |e| matches!(e, RecordError::Contradiction { .. }),
        ),
        (
            "a blank line",
            |folder| edit(&folder.join(OUTCOMES_FILE), "\n", "\n\n"),
            |e| matches!(e, RecordError::Malformed { line: 2, .. }),
        ),
        (
            "a pass beyond its limit",
            |folder| edit(&folder.join(OUTCOMES_FILE), "3.5e-7", "\"NaN\""),
            |e| matches!(e, RecordError::Contradiction { .. }),
        ),
        (
            "a pass on no case",
            |folder| edit(&folder.join(OUTCOMES_FILE), "\"cases\":3", "\"cases\":0"),
            |e| matches!(e, RecordError::Malformed { line: 1, .. }),
        ),
        (
            "falsified made survived, not counted",
            |folder| {
                let text = fs::read_to_string(folder.join(OUTCOMES_FILE)).unwrap();
                let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                lines[2] = lines[0].replace("QWEN2-001", "QWEN2-003");
                fs::write(folder.join(OUTCOMES_FILE), lines.join("\n") + "\n").unwrap();
            },
            |e| matches!(e, RecordError::Contradiction { why, .. } if why.contains("3 survived")),
        ),
        (
            "kills missing",
            |folder| fs::remove_file(folder.join(KILLS_FILE)).unwrap(),
            |e| matches!(e, RecordError::Io { .. }),
        ),
        (
            "a survived mutant made killed",
            |folder| edit(&folder.join(KILLS_FILE), "\"survived\"", "\"killed\""),
            |e| matches!(e, RecordError::Malformed { line: 3, .. }),
        ),
    ];
    for (what, damage, expected) in table {
        let (temp, folder, _) = written();
        damage(&folder);
        let error = read_run(&folder).unwrap_err();
        assert!(expected(&error), "{what}: {error:?}");
        let message = error.to_string();
        assert!(!message.contains('\n') && !message.ends_with('.'), "{what}: {message}");
        let all = read_all(temp.path()).unwrap();
        assert_eq!((all.runs.len(), all.unreadable.len()), (0, 1), "{what}");
    }
}

#[test]
fn a_bad_run_hides_no_other() {
    let (temp, _, mut run) = written();
    run.record.run_id = RunId::new(run.record.started, None);
    let other = write(temp.path(), &run, Status::Complete);
    fs::write(other.join(RUN_FILE), "{").unwrap();
    fs::write(temp.path().join("notes.txt"), "no run").unwrap();
    let all = read_all(temp.path()).unwrap();
    assert_eq!((all.runs.len(), all.unreadable.len()), (1, 1));
}

#[cfg(unix)]
#[test]
fn a_pipe_does_not_keep_the_reader() {
    let (_temp, folder, _) = written();
    fs::remove_file(folder.join(KILLS_FILE)).unwrap();
    let made = Command::new("mkfifo").arg(folder.join(KILLS_FILE)).status();
    if made.is_ok_and(|status| status.success()) {
        assert!(matches!(read_run(&folder), Err(RecordError::NotAFile { .. })));
    }
}

#[test]
fn no_folder_is_an_error() {
    let temp = TempDir::new().unwrap();
    assert!(matches!(read_all(&temp.path().join("none")), Err(RecordError::Io { .. })));
    assert!(matches!(read_run(&temp.path().join("none")), Err(RecordError::Io { .. })));
}

#[test]
fn a_list_cut_off_anywhere_is_noticed() {
    let (_temp, folder, _) = written();
    for name in [OUTCOMES_FILE, KILLS_FILE] {
        let whole = fs::read(folder.join(name)).unwrap();
        for length in 0..whole.len() {
            fs::write(folder.join(name), &whole[..length]).unwrap();
            let error = read_run(&folder).unwrap_err();
            let at_a_line = length == 0 || whole[length - 1] == b'\n';
            match error {
                RecordError::Contradiction { .. } => assert!(at_a_line, "{name} {length}"),
                RecordError::Truncated { .. } => assert!(!at_a_line, "{name} {length}"),
                other => panic!("{name} {length}: {other:?}"),
            }
        }
        fs::write(folder.join(name), &whole).unwrap();
    }
    assert!(read_run(&folder).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// One byte changed anywhere is an error, or a run that still agrees with itself; never a panic.
    #[test]
    fn one_changed_byte_never_panics(
        file in 0_usize..3,
        at in any::<proptest::sample::Index>(),
        to: u8,
    ) {
        let (_temp, folder, _) = written();
        let path = folder.join([RUN_FILE, OUTCOMES_FILE, KILLS_FILE][file]);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = to;
        fs::write(&path, bytes).unwrap();
        if let Ok(run) = read_run(&folder) {
            prop_assert_eq!(run.contradiction(), None);
        }
    }
}
