//! The memory of a model on a device: counted first, then allocated, then filled.

use std::collections::BTreeMap;

use kernels::device::{Buffer, Device, DeviceError};
use kernels::jit::Jit;

use super::storage::encode;
use super::{DeviceOptions, random};
use crate::error::EngineError;
use crate::loaded::Loaded;
use crate::plan::{Built, Element, Input, Plan, PlanBuffer, PlanError, Role, State, Tap, maximum};
use crate::weights::{ConsumedReport, Drawn, WeightsPoint};

/// Where a buffer of a plan is. Both plans share all of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A tensor of the checkpoint.
    Weight(String),
    /// Memory that values between steps share.
    Slot(usize),
    /// What the host fills.
    Input(Input),
    /// The keys of a layer.
    Keys(usize),
    /// The values of a layer.
    Values(usize),
    /// The latents of a layer.
    Latents(usize),
    /// What is kept from step to step of a decode.
    State(State),
    /// What nobody reads.
    Unread(usize),
    /// Of the taps.
    Tap(Tap),
}

impl Place {
    /// Where a buffer is; `None` for a stage without a slot.
    pub(crate) fn of(buffer: &PlanBuffer) -> Option<Self> {
        Some(match buffer.role {
            Role::Weight => Self::Weight(buffer.name.clone()),
            Role::Input(input) => Self::Input(input),
            Role::Keys(layer) => Self::Keys(layer),
            Role::Values(layer) => Self::Values(layer),
            Role::Latents(layer) => Self::Latents(layer),
            Role::Stage(_) | Role::Scratch => Self::Slot(buffer.slot?),
            Role::State(state) => Self::State(state),
            Role::Unread(number) => Self::Unread(number),
            Role::Tap(tap) => Self::Tap(tap),
        })
    }

    /// What it is called on the device.
    fn name(&self) -> String {
        match self {
            Self::Weight(name) => name.clone(),
            Self::Slot(slot) => format!("slot {slot}"),
            Self::Input(input) => input.to_string(),
            Self::Keys(layer) => format!("keys of layer {layer}"),
            Self::Values(layer) => format!("values of layer {layer}"),
            Self::Latents(layer) => format!("latents of layer {layer}"),
            Self::State(state) => state.to_string(),
            Self::Unread(number) => format!("unread {number}"),
            Self::Tap(tap) => tap.to_string(),
        }
    }
}

/// How much memory a model takes, before any is allocated.
pub(super) struct Needs(BTreeMap<Place, u64>);

impl Needs {
    /// What the plans need at their largest extents.
    pub(super) fn of(built: &Built, options: &DeviceOptions) -> Result<Self, PlanError> {
        let mut needs = BTreeMap::new();
        for plan in built.all() {
            let largest = maximum(plan.phase, options);
            for buffer in &plan.buffers {
                let unbound = |problem: &str| PlanError::Unbound {
                    phase: plan.phase,
                    buffer: buffer.name.clone(),
                    problem: problem.to_owned(),
                };
                // A stage that fusion left without a step needs no memory.
                let Some(place) = Place::of(buffer) else { continue };
                let bytes = buffer.bytes(largest).ok_or_else(|| unbound("its size does not fit 64 bits"))?;
                let held = needs.entry(place).or_insert(0);
                *held = bytes.max(*held);
            }
        }
        Ok(Self(needs))
    }

    fn sum(&self, of: impl Fn(&Place) -> bool) -> u64 {
        self.0.iter().filter(|(place, _)| of(place)).map(|(_, bytes)| *bytes).fold(0, u64::saturating_add)
    }

    /// Whether the device has so much, before anything is allocated.
    pub(super) fn fit(&self, device: &dyn Device) -> Result<(), DeviceError> {
        let free = device.free_memory()?;
        let needed = self.sum(|_| true);
        tracing::debug!(needed, free, "memory of the model");
        if needed <= free {
            return Ok(());
        }
        let weights = self.sum(|place| matches!(place, Place::Weight(_)));
        let activations = self.sum(|place| matches!(place, Place::Slot(_)));
        let inputs = self.sum(|place| matches!(place, Place::Input(_) | Place::State(_) | Place::Tap(_)));
        let pages = self.sum(|place| matches!(place, Place::Keys(_) | Place::Values(_) | Place::Latents(_)));
        Err(DeviceError::Memory {
            what: format!(
                "the model (weights {weights}, activations {activations}, inputs {inputs}, pages {pages} bytes)"
            ),
            needed,
            free,
            total: device.properties().total_memory,
            remedy: "lower max_kv, max_batch or max_tokens, store pages in a smaller dtype, or use a device with more memory",
        })
    }
}

/// Everything that a model holds on a device.
pub(crate) struct Memory(BTreeMap<Place, Buffer>);

/// What unwritten memory holds: every format reads it as NaN, and every index as -1.
const POISON: u8 = 0xff;

impl Memory {
    /// Allocates everything, and poisons what is not filled at once.
    pub(super) fn allocate(device: &dyn Device, needs: &Needs) -> Result<Self, DeviceError> {
        let mut memory = BTreeMap::new();
        for (place, bytes) in &needs.0 {
            let buffer = device.allocate(&place.name(), *bytes)?;
            if !matches!(place, Place::Weight(_)) {
                device.fill(&buffer, POISON)?;
            }
            memory.insert(place.clone(), buffer);
        }
        Ok(Self(memory))
    }

