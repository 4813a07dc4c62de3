//! Faults and leaks, where somebody sees them.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use simt::device::Leak;
use simt::{Device, Fault};

/// Says something on standard error. That it is closed is no reason to stop a program that is not ours.
pub fn note(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "simt: {text}");
}

/// Says a fault: a line on standard error, and one in the file.
pub fn fault(fault: &Fault, file: Option<&Path>) {
    note(&format!("fault: {fault}"));
    let Some(path) = file else { return };
    let line = format!("{}\n", fault.to_json());
    let written = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        // One write, so that lines of several processes do not mix.
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        note(&format!("SIMT_FAULTS {}: {error}", path.display()));
    }
}

/// Says what was never freed. It is no fault: the driver frees it with the context.
pub fn leaks(device: &Device) {
    if !device.options().checks.lifetime {
        return;
    }
    let leaks = device.leaks();
    if leaks.is_empty() {
        return;
    }
    let bytes: u64 = leaks.iter().map(|leak| leak.bytes).sum();
    note(&format!("{} buffers ({bytes} bytes) were never freed:", leaks.len()));
    for Leak { name, address, bytes } in leaks.iter().take(8) {
        note(&format!("  {name}: {bytes} bytes at {address:#x}"));
    }
    if leaks.len() > 8 {
        note(&format!("  and {} more", leaks.len() - 8));
    }
}
