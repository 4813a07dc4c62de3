//! From a configuration to the two plans of a model, checked.

use std::collections::{BTreeMap, BTreeSet};

use kernels::device::Limits;
use kernels::launch::Extent;

use super::advance::{Choice, advance};
use super::builder::{Builder, Tensor};
use super::{Phase, Plan, PlanError, PlanPoint, check, control, fusion, library, memory, taps};
use crate::device::{DeviceOptions, PoolLayout};
use crate::error::EngineError;
use crate::loaded::Loaded;
use crate::models::Architecture;
use crate::weights::WeightsPoint;

/// Both plans of a model, with what else follows from its template.
pub(crate) struct Built {
    /// Prefill and decode.
    pub(crate) plans: [Plan; 2],
    /// What follows a decode step where the device goes on by itself, with the largest logit.
    pub(crate) greedy: Plan,
    /// The same with a token that is drawn.
    pub(crate) drawn: Plan,
    /// Every tensor that the plans read, by its name.
    pub(crate) tensors: BTreeMap<String, Tensor>,
    /// Patterns of tensors that are left out, with reasons.
    pub(crate) ignored: Vec<(String, &'static str)>,
    /// Tensors that steps are passed as numbers.
    pub(crate) numbers: BTreeSet<String>,
}

impl Built {
    /// Everything that is launched.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Plan> {
        self.plans.iter().chain([&self.greedy, &self.drawn])
    }
}

/// The plans of a model for devices of these limits: prefill and decode, fused if asked, with memory assigned, through
/// the rewrites at [`PlanPoint`], and checked from one token to the most that the options allow. Needs no device, and knows
/// of no library.
pub fn build(loaded: &Loaded, options: &DeviceOptions, limits: &Limits) -> Result<[Plan; 2], EngineError> {
    options.check(loaded.config())?;
    let layout = PoolLayout::new(loaded, options)?;
    Ok(assemble(loaded, options, &layout, limits, Err("there is no device to ask".to_owned()))?.plans)
}

/// The same over pages that are laid out already, for a device with this library, or without one for this reason.
pub(crate) fn assemble(
    loaded: &Loaded,
    options: &DeviceOptions,
    layout: &PoolLayout,
    limits: &Limits,
    multiplier: Result<String, String>,
) -> Result<Built, EngineError> {
    let mut tensors = BTreeMap::new();
    let (mut ignored, mut numbers) = (Vec::new(), BTreeSet::new());
    let Architecture { name: architecture, plan: template, .. } = loaded.architecture();
    let template = template.ok_or(PlanError::NoTemplate { architecture })?;
    let expected = (template.stages)(loaded.config());
    let mut one = |phase: Phase| -> Result<Plan, EngineError> {
        let mut builder = Builder {
            weights: loaded.weights(),
            seam: loaded.seam(),
            activation: loaded.activation_dtype(),
            layout,
            limits,
            split_attention: options.split_attention,
            warpgroups: options.warpgroups,
            own_head: loaded.seam().is_active::<WeightsPoint>(),
            plan: Plan { phase, buffers: Vec::new(), steps: Vec::new(), notes: Vec::new() },
            tensors: BTreeMap::new(),
            numbers: Vec::new(),
            ignored: Vec::new(),
        };
        (template.build)(&mut builder, loaded.config())?;
        let Builder { mut plan, tensors: found, numbers: passed, ignored: left, .. } = builder;
        tensors.extend(found);
        numbers.extend(passed);
        ignored = left;
        if options.fusion {
            fusion::fuse(&mut plan);
        }
        match &multiplier {
            Ok(name) => {
                let products = library::mark(&mut plan);
                if products > 0 {
                    plan.notes.push(format!("{products} products are computed by {name}"));
                }
            }
            Err(why) if options.library && phase == Phase::Prefill => {
                plan.notes.push(format!("no product is computed by a library: {why}"));
            }
            Err(_) => {}
        }
        if let Some(extra) = options.extra_reads.filter(|_| phase == Phase::Decode) {
            control::read_more(&mut plan, extra);
        }
        match options.keeps(phase) {
            true => memory::keep(&mut plan),
            false => memory::assign(&mut plan),
        }
        if phase == Phase::Decode && options.taps {
            taps::tap(&mut plan, loaded.activation_dtype());
        }
        loaded.seam().apply::<PlanPoint>(&mut plan);
        check(&plan, limits, &extents(phase, options), &expected)?;
        Ok(plan)
    };
    let plans = [one(Phase::Prefill)?, one(Phase::Decode)?];
    let [_, decode] = &plans;
    let after = |choice: Choice| -> Result<Plan, EngineError> {
        let plan = advance(decode, layout, loaded.activation_dtype(), choice).ok_or_else(|| {
            let problem = "stores no logits, or lacks an input that the next step needs".to_owned();
            PlanError::Coverage { phase: Phase::Decode, problem }
        })?;
        check::steps(&plan, limits, &extents(Phase::Decode, options))?;
        Ok(plan)
    };
    let (greedy, drawn) = (after(Choice::Greedy)?, after(Choice::Drawn)?);
    Ok(Built { plans, greedy, drawn, tensors, ignored, numbers })
}

/// The smallest run of a plan and the largest. Every expression of a plan grows with the extent, so that what holds at
/// both holds between them.
pub(crate) fn extents(phase: Phase, options: &DeviceOptions) -> [Extent; 2] {
    [Extent { tokens: 1, batch: 1, max_kv: 1 }, maximum(phase, options)]
}

/// The largest run of a plan.
pub(crate) fn maximum(phase: Phase, options: &DeviceOptions) -> Extent {
    let tokens = match phase {
        Phase::Prefill => options.max_tokens,
        Phase::Decode => options.max_batch,
    };
    Extent { tokens: tokens as u64, batch: options.max_batch as u64, max_kv: options.max_kv as u64 }
}
