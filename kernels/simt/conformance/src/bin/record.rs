//! `record FOLDER` runs every form on the first GPU and writes what it computed; `record --ptx FOLDER` writes the
//! texts alone, and needs no GPU.

use std::path::Path;
use std::process::ExitCode;

use simt_conformance::form::Form;
use simt_conformance::forms::{FAMILIES, forms};
use simt_conformance::hardware::Gpu;
use simt_conformance::record::{Entry, Index, Record};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match *words.as_slice() {
        ["--ptx", folder] => texts(Path::new(folder)),
        [folder] if !folder.starts_with('-') => record(Path::new(folder)),
        _ => Err("usage: record FOLDER, or record --ptx FOLDER".to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// A file for each form: `NUMBER.ptx`, and `names.txt`.
fn texts(folder: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut names = String::new();
    for (number, form) in forms().iter().enumerate() {
        std::fs::write(folder.join(format!("{number:04}.ptx")), form.ptx()).map_err(failed)?;
        names.push_str(&format!("{number:04} {} {}\n", form.packed_bytes(), form.name));
    }
    std::fs::write(folder.join("names.txt"), names).map_err(failed)
}

fn record(folder: &Path) -> Result<(), String> {
    let gpu = Gpu::open().map_err(|error| error.to_string())?;
    println!(
        "{}, compute capability {}, driver {} (CUDA {})",
        gpu.name, gpu.compute_capability, gpu.driver, gpu.cuda
    );
    let mut index = Index {
        device: gpu.name.clone(),
        compute_capability: gpu.compute_capability.clone(),
        driver: gpu.driver.clone(),
        cuda: gpu.cuda.clone(),
        digest: String::new(),
        forms: Vec::new(),
    };
    let (mut bytes, mut refused) = (Vec::new(), 0);
    for (family, forms) in FAMILIES {
        let (forms, begin) = (forms(), bytes.len());
        let mut recorded = 0;
        for form in &forms {
            match twice(&gpu, form) {
                Ok(result) => {
                    index.forms.push(Entry::new(form, bytes.len()));
                    bytes.extend_from_slice(&result);
                    recorded += 1;
                }
                Err(problem) => {
                    refused += 1;
                    println!("REFUSED {}: {problem}", form.name);
                    gpu.reset().map_err(|error| error.to_string())?;
                }
            }
        }
        println!("{family:<12} {recorded:>4} of {:>4} forms {:>9} bytes", forms.len(), bytes.len() - begin);
    }
    println!(
        "{:<12} {:>4} forms recorded, {refused} refused, {} bytes",
        "total",
        index.forms.len(),
        bytes.len()
    );
    Record::write(folder, index, &bytes).map_err(|error| error.to_string())
}

/// What a form computes. What is not the same the second time is no property of the instruction.
fn twice(gpu: &Gpu, form: &Form) -> Result<Vec<u8>, String> {
    let first = gpu.run(form).map_err(|error| error.to_string())?;
    let second = gpu.run(form).map_err(|error| error.to_string())?;
    if first == second {
        Ok(first)
    } else {
        Err("two runs differ: its results depend on their order".to_owned())
    }
}
