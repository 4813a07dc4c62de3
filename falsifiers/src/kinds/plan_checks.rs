//! `plan_checks`: plans are built and checked for every target, without a device.
//!
//! The engine's own check comes first. What a wrong launch would do worst, leaving a limit and overwriting a value that
//! is still needed, is then computed here once more from the plan alone, so that a check which lets it pass is noticed.

use std::collections::{BTreeMap, BTreeSet};

use contracts::Lane;
use contracts::kinds::PlanChecks;
use engine::Loaded;
use engine::device::DeviceOptions;
use engine::plan::{BufferId, Phase, Plan, Step, build};
use engine::stage::StageName;
use kernels::Dtype;
use kernels::device::{Limits, Target};
use kernels::launch::{Extent, KERNELS};

use super::{Case, Passed, none_found};
use crate::on_device::failed;
use crate::parity::honest::announced;
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

/// The largest runs that are planned for: more tokens than a grid has rows, and many sequences.
const TOKENS: usize = 65_537;
const BATCH: usize = 256;

pub(super) fn cases(parameters: &PlanChecks) -> Vec<Case<'_>> {
    let models = parameters.model.names();
    let mut cases: Vec<Case<'_>> = models
        .iter()
        .map(|model| Case {
            id: format!("plan_checks(model={model})"),
            attempt: Box::new(move |subject| of_model(subject, model)),
        })
        .collect();
    cases.push(Case {
        id: "plan_checks(kernels)".to_owned(),
        attempt: Box::new(move |subject| every_kernel_is_launched(subject, models)),
    });
    cases
}

pub(super) fn wrong(metric: &str, message: String) -> Stop {
    Defect::counted(metric, 1.0, message).into()
}

/// The options that plans are built with: one sequence, as a model is loaded by default, and the largest runs; fused
/// and unfused.
pub(super) fn sizes(loaded: &Loaded) -> Vec<DeviceOptions> {
    let config = loaded.config();
    let small = DeviceOptions::new(config, loaded.activation_dtype());
    let context = config.max_position_embeddings;
    let large = DeviceOptions { max_tokens: TOKENS, max_batch: BATCH, max_kv: context, ..small.clone() };
    let whole = DeviceOptions { split_attention: false, ..small.clone() };
    let bytes = DeviceOptions { kv_dtypes: vec![Dtype::E4M3; config.num_hidden_layers], ..small.clone() };
    [small, large, whole, bytes]
        .into_iter()
        .flat_map(|options| [true, false].map(|fusion| DeviceOptions { fusion, ..options.clone() }))
        .collect()
}

fn limits(subject: &Subject) -> Result<Vec<(String, Limits)>, Stop> {
    let mut all: Vec<(String, Limits)> =
        Target::ALL.iter().map(|target| (target.to_string(), target.limits())).collect();
    if subject.lane() != Lane::Cpu {
        let machine = subject.machine()?;
        let properties = machine.device.properties();
        all.push((properties.name.clone(), properties.limits));
    }
    Ok(all)
}

fn of_model(subject: &Subject, model: &str) -> Result<Passed, Stop> {
    let loaded = subject.loaded(model)?;
    let expected = announced(&subject.dir(model)).map_err(|error| error.stop(subject.lane()))?;
    let mut steps = 0;
    for (target, limits) in limits(subject)? {
        for options in sizes(&loaded) {
            let plans = build(&loaded, &options, &limits).map_err(failed(subject))?;
            for plan in &plans {
                let what = format!("the {} plan of {model} for {target}", plan.phase);
                covered(plan, &expected, &what)?;
                if plan.notes.iter().any(|note| note.trim().is_empty()) {
                    return Err(wrong("empty_notes", format!("{what} has a note that says nothing")));
                }
                for extent in extents(&options, plan.phase) {
                    for step in &plan.steps {
                        within(step, &limits, extent, &what)?;
                    }
                }
                kept(plan, &what)?;
                steps += plan.steps.len() as u64;
            }
        }
    }
    match steps {
        0 => Err(Stop::Vacuous(evidence::Vacuity::NoElements)),
        steps => Ok(none_found(steps, "violations")),
    }
}

/// From the smallest to the largest; a decode plan has one token for each sequence.
pub(super) fn extents(options: &DeviceOptions, phase: Phase) -> [Extent; 4] {
    let batch = options.max_batch as u64;
    let tokens = match phase {
        Phase::Prefill => options.max_tokens as u64,
        Phase::Decode => batch,
    };
    let max_kv = options.max_kv as u64;
    [
        Extent { tokens: 1, batch: 1, max_kv: 1 },
        Extent { tokens: 17.min(tokens), batch: 1, max_kv: 17.min(max_kv) },
        Extent { tokens: tokens / 2 + 1, batch: batch.div_ceil(2), max_kv },
        Extent { tokens, batch, max_kv },
    ]
}

