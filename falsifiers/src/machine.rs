//! What kernels run on in a lane: a device, and what compiles for it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ::simt::Options;
use contracts::Lane;
use evidence::Need;
use kernels::device::cuda::{CudaDevice, available, check_compiler, driver_version};
use kernels::device::simt::{self, SimtDevice};
use kernels::device::{Device, DeviceError, Properties};
use kernels::jit::{
    Compiled, Compiler, Jit, JitError, JitOptions, KernelSpec, Nvrtc, Resources, Version, default_folder,
    key_of,
};
use kernels::seam::Seam;

use crate::stop::{Defect, Stop};

/// A device with its compiler.
pub struct Machine {
    /// The device.
    pub device: Arc<dyn Device>,
    /// Compiles for it, through the rewrites of a mutant or none.
    pub jit: Jit,
    /// The same device, where it is the virtual one: it knows more than a real one.
    pub simt: Option<Arc<SimtDevice>>,
    nvrtc: Version,
}

/// Why there is no machine. Nothing is computed on the CPU instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// The lane has no device: its claims run on the reference.
    #[error("--device {0} names no device that kernels run on; ask for --device simt or cuda")]
    NoLane(Lane),
    /// The device is not there, or refuses.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The compiler is not there, or does not suit the driver.
    #[error(transparent)]
    Jit(#[from] JitError),
}

impl MachineError {
    /// What it says about a claim.
    #[must_use]
    pub fn stop(&self, lane: Lane) -> Stop {
        match self {
            Self::NoLane(lane) => Stop::Blocked(Need::Device(*lane)),
            Self::Device(error) => device_stop(error, lane),
            Self::Jit(error) => jit_stop(error),
        }
    }
}

impl Machine {
    /// A device with its compiler, which is of this version.
    #[must_use]
    pub const fn new(device: Arc<dyn Device>, jit: Jit, nvrtc: Version) -> Self {
        Self { device, jit, simt: None, nvrtc }
    }

    /// The machine of a lane.
    pub fn open(lane: Lane, seam: &Arc<Seam>) -> Result<Self, MachineError> {
        match lane {
            Lane::Cpu => Err(MachineError::NoLane(lane)),
            Lane::Simt => Self::open_simt(Options::default(), seam),
            Lane::Cuda => {
                let device = cuda()?;
                let compiler = Nvrtc::find()?;
                let nvrtc = compiler.version();
                check_compiler(nvrtc, driver_version()?)?;
                let options = JitOptions { cache: default_folder(), seam: Arc::clone(seam) };
                let jit = Jit::new(Box::new(compiler), device.properties().target, options);
                Ok(Self { device, jit, simt: None, nvrtc })
            }
        }
    }

    /// A virtual device of its own: what a kernel does wrong on it ends no other work.
    pub fn open_simt(options: Options, seam: &Arc<Seam>) -> Result<Self, MachineError> {
        let compiler = Nvrtc::find()?;
        let nvrtc = compiler.version();
        let device = SimtDevice::new(options);
        let options = JitOptions { cache: default_folder(), seam: Arc::clone(seam) };
        let jit = Jit::new(Box::new(compiler), device.properties().target, options);
        Ok(Self { device: Arc::clone(&device) as Arc<dyn Device>, jit, simt: Some(device), nvrtc })
    }

    /// The same, telling how many kernels of how many are compiled.
    #[must_use]
    pub fn with_progress(self, progress: fn(usize, usize)) -> Self {
        Self { jit: self.jit.with_progress(progress), ..self }
    }

    /// The compiler's version.
    #[must_use]
    pub const fn nvrtc(&self) -> Version {
        self.nvrtc
    }

    /// The key of every kernel that was asked for so far, by its name in records: `sm_90/13.0/rmsnorm(..)`.
    #[must_use]
    pub fn kernel_keys(&self) -> BTreeMap<String, String> {
        let (target, nvrtc) = (self.jit.target(), self.nvrtc);
        let name = |spec: &KernelSpec| format!("{target}/{nvrtc}/{spec}");
        self.jit.artifacts().iter().map(|made| (name(&made.spec), made.key.clone())).collect()
    }
}

/// The keys that kernels named in a record have today. A name that means nothing today has none.
#[must_use]
pub fn keys_today<'n>(names: impl Iterator<Item = &'n String>) -> BTreeMap<String, String> {
    names.filter_map(|name| Some((name.clone(), key_today(name)?))).collect()
}

fn key_today(name: &str) -> Option<String> {
    let mut parts = name.splitn(3, '/');
    let target = parts.next()?.parse().ok()?;
    let (major, minor) = parts.next()?.split_once('.')?;
    let nvrtc = Version { major: major.parse().ok()?, minor: minor.parse().ok()? };
    key_of(&parts.next()?.parse().ok()?, nvrtc, target).ok()
}

/// The one CUDA device of this process: a context takes half a second, and holds what kernels it has loaded.
fn cuda() -> Result<Arc<CudaDevice>, DeviceError> {
    static DEVICE: OnceLock<Result<Arc<CudaDevice>, DeviceError>> = OnceLock::new();
    DEVICE.get_or_init(|| CudaDevice::open(0)).clone()
}

/// What the device of a lane is, without making a context on it.
pub fn properties(lane: Lane) -> Result<Properties, MachineError> {
    match lane {
        Lane::Cpu => Err(MachineError::NoLane(lane)),
        Lane::Simt => Ok(simt::properties(&Options::default())),
        Lane::Cuda => Ok(available()?),
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
        DeviceError::NoLibrary(_) => Stop::Blocked(Need::Library),
        &DeviceError::Memory { needed, free, .. } => Stop::Blocked(Need::Memory { needed, free }),
        DeviceError::Driver { .. } | DeviceError::Virtual { .. } => Stop::Errored(error.to_string()),
        DeviceError::Fault(_) => Defect::counted("device_fault", 1.0, error.to_string()).into(),
        DeviceError::Launch { .. }
        | DeviceError::Graph { .. }
        | DeviceError::Library { .. }
        | DeviceError::Bounds { .. } => Defect::counted("refused", 1.0, error.to_string()).into(),
    }
}

/// What an error of the compiler says about the engine.
#[must_use]
pub fn jit_stop(error: &JitError) -> Stop {
    match error {
        JitError::NoCompiler { .. } | JitError::CompilerTooNew { .. } => Stop::Blocked(Need::Nvrtc),
        JitError::Compiler(_) | JitError::Cache { .. } => Stop::Errored(error.to_string()),
        _ => Defect::counted("refused", 1.0, error.to_string()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_of_a_record_has_the_key_that_it_has_today() {
        let name = "sm_90/13.0/rmsnorm(ACT_DTYPE=BF16,EPS=1e-6,FEATURES=256,WEIGHT_DTYPE=BF16)".to_owned();
        let other = name.replace("1e-6", "1e-5");
        let nothing = ["sm_90/13.0/nothing(A=1)", "sm_90/13.0", "x/13.0/rmsnorm()", ""].map(str::to_owned);
        let keys = keys_today([&name, &other].into_iter().chain(&nothing));
        assert_eq!(keys.len(), 2, "{keys:?}");
        assert_ne!(keys[&name], keys[&other]);
    }
}
