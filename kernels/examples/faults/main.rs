//! The kernels with planted faults on a real GPU, with and without compute-sanitizer.
//!
//! ```text
//! faults compile FOLDER              machine code of every kernel, by NVRTC; needs no GPU
//! faults run NAME faulty|clean FOLDER    one of them, on the first GPU
//! faults sanitize FOLDER OUT [SECONDS]   all of them, alone and under each tool; writes OUT/sanitizer.json
//! ```
//!
//! | file | what |
//! |---|---|
//! | `card` | one launch, through the driver |
//! | `tools` | all launches, each in a process of its own |
//! | `said` | what a tool said, from its output |

mod card;
#[path = "../../tests/simt/corpus/mod.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod corpus;
#[path = "../../tests/simt/said.rs"]
mod said;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kernels::jit::{Compiler, Nvrtc};

use corpus::{Case, Twin};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["compile", folder] => compile(Path::new(folder)),
        ["run", name, twin, folder] => run(name, twin, Path::new(folder)),
        ["sanitize", folder, out] => tools::sanitize(Path::new(folder), Path::new(out), None),
        ["sanitize", folder, out, seconds] => match seconds.parse() {
            Ok(seconds) => tools::sanitize(Path::new(folder), Path::new(out), Some(seconds)),
            Err(_) => Err(format!("`{seconds}` is no number of seconds")),
        },
        _ => Err("compile FOLDER, run NAME faulty|clean FOLDER, or sanitize FOLDER OUT [SECONDS]".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("faults: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Both twins of every text.
fn cases() -> Result<Vec<(Twin, Case)>, String> {
    let mut cases = Vec::new();
    for &(name, text) in corpus::list::TEXTS {
        for twin in [Twin::Faulty, Twin::Clean] {
            cases.push((twin, Case::parse(name, text, twin)?));
        }
    }
    Ok(cases)
}

/// The file of a twin's machine code.
fn image(folder: &Path, name: &str, twin: Twin) -> PathBuf {
    folder.join(format!("{name}.{}.cubin", twin.name()))
}

fn compile(folder: &Path) -> Result<(), String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let nvrtc = Nvrtc::find().map_err(|error| error.to_string())?;
    let cases = cases()?;
    for (twin, case) in &cases {
        let compiled = corpus::compile::compile(&nvrtc, case, *twin).map_err(|error| error.to_string())?;
        let path = image(folder, case.name, *twin);
        std::fs::write(&path, compiled.cubin).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let version = nvrtc.version().to_string();
    std::fs::write(folder.join("compiler"), &version).map_err(|error| error.to_string())?;
    println!("{} kernels by NVRTC {version} in {}", cases.len(), folder.display());
    Ok(())
}

/// Runs one, and prints how it ended: `end=ok`, `end=wrong ..`, `end=timeout`, or `end=` with the driver's word for it.
fn run(name: &str, twin: &str, folder: &Path) -> Result<(), String> {
    let cases = cases()?;
    let (twin, case) = cases
        .iter()
        .find(|(other, case)| case.name == name && other.name() == twin)
        .ok_or_else(|| format!("there is no {name} ({twin})"))?;
    let path = image(folder, name, *twin);
    let cubin = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("end={}", card::run(case, &cubin).unwrap_or_else(|problem| problem));
    Ok(())
}