    /// The memory of a buffer of a plan.
    pub(crate) fn of(&self, plan: &Plan, buffer: &PlanBuffer) -> Result<&Buffer, PlanError> {
        let place = Place::of(buffer);
        place.as_ref().and_then(|place| self.0.get(place)).ok_or_else(|| PlanError::Unbound {
            phase: plan.phase,
            buffer: buffer.name.clone(),
            problem: "none was allocated for it".to_owned(),
        })
    }

    /// The memory of a place.
    pub(super) fn at(&self, place: &Place) -> Option<&Buffer> {
        self.0.get(place)
    }

    /// Everything but weights.
    pub(super) fn written(&self) -> impl Iterator<Item = (&Place, &Buffer)> {
        self.0.iter().filter(|(place, _)| !matches!(place, Place::Weight(_)))
    }

    /// Makes what earlier runs left between steps unreadable.
    pub(super) fn poison(&self, device: &dyn Device) -> Result<(), DeviceError> {
        let mut slots = self.0.iter().filter(|(place, _)| matches!(place, Place::Slot(_)));
        slots.try_for_each(|(_, buffer)| device.fill(buffer, POISON))
    }

    /// Uploads every tensor that the plans read, through the rewrites of the weights, and accounts for all others. What
    /// is in no file is drawn on the device, unless something rewrites weights.
    pub(super) fn upload(
        &self,
        device: &dyn Device,
        jit: &Jit,
        loaded: &Loaded,
        built: &Built,
    ) -> Result<ConsumedReport, EngineError> {
        let reader = loaded.weights().reader(loaded.seam());
        let rewritten = loaded.seam().is_active::<WeightsPoint>();
        let mut uploaded = std::collections::BTreeSet::new();
        for plan in &built.plans {
            for buffer in plan.buffers.iter().filter(|buffer| buffer.role == Role::Weight) {
                if !uploaded.insert(buffer.name.as_str()) {
                    continue;
                }
                let unbound = |problem: &str| PlanError::Unbound {
                    phase: plan.phase,
                    buffer: buffer.name.clone(),
                    problem: problem.to_owned(),
                };
                let tensor =
                    built.tensors.get(&buffer.name).ok_or_else(|| unbound("no tensor has its name"))?;
                let memory = self.of(plan, buffer)?;
                let stored = |values: &[f32]| match buffer.element {
                    Element::Float(dtype) => encode(dtype, values),
                    Element::I32 => None,
                };
                let unstored = || unbound("weights are stored as F32, F16 or BF16");
                let of = |source: &str| loaded.weights().drawn(source).filter(|_| !rewritten);
                let mut at = 0;
                let mut taken: Option<(&str, Vec<f32>)> = None;
                let mut drawn_whole: Option<random::Whole<'_>> = None;
                for part in &tensor.parts {
                    let width = part.shape.last().copied().unwrap_or(1);
                    if let Some(drawn) = of(&part.name) {
                        reader.consume(&part.name);
                        if (part.rows.len() * width * Drawn::DTYPE.size()) as u64 == drawn.bytes() {
                            random::fill(device, jit, (memory, at), drawn)?;
                            at += drawn.bytes();
                            continue;
                        }
                        let whole = match drawn_whole.take() {
                            Some(whole) if whole.is(&part.name) => whole,
                            // What is there goes first: there may not be room for both.
                            other => {
                                drop(other);
                                random::Whole::draw(device, jit, &part.name, drawn)?
                            }
                        };
                        at += whole.copy(device, (&part.rows, width), (memory, at))?;
                        drawn_whole = Some(whole);
                        continue;
                    }
                    // Several parts may be rows of one tensor, one after the other.
                    let values = match taken.take() {
                        Some((name, values)) if name == part.name => values,
                        _ => reader.values(&part.name, None, &part.shape)?,
                    };
                    let rows = values.get(part.rows.start * width..part.rows.end * width);
                    let rows = rows.ok_or_else(|| unbound("a part has fewer rows than are taken of it"))?;
                    let bytes = stored(rows).ok_or_else(unstored)?;
                    device.write(memory, at, &bytes)?;
                    at += bytes.len() as u64;
                    taken = Some((&part.name, values));
                }
                let source = tensor.source.as_deref().unwrap_or(&buffer.name);
                if !tensor.parts.is_empty() {
                    // All parts are there already.
                } else if let Some(drawn) = of(source) {
                    random::fill(device, jit, (memory, 0), drawn)?;
                    reader.consume(source);
                    at = drawn.bytes();
                } else {
                    let values = reader.values(&buffer.name, tensor.source.as_deref(), &tensor.shape)?;
                    let bytes = stored(&values).ok_or_else(unstored)?;
                    at = bytes.len() as u64;
                    if memory.bytes() == at {
                        device.write(memory, 0, &bytes)?;
                    }
                }
                if memory.bytes() != at {
                    return Err(unbound("the plans disagree about its size"))?;
                }
            }
        }
        // What steps are passed as numbers was read when they were built.
        built.numbers.iter().for_each(|name| reader.consume(name));
        for (pattern, reason) in &built.ignored {
            reader.ignore(pattern, reason)?;
        }
        Ok(reader.finish()?)
    }
}
