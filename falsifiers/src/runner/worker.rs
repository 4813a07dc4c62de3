//! An attempt in a process of its own: a crash, an endless loop, or a lack of memory ends that process and nothing
//! else. The process answers with one line and exits with 0; whatever else it does is an error of the attempt, so
//! nothing passes because a process died.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::attempt::{Answer, Request};
use crate::stop::Stop;

/// How processes for attempts are started, and how long each may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The executable; it must end in [`super::attempt::serve`].
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The time for one attempt, from the start of the process to its end.
    pub timeout: Duration,
    /// Threads that each process may use for computing.
    pub threads: usize,
}

/// The longest answer that is read.
const MAX_ANSWER: u64 = 256 << 20;
/// How much of what a process said on standard error is kept: its end.
const TAIL: usize = 4096;
/// How often a wait looks whether it has been cancelled.
const GLANCE: Duration = Duration::from_millis(20);

impl Worker {
    /// Asks a fresh process. `None` if `cancel` was set meanwhile; the process is ended then.
    pub(super) fn ask(&self, request: &Request, cancel: &AtomicBool) -> Option<Answer> {
        Some(self.hear(request, cancel)?.unwrap_or_else(|error| Answer {
            case: request.case.clone(),
            mutant: request.mutant.clone(),
            applied: 0,
            kernel_keys: BTreeMap::new(),
            result: Err(Stop::Errored(error)),
        }))
    }

    fn hear(&self, request: &Request, cancel: &AtomicBool) -> Option<Result<Answer, String>> {
        let line = match serde_json::to_vec(request) {
            Ok(mut line) => {
                line.push(b'\n');
                line
            }
            Err(error) => return Some(Err(format!("the attempt cannot be handed to a process: {error}"))),
        };
        let mut process = match Process::start(self, line) {
            Ok(process) => process,
            Err(error) => {
                let program = self.program.display();
                return Some(Err(format!("cannot start a process for the attempt ({program}): {error}")));
            }
        };
        let started = Instant::now();
        let late = || {
            let limit = self.timeout.as_secs_f64();
            Err(format!("no answer within {limit} s; its process was ended (`--timeout` gives it longer)"))
        };
        let said = loop {
            if cancel.load(Ordering::Relaxed) {
                return None;
            }
            let left = self.timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Some(late());
            }
            match process.output.recv_timeout(left.min(GLANCE)) {
                Ok(said) => break said,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break Ok(Vec::new()),
            }
        };
        // Its output has ended, so it is about to be over; but only an end that is seen counts.
        let status = loop {
            match process.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if started.elapsed() >= self.timeout => return Some(late()),
                Ok(None) if cancel.load(Ordering::Relaxed) => return None,
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Err(error) => return Some(Err(format!("its process cannot be waited for: {error}"))),
            }
        };
        // Ending the run ends processes; what they did not come to say is no error of theirs.
        if !status.success() && cancel.load(Ordering::Relaxed) {
            return None;
        }
        Some(judge(request, said, status, &process.tail()))
    }
}

/// What an answer is worth, given how the process ended.
fn judge(
    request: &Request,
    said: io::Result<Vec<u8>>,
    status: ExitStatus,
    tail: &str,
) -> Result<Answer, String> {
    let tail = if tail.is_empty() { String::new() } else { format!("; it said: {tail}") };
    if !status.success() {
        return Err(format!("its process {}{tail}", ending(status)));
    }
    let said = said.map_err(|error| format!("the answer of its process cannot be read: {error}{tail}"))?;
    let line = match said.strip_suffix(b"\n") {
        Some(line) => line,
        None if said.is_empty() => return Err(format!("its process ended without an answer{tail}")),
        None => return Err(format!("the answer of its process was cut off{tail}")),
    };
    let answer: Answer = serde_json::from_slice(line).map_err(|error| {
        format!("its process answered with something else than an answer ({error}){tail}")
    })?;
    if (&answer.case, &answer.mutant) != (&request.case, &request.mutant) {
        return Err(format!("its process answered for `{}`{tail}", answer.case));
    }
    Ok(answer)
}

/// How a process ended that did not exit with 0.
fn ending(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let name = match signal {
            4 => " (SIGILL)",
            6 => " (SIGABRT)",
            7 => " (SIGBUS)",
            8 => " (SIGFPE)",
            9 => " (SIGKILL, which the system also sends where memory runs out)",
            11 => " (SIGSEGV)",
            15 => " (SIGTERM)",
            _ => "",
        };
        return format!("was ended by signal {signal}{name}");
    }
    match status.code() {
        Some(code) => format!("exited with status {code}"),
        None => "ended without a status".to_owned(),
    }
}

/// A running process. Dropped, it is ended, and its remains are collected.
struct Process {
    child: Child,
    output: Receiver<io::Result<Vec<u8>>>,
    errors: Receiver<String>,
    /// Holds the process's input open: an end of it tells the process that nobody waits any more.
    _input: Option<JoinHandle<Option<ChildStdin>>>,
}

