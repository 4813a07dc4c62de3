//! A model whose weights are on a device and whose plans are bound to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernels::Dtype;
use kernels::device::{Buffer, Device, DeviceError, Function, Properties};
use kernels::jit::{Jit, KernelSpec};
use kernels::seam::Seam;

use super::graphs::Graphs;
use super::memory::{Memory, Needs};
use super::pool::Pool;
use super::{DeviceOptions, PoolLayout, Session};
use crate::config::Config;
use crate::error::EngineError;
use crate::loaded::Loaded;
use crate::plan::eager::Executor;
use crate::plan::{Built, Choice, Phase, Plan, assemble, counted, maximum, shared};
use crate::weights::ConsumedReport;

/// A model on a device. It was not compared with anything yet: what serves takes an admitted one.
pub struct DeviceModel {
    config: Config,
    seam: Arc<Seam>,
    device: Arc<dyn Device>,
    options: DeviceOptions,
    activation: Dtype,
    layout: PoolLayout,
    prefill: Plan,
    decode: Plan,
    /// What follows a decode step where the device goes on by itself, with the largest logit.
    greedy: Plan,
    /// The same with a token that is drawn.
    drawn: Plan,
    functions: BTreeMap<String, Function>,
    keys: BTreeMap<String, String>,
    library: Option<String>,
    consumed: ConsumedReport,
    /// Before the memory that they name: dropped first.
    graphs: Graphs,
    memory: Memory,
    /// Where stages are copied while they are recorded; none before the first such run.
    aside: Mutex<Option<Buffer>>,
    /// Held for the whole of a run: runs share the memory between steps.
    pool: Mutex<Pool>,
    sequences: AtomicU64,
}

impl DeviceModel {
    /// Builds and checks the plans, compiles and loads their kernels, uploads the weights, and allocates the pages.
    /// Memory is asked for before anything is allocated.
    pub fn load(
        loaded: &Loaded,
        device: Arc<dyn Device>,
        jit: &Jit,
        options: DeviceOptions,
    ) -> Result<Self, EngineError> {
        options.check(loaded.config())?;
        let layout = PoolLayout::new(loaded, &options)?;
        let library = multiplier(&*device, &options)?;
        let built = assemble(loaded, &options, &layout, &device.properties().limits, library.clone())?;
        let needs = Needs::of(&built, &options)?;
        needs.fit(&*device)?;
        let (functions, keys) = compiled(&built, &*device, jit, &options)?;
        let memory = Memory::allocate(&*device, &needs)?;
        let consumed = memory.upload(&*device, jit, loaded, &built)?;
        let Built { plans: [prefill, decode], greedy, drawn, .. } = built;
        let in_library = prefill.steps.iter().any(|step| step.library.is_some());
        for plan in [&prefill, &decode] {
            tracing::debug!(phase = %plan.phase, steps = plan.steps.len(), notes = ?plan.notes, "plan");
        }
        let model = Self {
            config: loaded.config().clone(),
            seam: Arc::clone(loaded.seam()),
            device,
            options,
            activation: loaded.activation_dtype(),
            pool: Mutex::new(Pool::new(&layout)),
            layout,
            prefill,
            decode,
            greedy,
            drawn,
            functions,
            keys,
            library: library.ok().filter(|_| in_library),
            consumed,
            graphs: Graphs::default(),
            memory,
            aside: Mutex::default(),
            sequences: AtomicU64::new(0),
        };
        model.place_taps()?;
        Ok(model)
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

    /// How the pages of keys and values are stored.
    #[must_use]
    pub const fn layout(&self) -> &PoolLayout {
        &self.layout
    }

    /// Pages that no sequence has.
    #[must_use]
    pub fn free_pages(&self) -> usize {
        self.pool().free()
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

    /// The library that computes products of prefill runs, with its version; `None` where kernels compute all of them.
    #[must_use]
    pub fn library(&self) -> Option<&str> {
        self.library.as_deref()
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

    /// The pages. A panic of another thread leaves them as consistent as they were: they change in whole steps.
    pub(super) fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where stages are copied while they are recorded.
    pub(super) const fn recorded_aside(&self) -> &Mutex<Option<Buffer>> {
        &self.aside
    }

    /// A number that no other sequence of the model has.
    pub(super) fn next_sequence(&self) -> u64 {
        self.sequences.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn device(&self) -> &dyn Device {
        &*self.device
    }

    pub(super) const fn advance(&self, choice: Choice) -> &Plan {
        match choice {
            Choice::Greedy => &self.greedy,
            Choice::Drawn => &self.drawn,
        }
    }

    pub(super) const fn graphs(&self) -> &Graphs {
        &self.graphs
    }

    pub(super) const fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(super) fn executor(&self) -> Executor<'_> {
        Executor {
            device: &*self.device,
            memory: &self.memory,
            functions: &self.functions,
            limits: &self.device.properties().limits,
            seam: &self.seam,
        }
    }
}

/// The library that computes products, or why none does. An error where there is one that cannot be used.
fn multiplier(device: &dyn Device, options: &DeviceOptions) -> Result<Result<String, String>, DeviceError> {
    if !options.library {
        return Ok(Err("it is turned off".to_owned()));
    }
    match device.library() {
        Ok(name) => Ok(Ok(name)),
        Err(DeviceError::NoLibrary(why)) => Ok(Err(why)),
        Err(error) => Err(error),
    }
}

/// Loaded kernels and their keys, by the text of their specs.
type Compiled = (BTreeMap<String, Function>, BTreeMap<String, String>);

/// Compiles and loads every kernel that the plans launch, and holds what they declare to the limits of the device.
fn compiled(
    built: &Built,
    device: &dyn Device,
    jit: &Jit,
    options: &DeviceOptions,
) -> Result<Compiled, EngineError> {
    let (mut functions, mut keys) = (BTreeMap::new(), BTreeMap::new());
    let mut named = BTreeSet::new();
    let steps = built.all().flat_map(|plan| &plan.steps);
    let mut specs: Vec<KernelSpec> =
        steps.filter(|step| named.insert(step.spec.to_string())).map(|step| step.spec.clone()).collect();
    if options.prefill_taps {
        let counting = built.plans.iter().filter(|plan| plan.phase == Phase::Prefill).flat_map(counted);
        specs.extend(counting.filter(|spec| named.insert(spec.to_string())));
    }
    let mut declared = BTreeMap::new();
    jit.prewarm(&specs, &|done, of| tracing::trace!(done, of, "kernels"))?;
    for spec in &specs {
        let artifact = jit.artifact(spec)?;
        let name = spec.to_string();
        functions.insert(name.clone(), device.load(&artifact)?);
        keys.insert(name.clone(), artifact.key.clone());
        declared.insert(name, artifact.resources.shared);
    }
    let limits = device.properties().limits;
    for plan in built.all() {
        for step in &plan.steps {
            let own = declared.get(&step.spec.to_string()).copied().unwrap_or(0);
            shared(step, &limits, maximum(plan.phase, options), own)?;
        }
    }
    Ok((functions, keys))
}
