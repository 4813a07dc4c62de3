//! What kernels run on in a lane: a device, and what compiles for it.

use std::sync::Arc;

use contracts::Lane;
use evidence::Need;
use kernels::device::{Device, DeviceError};
use kernels::jit::{Compiled, Compiler, Jit, JitError, Resources, Version};
use kernels::seam::Seam;

use crate::stop::{Defect, Stop};

/// A device with its compiler.
pub struct Machine {
    /// The device.
    pub device: Arc<dyn Device>,
    /// Compiles for it, through the rewrites of a mutant or none.
    pub jit: Jit,
}

impl Machine {
    /// The machine of a lane. What is missing blocks: nothing is computed on the CPU instead.
    pub fn open(lane: Lane, _seam: &Arc<Seam>) -> Result<Self, Stop> {
        Err(Stop::Blocked(Need::Device(lane)))
    }
}

/// Stands in for a compiler where only keys are looked at: its PTX is a digest of what a compiler would get.
pub(crate) struct Digests;

impl Compiler for Digests {
    fn version(&self) -> Version {
        Version { major: 13, minor: 0 }
    }

    fn compile(&self, _: &str, entry: &str, source: &str, options: &[String]) -> Result<Compiled, JitError> {
        let text = [entry, source].into_iter().chain(options.iter().map(String::as_str));
        let text: Vec<&str> = text.collect();
        let ptx = crate::digest(text.join("\0").as_bytes());
        Ok(Compiled { ptx, cubin: Vec::new(), resources: Resources::default() })
    }
}

/// What an error of a device says about the engine: it is not there, or it could not compute what was claimed.
#[must_use]
pub fn device_stop(error: &DeviceError, lane: Lane) -> Stop {
    match error {
        DeviceError::NoDriver(_) | DeviceError::NoDevice { .. } | DeviceError::Unsupported { .. } => {
            Stop::Blocked(Need::Device(lane))
        }
        DeviceError::Memory { .. } | DeviceError::Driver { .. } => Stop::Errored(error.to_string()),
        DeviceError::Fault(_) => Defect::counted("device_fault", 1.0, error.to_string()).into(),
        DeviceError::Launch { .. } | DeviceError::Bounds { .. } => {
            Defect::counted("refused", 1.0, error.to_string()).into()
        }
    }
}

/// What an error of the compiler says about the engine.
#[must_use]
pub fn jit_stop(error: &JitError) -> Stop {
    match error {
        JitError::NoCompiler { .. } | JitError::CompilerTooNew { .. } => Stop::Blocked(Need::Nvrtc),
        JitError::UnknownKernel(_) | JitError::Compile { .. } => {
            Defect::counted("refused", 1.0, error.to_string()).into()
        }
        JitError::Compiler(_) | JitError::Cache { .. } => Stop::Errored(error.to_string()),
    }
}