impl Process {
    fn start(worker: &Worker, request: Vec<u8>) -> io::Result<Self> {
        let mut command = Command::new(&worker.program);
        command.args(&worker.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if std::env::var_os("RAYON_NUM_THREADS").is_none() {
            command.env("RAYON_NUM_THREADS", worker.threads.to_string());
        }
        // An interrupt from the keyboard goes to a whole group; the run ends its processes itself.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        // Each pipe has a thread: a process that fills one while another is waited for would stand still.
        let input = stdin.map(|mut stdin| {
            std::thread::spawn(move || {
                let written = stdin.write_all(&request).and_then(|()| stdin.flush());
                written.is_ok().then_some(stdin)
            })
        });
        let (send_output, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = stdout.map_or(Ok(0), |stdout| stdout.take(MAX_ANSWER).read_to_end(&mut bytes));
            let _ = send_output.send(read.map(|_| bytes));
        });
        let (send_errors, errors) = channel();
        std::thread::spawn(move || {
            let _ = send_errors.send(stderr.map(tail_of).unwrap_or_default());
        });
        Ok(Self { child, output, errors, _input: input })
    }

    /// The last lines of what the process said on standard error, as one line. Only after its end.
    fn tail(&self) -> String {
        const LINES: usize = 3;
        let text = self.errors.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines.iter().skip(lines.len().saturating_sub(LINES));
        let words: Vec<String> =
            last.map(|line| line.chars().filter(|c| !c.is_control()).take(400).collect()).collect();
        words.join(" / ")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads to the end, and keeps only the end.
fn tail_of(mut from: impl Read) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        kept.extend_from_slice(buffer.get(..count).unwrap_or_default());
        kept.drain(..kept.len().saturating_sub(TAIL));
    }
    String::from_utf8_lossy(&kept).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request {
        Request {
            zoo: PathBuf::from("zoo"),
            lane: contracts::Lane::Cpu,
            falsifier: serde_json::from_str(r#"{"weights_consumed": {"model": "tiny"}}"#).unwrap(),
            tolerance: None,
            case: "one".to_owned(),
            mutant: None,
        }
    }

    /// A worker that runs a shell script instead of an attempt.
    fn worker(script: &str) -> Worker {
        Worker {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            timeout: Duration::from_secs(60),
            threads: 1,
        }
    }

    const PASSED: &str = r#"{"case":"one","mutant":null,"applied":0,"result":{"Ok":{"elements":5,"stage":null,"metric":"m","value":0.0,"limit":1.0,"curve":[]}}}"#;

    fn said(script: &str) -> Result<u64, String> {
        match worker(script).ask(&request(), &AtomicBool::new(false)).unwrap().result {
            Ok(passed) => Ok(passed.elements),
            Err(Stop::Errored(error)) => Err(error),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_is_taken_from_a_process_that_ends_well() {
        assert_eq!(said(&format!("read -r line; echo '{PASSED}'")), Ok(5));
    }

    #[test]
    fn a_process_that_ends_otherwise_never_passes_even_with_an_answer() {
        let after = |end: &str| format!("read -r line; echo '{PASSED}'; echo the reason >&2; {end}");
        for (script, words) in [
            (after("kill -ABRT $$"), "was ended by signal 6 (SIGABRT); it said: the reason"),
            (after("kill -KILL $$"), "was ended by signal 9 (SIGKILL"),
            (after("kill -SEGV $$"), "was ended by signal 11 (SIGSEGV)"),
            (after("exit 3"), "exited with status 3; it said: the reason"),
            ("exit 0".to_owned(), "ended without an answer"),
            (format!("printf '%s' '{PASSED}'"), "was cut off"),
            (format!("echo noise; echo '{PASSED}'"), "something else than an answer"),
            (format!("echo '{PASSED}'; echo '{PASSED}'"), "something else than an answer"),
            (format!("echo '{}'", PASSED.replace("one", "two")), "answered for `two`"),
            (format!("echo '{}'", PASSED.replace("null,\"applied\"", "\"a@b\",\"applied\"")), "answered for"),
            (format!("echo '{}'", PASSED.replace("applied", "aplied")), "something else"),
            ("head -c 100000 /dev/zero".to_owned(), "was cut off"),
        ] {
            let error = said(&script).unwrap_err();
            assert!(error.contains(words), "{script}: {error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = Worker { program: "/nonexistent/pv".into(), ..worker("") };
        let answer = missing.ask(&request(), &AtomicBool::new(false)).unwrap();
        assert!(matches!(answer.result, Err(Stop::Errored(error)) if error.contains("/nonexistent/pv")));
    }

    #[test]
    fn a_process_that_does_not_answer_in_time_is_ended() {
        for script in ["exec sleep 1000", "exec 1>&-; exec sleep 1000"] {
            let impatient = Worker { timeout: Duration::from_millis(200), ..worker(script) };
            let answer = impatient.ask(&request(), &AtomicBool::new(false)).unwrap();
            let Err(Stop::Errored(error)) = answer.result else { panic!("{script} passed") };
            assert!(error.contains("no answer within 0.2 s"), "{script}: {error}");
        }
    }

    #[test]
    fn cancelling_ends_the_process_and_takes_no_answer() {
        let cancel = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| worker("exec sleep 1000").ask(&request(), &cancel));
            cancel.store(true, Ordering::Relaxed);
            assert_eq!(asked.join().unwrap(), None);
        });
    }
}
