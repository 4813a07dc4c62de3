//! What claims are tried on: models of the zoo, opened once, with the rewrites of a mutant or none.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use contracts::{ArithmeticName, Lane};
use engine::chat::{ChatError, ChatTemplate};
use engine::device::{DeviceModel, DeviceOptions};
use engine::tokenizer::{Tokenizer, TokenizerError};
use engine::{EngineError, Loaded, Reference};
use evidence::Need;
use kernels::Arithmetic;
use kernels::device::Target;
use kernels::jit::{Jit, JitOptions};
use kernels::seam::Seam;
use simt::Options;

use crate::goldens::Goldens;
use crate::machine::{Digests, Machine, MachineError, device_stop, jit_stop};
use crate::stop::{Defect, Stop};

/// Opens the machine of a lane, under some rewrites.
pub type Machines = Arc<dyn Fn(Lane, &Arc<Seam>) -> Result<Machine, MachineError> + Send + Sync>;

/// A zoo of models under one seam. Everything is opened on first use and kept.
pub struct Subject {
    zoo: PathBuf,
    pristine: OnceLock<Box<Subject>>,
    seam: Arc<Seam>,
    lane: Lane,
    machines: Machines,
    machine: OnceLock<Result<Arc<Machine>, Stop>>,
    others: Mutex<Vec<Arc<Machine>>>,
    other_lanes: [OnceLock<Box<Subject>>; Lane::ALL.len()],
    loaded: Cache<String, Loaded>,
    references: Cache<(String, Arithmetic), Reference>,
    goldens: Cache<String, Goldens>,
}

impl Subject {
    /// The models of the folder `zoo`.
    #[must_use]
    pub fn new(zoo: &Path, seam: Seam) -> Self {
        Self {
            zoo: zoo.to_owned(),
            pristine: OnceLock::new(),
            seam: Arc::new(seam),
            lane: Lane::Cpu,
            machines: Arc::new(Machine::open),
            machine: OnceLock::new(),
            others: Mutex::default(),
            other_lanes: Default::default(),
            loaded: Cache::default(),
            references: Cache::default(),
            goldens: Cache::default(),
        }
    }

    /// The same, for claims of this lane.
    #[must_use]
    pub fn on(mut self, lane: Lane) -> Self {
        self.lane = lane;
        self
    }

    /// The same, with machines from elsewhere than this computer's own devices.
    #[must_use]
    pub fn with_machines(mut self, machines: Machines) -> Self {
        self.machines = machines;
        self
    }

    /// The same models, lane and machines with other rewrites.
    #[must_use]
    pub fn with(&self, seam: Seam) -> Self {
        Self::new(&self.zoo, seam).on(self.lane).with_machines(Arc::clone(&self.machines))
    }

    /// The same models and rewrites, for claims of another lane.
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> &Self {
        let make = || Box::new(Self { seam: Arc::clone(&self.seam), ..self.with(Seam::empty()).on(lane) });
        match self.other_lanes.get(lane as usize) {
            Some(slot) if lane != self.lane => slot.get_or_init(make),
            _ => self,
        }
    }

    /// Where claims are tried.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// The same models, lane and rewrites with nothing opened yet: a machine that has compiled and loaded nothing.
    #[must_use]
    pub fn fresh(&self) -> Self {
        Self { seam: Arc::clone(&self.seam), ..self.with(Seam::empty()) }
    }

    /// Keys of kernels under the rewrites in force, for `target`. Needs no device and no NVRTC: what it calls compiling
    /// is a digest of what a compiler would get, so that two artifacts are equal where the compiler would get the same.
    #[must_use]
    pub fn keys(&self, target: Target) -> Jit {
        let options = JitOptions { cache: None, seam: Arc::clone(&self.seam) };
        Jit::new(Box::new(Digests), target, options)
    }

    /// The device of the lane, and what compiles for it.
    pub fn machine(&self) -> Result<Arc<Machine>, Stop> {
        self.machine
            .get_or_init(|| {
                (self.machines)(self.lane, &self.seam).map(Arc::new).map_err(|error| error.stop(self.lane))
            })
            .clone()
    }

