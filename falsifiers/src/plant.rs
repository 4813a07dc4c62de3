//! How mutants of the device are planted: in the text of a kernel, its axes, its key, or a plan.

use std::collections::{BTreeMap, BTreeSet};

use engine::plan::{BufferId, Operand, Plan, PlanPoint, Role, Step};
use kernels::jit::{Axis, KernelSpec, KeyPoint, SourcePoint, SpecPoint};
use kernels::launch::{Access, find};
use kernels::seam::Seam;

/// Replaces pieces of the text of some kernels. A piece that is not there changes nothing, and a test holds that each
/// mutant of a source finds one at least.
pub(crate) fn in_source(
    kernels: &'static [&'static str],
    pieces: &'static [(&'static str, &'static str)],
) -> Seam {
    Seam::empty().with::<SourcePoint>(move |source| {
        let ours = kernels.contains(&source.kernel);
        ours && pieces.iter().fold(false, |changed, (from, to)| source.replace(from, to) || changed)
    })
}

/// Changes the axes that some kernels are compiled from, after the plan was checked.
pub(crate) fn in_spec(
    kernels: &'static [&'static str],
    change: fn(&mut BTreeMap<String, Axis>) -> bool,
) -> Seam {
    Seam::empty().with::<SpecPoint>(move |spec| {
        let spec: &mut KernelSpec = spec;
        kernels.contains(&spec.kernel.as_str()) && change(&mut spec.axes)
    })
}

/// Leaves an axis of some kernels out of their keys, the option that is made from it included.
pub(crate) fn not_in_key(kernels: &'static [&'static str], axis: &'static str) -> Seam {
    Seam::empty().with::<KeyPoint>(move |preimage| {
        if !kernels.contains(&preimage.kernel.as_str()) {
            return false;
        }
        let define = format!("-D{axis}=");
        preimage.options.retain(|option| !option.starts_with(&define));
        preimage.axes.remove(axis).is_some()
    })
}

/// Rewrites both plans.
pub(crate) fn in_plan(change: fn(&mut Plan) -> bool) -> Seam {
    Seam::empty().with::<PlanPoint>(change)
}

/// Lets everyone who reads the stage `from` of a layer read its stage `instead`. A stage that fusion left without a buffer is
/// none to read: there the plan stays as it is.
pub(crate) fn reroute(plan: &mut Plan, from: &str, instead: &str) -> bool {
    let stages = |local: &str| -> BTreeMap<Option<usize>, BufferId> {
        let buffers = plan.buffers.iter().enumerate();
        buffers
            .filter_map(|(at, buffer)| match buffer.role {
                Role::Stage(stage) if stage.local() == local => Some((stage.layer_index(), BufferId(at))),
                _ => None,
            })
            .collect()
    };
    let (from, instead) = (stages(from), stages(instead));
    let stored: BTreeSet<BufferId> = plan.steps.iter().flat_map(Step::writes).collect();
    let mut slot = plan.buffers.iter().filter_map(|buffer| buffer.slot).max().unwrap_or(0);
    let mut changed = false;
    for (layer, from) in &from {
        let Some(&instead) = instead.get(layer).filter(|id| stored.contains(id)) else { continue };
        for step in &mut plan.steps {
            changed |= reread(step, *from, instead);
        }
        // What is read later than planned, and what nobody reads any more, each get memory of their own, so that what is
        // wrong is what is computed and not where it lies.
        for id in [*from, instead] {
            if let Some(buffer) = plan.buffers.get_mut(id.0) {
                slot += 1;
                buffer.slot = Some(slot);
            }
        }
    }
    changed
}

/// Replaces a buffer that a step reads by another one.
fn reread(step: &mut Step, from: BufferId, instead: BufferId) -> bool {
    let parameters = find(&step.spec.kernel).map_or(&[][..], |kernel| kernel.parameters);
    let mut changed = false;
    for (operand, parameter) in step.arguments.iter_mut().zip(parameters) {
        if parameter.access == Access::Read && *operand == Operand::Buffer(from) {
            *operand = Operand::Buffer(instead);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use engine::Loaded;
    use engine::device::DeviceOptions;
    use engine::plan::build;
    use kernels::device::Target;
    use kernels::launch::KERNELS;
    use std::path::Path;
    use std::sync::Arc;

    use crate::mutants::MUTANTS;
    use crate::subject::Subject;

    fn zoo() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/zoo")
    }

    #[test]
    fn every_mutant_of_a_kernel_finds_what_it_rewrites() {
        let mut tried = 0;
        for mutant in MUTANTS.iter().filter(|mutant| ["source", "spec", "key"].contains(&mutant.point)) {
            let subject = Subject::new(&zoo(), (mutant.seam)());
            let clean = Subject::new(&zoo(), kernels::seam::Seam::empty());
            let (jit, plain) = (subject.keys(Target::OLDEST), clean.keys(Target::OLDEST));
            let mut changed = false;
            for spec in KERNELS.iter().flat_map(|kernel| (kernel.variants)()) {
                let (mutated, honest) = (jit.artifact(&spec).unwrap(), plain.artifact(&spec).unwrap());
                changed |= mutated.key != honest.key || mutated.ptx != honest.ptx;
            }
            assert!(changed && subject.seam().applied() > 0, "{} changes nothing", mutant.name);
            tried += 1;
        }
        assert!(tried > 10, "{tried}");
    }

    #[test]
    fn every_mutant_of_a_plan_changes_or_breaks_the_plans_of_some_model() {
        let mut tried = 0;
        for mutant in MUTANTS.iter().filter(|mutant| mutant.point == "plan") {
            let mut applied = 0;
            for model in crate::vocabulary::models(&zoo()) {
                let seam = Arc::new((mutant.seam)());
                let loaded = Loaded::open_with(&zoo().join(model), Arc::clone(&seam)).unwrap();
                let options = DeviceOptions::new(loaded.config(), loaded.activation_dtype());
                let narrow = vec![kernels::Dtype::E4M3; options.kv_dtypes.len()];
                let narrow = DeviceOptions { kv_dtypes: narrow, ..options.clone() };
                let kept = DeviceOptions { keep_stages: true, ..options.clone() };
                for options in [options, narrow, kept] {
                    // Whether the check notices is not asked here: what slips through is what runs are for.
                    let _ = build(&loaded, &options, &Target::OLDEST.limits());
                }
                applied += seam.applied();
            }
            assert!(applied > 0, "{} changes nothing", mutant.name);
            tried += 1;
        }
        assert!(tried > 4, "{tried}");
    }
}
