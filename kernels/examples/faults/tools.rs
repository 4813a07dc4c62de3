//! All launches, alone and under each tool of compute-sanitizer, each in a process of its own.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::corpus::{Case, Twin};
use crate::said::said;

/// Processes at a time.
const WORKERS: usize = 8;
/// Seconds that a process may take; then it is killed.
const LIMIT: &str = "25";
/// What each twin runs under; `alone` is no tool.
const FAULTY: &[&str] = &["alone", "memcheck", "racecheck", "synccheck", "initcheck"];
const CLEAN: &[&str] = &["alone", "memcheck", "racecheck"];

/// Runs everything and writes what was said. What did not start within `seconds` is recorded as not run.
pub(crate) fn sanitize(folder: &Path, out: &Path, seconds: Option<u64>) -> Result<(), String> {
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let cases = crate::cases()?;
    let mut jobs: Vec<(&Case, Twin, &str)> = Vec::new();
    for (twin, case) in &cases {
        let tools = if *twin == Twin::Faulty { FAULTY } else { CLEAN };
        jobs.extend(tools.iter().map(|tool| (case, *twin, *tool)));
    }
    // What hangs comes last, so that it slows nothing else.
    jobs.sort_by_key(|(case, twin, _)| {
        *twin == Twin::Faulty && ["divergent_barrier", "endless_loop", "barrier_misuse"].contains(&case.kind)
    });
    let (begin, next) = (Instant::now(), AtomicUsize::new(0));
    let results: Mutex<Vec<(usize, Value)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(&(case, twin, tool)) = jobs.get(at) else { break };
                    let late = seconds.is_some_and(|seconds| begin.elapsed() > Duration::from_secs(seconds));
                    let mut result = if late {
                        json!({ "end": "not run" })
                    } else {
                        job(&program, case, twin, tool, folder)
                    };
                    result["fault"] = json!(case.name);
                    result["twin"] = json!(twin.name());
                    result["tool"] = json!(tool);
                    println!("{} {} {tool}: {result}", case.name, twin.name());
                    results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    let recorded = json!({
        "card": line_of("nvidia-smi", &["--query-gpu=name", "--format=csv,noheader"], 0),
        "driver": line_of("nvidia-smi", &["--query-gpu=driver_version", "--format=csv,noheader"], 0),
        "sanitizer": line_of("compute-sanitizer", &["--version"], usize::MAX),
        "compiler": std::fs::read_to_string(folder.join("compiler")).unwrap_or_default(),
        "seconds": begin.elapsed().as_secs(),
        "results": results.into_iter().map(|(_, result)| result).collect::<Vec<_>>(),
    });
    let text = serde_json::to_string_pretty(&recorded).map_err(|error| error.to_string())?;
    let path = out.join("sanitizer.json");
    std::fs::write(&path, text + "\n").map_err(|error| format!("{}: {error}", path.display()))
}

/// One process, and what came of it.
fn job(program: &Path, case: &Case, twin: Twin, tool: &str, folder: &Path) -> Value {
    let begin = Instant::now();
    let mut command = Command::new("timeout");
    command.args(["--kill-after=3", LIMIT]);
    if tool != "alone" {
        command.args(["compute-sanitizer", "--tool", tool, "--print-limit", "3"]);
    }
    let output = command.arg(program).args(["run", case.name, twin.name()]).arg(folder).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return json!({ "end": format!("timeout (the program) does not start: {error}") }),
    };
    let text =
        format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut result = said(&text);
    // `timeout` ends with 124, or with 137 where it had to kill.
    if result["end"].is_null() {
        result["end"] = match output.status.code() {
            Some(124 | 137) | None => json!("killed"),
            Some(code) => {
                json!(format!("exit code {code}: {}", text.trim().lines().last().unwrap_or_default()))
            }
        };
    }
    result["seconds"] = json!((begin.elapsed().as_secs_f64() * 10.0).round() / 10.0);
    result
}

/// A line of what a program prints; the last one for a number that is too large.
fn line_of(program: &str, arguments: &[&str], number: usize) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.trim().lines().collect();
    lines.get(number.min(lines.len().saturating_sub(1))).copied().unwrap_or_default().trim().to_owned()
}
