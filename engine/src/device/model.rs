//! A model whose weights are on a device and whose plans are bound to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernels::Dtype;
use kernels::device::{Device, Properties};
use kernels::jit::Jit;
use kernels::seam::Seam;

use super::{DeviceOptions, Session};
use crate::config::Config;
use crate::error::EngineError;
use crate::loaded::Loaded;
use crate::plan::{Phase, Plan};
use crate::weights::ConsumedReport;

/// A model on a device. It was not compared with anything yet: what serves takes an admitted one.
pub struct DeviceModel {
    config: Config,
    seam: Arc<Seam>,
    device: Arc<dyn Device>,
    options: DeviceOptions,
    activation: Dtype,
    prefill: Plan,
    decode: Plan,
    keys: BTreeMap<String, String>,
    consumed: ConsumedReport,
}

impl DeviceModel {
    /// Builds and checks the plans, compiles and loads their kernels, uploads the weights, and allocates the pages.
    /// Memory is asked for before anything is allocated.
    pub fn load(
        _loaded: &Loaded,
        _device: Arc<dyn Device>,
        _jit: &Jit,
        _options: DeviceOptions,
    ) -> Result<Self, EngineError> {
        unreachable!("skeleton")
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The rewrites in force.
    #[must_use]
    pub fn seam(&self) -> &Seam {
        &self.seam
    }

    /// What it was loaded with.
    #[must_use]
    pub const fn options(&self) -> &DeviceOptions {
        &self.options
    }

    /// What it runs on.
    #[must_use]
    pub fn properties(&self) -> &Properties {
        self.device.properties()
    }

    /// How activations are stored.
    #[must_use]
    pub const fn activation(&self) -> Dtype {
        self.activation
    }

    /// The plan of a phase.
    #[must_use]
    pub const fn plan(&self, phase: Phase) -> &Plan {
        match phase {
            Phase::Prefill => &self.prefill,
            Phase::Decode => &self.decode,
        }
    }

    /// The key of every kernel that the plans launch, by its spec.
    #[must_use]
    pub const fn kernel_keys(&self) -> &BTreeMap<String, String> {
        &self.keys
    }

    /// Which tensors were consumed, and which were ignored for which reason.
    #[must_use]
    pub const fn consumed(&self) -> &ConsumedReport {
        &self.consumed
    }

    /// Starts a session without sequences.
    pub fn session(&self) -> Result<Session<'_>, EngineError> {
        Session::new(self)
    }
}