/// Every stage of the reference is stored or named as fused, and no other.
fn covered(plan: &Plan, expected: &[StageName], what: &str) -> Result<(), Stop> {
    let fused = plan.fused().into_iter().map(|(stage, _)| stage);
    let known: BTreeSet<StageName> = plan.measured().chain(fused).collect();
    let expected: BTreeSet<StageName> = expected.iter().copied().collect();
    if let Some(stage) = expected.difference(&known).next() {
        let message = format!("{what} neither stores {stage} nor names it as fused");
        return Err(wrong("unaccounted_stages", message));
    }
    // Tokens are sent to some experts: the reference shows no stage of the others, and the plan covers all of them.
    let of_another = |stage: &&StageName| {
        let same =
            |other: &StageName| (other.layer_index(), other.local()) == (stage.layer_index(), stage.local());
        stage.expert_index().is_some() && expected.iter().any(same)
    };
    match known.difference(&expected).find(|stage| !of_another(stage)) {
        Some(stage) => Err(wrong("unaccounted_stages", format!("{what} has {stage}, the reference has not"))),
        None => Ok(()),
    }
}

/// A launch leaves no limit.
fn within(step: &Step, limits: &Limits, extent: Extent, what: &str) -> Result<(), Stop> {
    for (axis, (blocks, limit)) in ["x", "y", "z"].iter().zip(step.shape.grid.iter().zip(limits.max_grid)) {
        let fits = blocks.at(extent).is_some_and(|blocks| (1..=limit).contains(&blocks));
        if !fits {
            let message = format!(
                "{what}: step {} has a grid of {blocks} along {axis} at {extent:?}, and {limit} is the limit",
                step.name()
            );
            return Err(wrong("launch_limits", message));
        }
    }
    let threads: u64 = step.shape.block.iter().map(|&threads| u64::from(threads)).product();
    let block =
        step.shape.block.iter().zip(limits.max_block).all(|(&threads, limit)| (1..=limit).contains(&threads));
    if !block || threads > u64::from(limits.max_threads_per_block) {
        let message = format!("{what}: step {} has a block of {:?}", step.name(), step.shape.block);
        return Err(wrong("launch_limits", message));
    }
    if step.shape.shared > limits.max_shared_bytes {
        let (shared, limit) = (step.shape.shared, limits.max_shared_bytes);
        let message =
            format!("{what}: step {} takes {shared} bytes of shared memory of {limit}", step.name());
        return Err(wrong("launch_limits", message));
    }
    Ok(())
}

/// What a step reads is still what was written last under that name: nobody wrote to its slot in between.
fn kept(plan: &Plan, what: &str) -> Result<(), Stop> {
    let stored = |id: BufferId| {
        let buffer = plan.buffer(id)?;
        buffer.role.is_between_steps().then_some(buffer)
    };
    let mut holds: BTreeMap<usize, BufferId> = BTreeMap::new();
    for step in &plan.steps {
        for id in step.reads() {
            let Some(buffer) = stored(id) else { continue };
            if buffer.slot.is_none_or(|slot| holds.get(&slot) != Some(&id)) {
                let message = format!(
                    "{what}: step {} reads {}, which is not there any more",
                    step.name(),
                    buffer.name
                );
                return Err(wrong("overwritten_buffers", message));
            }
        }
        for id in step.writes() {
            let Some(slot) = stored(id).and_then(|buffer| buffer.slot) else { continue };
            if step.reads().filter_map(|read| stored(read)?.slot).any(|read| read == slot) {
                let message = format!("{what}: step {} writes over what it reads", step.name());
                return Err(wrong("overwritten_buffers", message));
            }
            holds.insert(slot, id);
        }
    }
    Ok(())
}

/// A kernel that no plan launches is dead, unless its whole op is none of a forward pass.
fn every_kernel_is_launched(subject: &Subject, models: &[String]) -> Result<Passed, Stop> {
    let mut launched: BTreeSet<String> = BTreeSet::new();
    for model in models {
        let loaded = subject.loaded(model)?;
        for options in sizes(&loaded) {
            let plans = build(&loaded, &options, &Target::OLDEST.limits()).map_err(failed(subject))?;
            let steps = plans.iter().flat_map(|plan| &plan.steps);
            launched.extend(steps.map(|step| step.spec.kernel.clone()));
        }
    }
    let planned = |op: &str| KERNELS.iter().any(|kernel| kernel.op == op && launched.contains(kernel.name));
    // Kernels of one compute capability take heads that no model of the zoo has; tests of their blocks say who launches them.
    let mut anywhere = KERNELS.iter().filter(|kernel| kernel.only_for().is_none());
    let dead = anywhere.find(|kernel| !launched.contains(kernel.name) && planned(kernel.op));
    match dead {
        Some(kernel) => Err(wrong(
            "unlaunched_kernels",
            format!("no plan of {} launches {}, a kernel of {}", models.join(", "), kernel.name, kernel.op),
        )),
        None if launched.is_empty() => Err(Stop::Vacuous(evidence::Vacuity::NoElements)),
        None => Ok(none_found(launched.len() as u64, "unlaunched_kernels")),
    }
}
