//! What was launched, and what went wrong.

use ::simt::{Fault, FaultKind, Report};

use crate::device::DeviceError;

/// What ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Launches that ended without a fault.
    pub launches: u64,
    /// Instructions that their warps ran.
    pub warp_instructions: u64,
    /// The same, counted once for each lane that took part.
    pub lane_operations: u64,
}

/// Of a device, from its making on.
#[derive(Default)]
pub(super) struct State {
    pub(super) counts: Counts,
    pub(super) faults: Vec<Fault>,
    /// Why nothing can be done any more, once that is so.
    pub(super) stuck: Option<String>,
}

impl State {
    /// A launch has ended.
    pub(super) const fn add(&mut self, report: &Report) {
        self.counts.launches += 1;
        self.counts.warp_instructions += report.warp_instructions;
        self.counts.lane_operations += report.lane_operations;
    }

    /// A launch has not. One that was refused, or that this device cannot judge, leaves everything as it was.
    pub(super) fn fault(&mut self, kernel: &str, fault: Fault) -> DeviceError {
        let text = fault.to_string();
        let error = match fault.kind {
            FaultKind::LaunchLimit => {
                DeviceError::Launch { kernel: kernel.to_owned(), problem: fault.message.clone() }
            }
            // What it cannot follow says nothing about the kernel, and less about the next one.
            FaultKind::Unsupported => {
                DeviceError::Virtual { operation: format!("launch of {kernel}"), message: text }
            }
            _ => {
                self.stuck = Some(text.clone());
                DeviceError::Fault(text)
            }
        };
        self.faults.push(fault);
        error
    }
}
