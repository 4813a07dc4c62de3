//! Runs the op suite on a device, and writes what it computed: `op_outputs cuda|simt FILE`, or `op_outputs cuda FILE 3/16` for
//! the fourth of sixteen parts, which processes beside each other can take.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use contracts::Lane;
use falsifiers::machine::Machine;
use falsifiers::ops::agreement::{Recorded, names, record};
use kernels::seam::Seam;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let part = match arguments.get(2).and_then(|text| text.split_once('/')) {
        Some((part, of)) => part.parse().ok().zip(of.parse().ok()),
        None => Some((0, 1)),
    };
    let (lane, file, part) = match (arguments.as_slice(), part) {
        ([lane, file, ..], Some(part)) if lane == "cuda" => (Lane::Cuda, file, part),
        ([lane, file, ..], Some(part)) if lane == "simt" => (Lane::Simt, file, part),
        _ => {
            eprintln!("usage: op_outputs cuda|simt FILE [PART/PARTS]");
            return ExitCode::from(2);
        }
    };
    match outputs(lane, file, part) {
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

fn outputs(lane: Lane, file: &str, (part, of): (usize, usize)) -> Result<usize, String> {
    let machine = Machine::open(lane, &Arc::new(Seam::empty())).map_err(|error| error.to_string())?;
    let mine: BTreeSet<String> = names().into_iter().skip(part).step_by(of.max(1)).collect();
    let cases = record(&machine, lane, &|case| mine.contains(case)).map_err(|stop| format!("{stop:?}"))?;
    let properties = machine.device.properties();
    let (device, driver) = (properties.name.clone(), properties.driver.clone());
    let recorded = Recorded { device, driver, nvrtc: machine.nvrtc().to_string(), cases };
    let text = serde_json::to_string(&recorded).map_err(|error| error.to_string())?;
    std::fs::write(file, text.replace("},\"", "},\n\"")).map_err(|error| format!("{file}: {error}"))?;
    Ok(recorded.cases.len())
}
