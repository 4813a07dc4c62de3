//! Runs the whole op suite on a device, and writes what it computed: `op_outputs cuda|simt FILE`.

use std::process::ExitCode;
use std::sync::Arc;

use contracts::Lane;
use falsifiers::machine::Machine;
use falsifiers::ops::agreement::{Recorded, record};
use kernels::seam::Seam;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (lane, file) = match arguments.as_slice() {
        [lane, file] if lane == "cuda" => (Lane::Cuda, file),
        [lane, file] if lane == "simt" => (Lane::Simt, file),
        _ => {
            eprintln!("usage: op_outputs cuda|simt FILE");
            return ExitCode::from(2);
        }
    };
    match outputs(lane, file) {
        Ok(cases) => {
            println!("{cases} cases in {file}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn outputs(lane: Lane, file: &str) -> Result<usize, String> {
    let machine = Machine::open(lane, &Arc::new(Seam::empty())).map_err(|error| error.to_string())?;
    let cases = record(&machine, lane, &|_| true).map_err(|stop| format!("{stop:?}"))?;
    let properties = machine.device.properties();
    let (device, driver) = (properties.name.clone(), properties.driver.clone());
    let recorded = Recorded { device, driver, nvrtc: machine.nvrtc().to_string(), cases };
    let text = serde_json::to_string(&recorded).map_err(|error| error.to_string())?;
    std::fs::write(file, text.replace("},\"", "},\n\"")).map_err(|error| format!("{file}: {error}"))?;
    Ok(recorded.cases.len())
}