    /// A virtual device besides the one of the lane, with options of its own.
    pub fn virtual_machine(&self, options: Options) -> Result<Arc<Machine>, Stop> {
        let opened = Machine::open_simt(options, &self.seam);
        let machine = opened.map(Arc::new).map_err(|error| error.stop(self.lane))?;
        self.others.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&machine));
        Ok(machine)
    }

    /// The key of every kernel that was asked for so far, by its name in records.
    #[must_use]
    pub fn kernel_keys(&self) -> BTreeMap<String, String> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let of_lane = self.machine.get().and_then(|machine| machine.as_ref().ok());
        others.iter().chain(of_lane).flat_map(|machine| machine.kernel_keys()).collect()
    }

    /// A model on the device of the lane. Nothing is kept: a device has less memory than a zoo has options.
    pub fn device_model(
        &self,
        model: &str,
        options: impl FnOnce(&Loaded) -> DeviceOptions,
    ) -> Result<DeviceModel, Stop> {
        let (machine, loaded) = (self.machine()?, self.loaded(model)?);
        let options = options(&loaded);
        DeviceModel::load(&loaded, Arc::clone(&machine.device), &machine.jit, options)
            .map_err(|error| engine_stop(error, self.lane))
    }

    /// The same models without rewrites: where limits and margins are derived, whatever is being tried.
    #[must_use]
    pub fn pristine(&self) -> &Self {
        self.pristine.get_or_init(|| Box::new(self.with(Seam::empty())))
    }

    /// The folder of models.
    #[must_use]
    pub fn zoo(&self) -> &Path {
        &self.zoo
    }

    /// The rewrites in force.
    #[must_use]
    pub fn seam(&self) -> &Seam {
        &self.seam
    }

    /// The same, to be kept.
    #[must_use]
    pub(crate) const fn shared_seam(&self) -> &Arc<Seam> {
        &self.seam
    }

    /// The folder of a model.
    #[must_use]
    pub fn dir(&self, model: &str) -> PathBuf {
        self.zoo.join(model)
    }

    /// A model, opened.
    pub fn loaded(&self, model: &str) -> Result<Arc<Loaded>, Stop> {
        self.loaded.get(model.to_owned(), || {
            let dir = self.dir(model);
            let there = |name: &str| dir.join(name).is_file();
            let weights = there("model.safetensors") || there("model.safetensors.index.json");
            if !there("config.json") || !weights {
                return Err(Stop::Blocked(Need::Weights { model: model.to_owned() }));
            }
            Loaded::open_with(&dir, Arc::clone(&self.seam)).map_err(errored)
        })
    }

    /// An arithmetic by its name; `declared` depends on what the model stores.
    pub fn arithmetic(&self, model: &str, name: ArithmeticName) -> Result<Arithmetic, Stop> {
        Ok(match name {
            ArithmeticName::F64 => Arithmetic::F64,
            ArithmeticName::F32 => Arithmetic::F32,
            ArithmeticName::Declared => self.loaded(model)?.declared(0),
        })
    }

    /// The reference of a model; `declared` sums in its first order.
    pub fn reference(&self, model: &str, arithmetic: ArithmeticName) -> Result<Arc<Reference>, Stop> {
        self.reference_in(model, self.arithmetic(model, arithmetic)?)
    }

    /// The reference of a model in exactly this arithmetic.
    pub fn reference_in(&self, model: &str, arithmetic: Arithmetic) -> Result<Arc<Reference>, Stop> {
        self.references.get((model.to_owned(), arithmetic), || {
            self.loaded(model)?.reference(arithmetic).map_err(errored)
        })
    }

    /// The goldens of a model.
    pub fn goldens(&self, model: &str) -> Result<Arc<Goldens>, Stop> {
        self.goldens.get(model.to_owned(), || Goldens::open(&self.dir(model), model))
    }

    /// The tokenizer of a model.
    pub fn tokenizer(&self, model: &str) -> Result<Tokenizer, Stop> {
        Tokenizer::open(&self.dir(model)).map_err(|error| match error {
            TokenizerError::Missing { .. } => Stop::Blocked(Need::Tokenizer { model: model.to_owned() }),
            other => Stop::Errored(other.to_string()),
        })
    }

    /// The chat template of a model.
    pub fn chat_template(&self, model: &str) -> Result<ChatTemplate, Stop> {
        ChatTemplate::open_with(&self.dir(model), &self.seam).map_err(|error| match error {
            ChatError::Missing { .. } => Stop::Blocked(Need::ChatTemplate { model: model.to_owned() }),
            other => Stop::Errored(other.to_string()),
        })
    }
}

/// Names an engine error. A checkpoint with tensors that nobody used is told apart by those who look for it.
#[must_use]
pub fn errored(error: EngineError) -> Stop {
    Stop::Errored(error.to_string())
}

/// What an error of the engine says about a claim in a lane of a device: something is missing, the engine refused what
/// was claimed, or something else went wrong.
#[must_use]
pub fn engine_stop(error: EngineError, lane: Lane) -> Stop {
    match error {
        EngineError::Device(error) => device_stop(&error, lane),
        EngineError::Jit(error) => jit_stop(&error),
        EngineError::Plan(_) => Defect::counted("refused", 1.0, error.to_string()).into(),
        other => errored(other),
    }
}

/// Values that are made once each, without holding up those who want another one.
struct Cache<K, V> {
    slots: Mutex<HashMap<K, Slot<V>>>,
}

type Slot<V> = Arc<OnceLock<Result<Arc<V>, Stop>>>;

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self { slots: Mutex::default() }
    }
}

impl<K: Eq + Hash, V> Cache<K, V> {
    fn get(&self, key: K, make: impl FnOnce() -> Result<V, Stop>) -> Result<Arc<V>, Stop> {
        let slot =
            Arc::clone(self.slots.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        slot.get_or_init(|| make().map(Arc::new)).clone()
    }
}
