//! `launch_limits`: every launch of a plan is one that every target takes.

use std::sync::Arc;

use contracts::kinds::LaunchLimits;
use engine::device::DeviceOptions;
use engine::plan::{Plan, build};
use kernels::device::simt::properties;
use kernels::device::{Argument, Buffer, DeviceError, Function, Target};
use kernels::launch::{Access, find};
use simt::{Limits, Options};

use super::plan_checks::{extents, sizes, wrong};
use super::{Case, Passed, none_found};
use crate::faults::virtual_device;
use crate::machine::{Machine, device_stop, jit_stop};
use crate::on_device::failed;
use crate::ops::place::bound;
use crate::stop::Stop;
use crate::subject::Subject;

pub(super) fn cases(parameters: &LaunchLimits) -> Vec<Case<'_>> {
    let mut cases = Vec::new();
    for model in parameters.model.names() {
        for &target in Target::ALL {
            cases.push(Case {
                id: format!("launch_limits(model={model},target={target})"),
                attempt: Box::new(move |subject| attempt(subject, model, target)),
            });
        }
    }
    cases
}

fn attempt(subject: &Subject, model: &str, target: Target) -> Result<Passed, Stop> {
    let loaded = subject.loaded(model)?;
    let options = Options { limits: Limits::of(target.major, target.minor), ..Options::default() };
    let limits = properties(&options).limits;
    let machine = subject.virtual_machine(options)?;
    let mut launches = 0;
    for options in sizes(&loaded) {
        for plan in build(&loaded, &options, &limits).map_err(failed(subject))? {
            let what = format!("the {} plan of {model} for {target}", plan.phase);
            launches += of_plan(subject, &machine, (&plan, &options), &what)?;
        }
    }
    match launches {
        0 => Err(Stop::Vacuous(evidence::Vacuity::NoElements)),
        launches => Ok(none_found(launches, "refused_launches")),
    }
}

/// Loads the kernels of a plan, has every launch checked, and counts them.
fn of_plan(
    subject: &Subject,
    machine: &Arc<Machine>,
    (plan, options): (&Plan, &DeviceOptions),
    what: &str,
) -> Result<u64, Stop> {
    let lane = subject.lane();
    let device = virtual_device(machine, lane)?;
    let specs: Vec<_> = plan.steps.iter().map(|step| step.spec.clone()).collect();
    machine.jit.prewarm(&specs, &|_, _| ()).map_err(|error| jit_stop(&error))?;
    let mut launches = 0;
    for step in &plan.steps {
        let artifact = machine.jit.artifact(&step.spec).map_err(|error| jit_stop(&error))?;
        let function = machine.device.load(&artifact).map_err(|error| device_stop(&error, lane))?;
        // What is passed is for whoever runs it; how much is passed is checked here.
        let memory = machine.device.allocate("argument", 256).map_err(|error| device_stop(&error, lane))?;
        for extent in extents(options, plan.phase) {
            let launch = bound(&step.shape, extent, &step.name())?;
            device.check_launch(&function, launch, &arguments(&function, &memory)).map_err(|error| {
                match error {
                    DeviceError::Launch { problem, .. } => {
                        wrong("refused_launches", format!("{what}: step {}: {problem}", step.name()))
                    }
                    other => device_stop(&other, lane),
                }
            })?;
            launches += 1;
        }
    }
    Ok(launches)
}

/// As many as the registry says that a kernel has, each of its size.
fn arguments<'b>(function: &Function, memory: &'b Buffer) -> Vec<Argument<'b>> {
    let parameters = find(&function.kernel).map_or(&[][..], |kernel| kernel.parameters);
    let each = parameters.iter().map(|parameter| match parameter.access {
        Access::U32 => Argument::U32(1),
        Access::F32 => Argument::F32(1.0),
        Access::Read | Access::Write | Access::Update => Argument::Buffer(memory, 0),
    });
    each.collect()
}
