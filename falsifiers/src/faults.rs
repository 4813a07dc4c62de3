//! Running the cases of a kernel on the virtual device, and telling its faults apart by family.

use std::sync::Arc;

use contracts::Lane;
use kernels::device::DeviceError;
use kernels::device::simt::SimtDevice;
use simt::{Checks, Fault, FaultKind, Options};

use crate::kinds::Passed;
use crate::machine::{Machine, device_stop, jit_stop};
use crate::ops::place::{Placed, Surroundings, bound, chosen};
use crate::ops::{Draw, Group, OpCase, OpRun};
use crate::stop::{Defect, Stop};
use crate::subject::Subject;

/// The faults that one kind of falsifier looks for.
pub(crate) struct Family {
    /// The metric: how many there are.
    metric: &'static str,
    kinds: &'static [FaultKind],
    /// Every check but those of families that a fault of this one brings along, and that would be seen first: a barrier
    /// that is missing is seen when what nobody has written yet is read.
    checks: Checks,
}

/// What an access does wrong by itself.
pub(crate) static MEMORY: Family = Family {
    metric: "memory_faults",
    kinds: &[
        FaultKind::OutOfBounds,
        FaultKind::UseAfterFree,
        FaultKind::Misaligned,
        FaultKind::Uninitialised,
        FaultKind::ReadOnly,
        FaultKind::ReadOnlyCacheStale,
        FaultKind::UnfinishedCopy,
        FaultKind::Leak,
    ],
    checks: Checks::ALL,
};

/// What two accesses do wrong together.
pub(crate) static RACES: Family = Family {
    metric: "races",
    kinds: &[FaultKind::Race, FaultKind::EarlyAccess],
    checks: Checks { initialised: false, ..Checks::ALL },
};

/// What threads do wrong that wait for each other.
pub(crate) static SYNCHRONISATION: Family = Family {
    metric: "sync_faults",
    kinds: &[
        FaultKind::Mask,
        FaultKind::InactiveLane,
        FaultKind::DivergentBarrier,
        FaultKind::BarrierMisuse,
        FaultKind::Deadlock,
        FaultKind::EndlessLoop,
    ],
    checks: Checks { initialised: false, races: false, ..Checks::ALL },
};

impl Family {
    /// What a fault says about a claim of this family: a fault of another one ended the work before this one was judged.
    pub(crate) fn stop(&self, what: &str, fault: &Fault) -> Stop {
        if !self.kinds.contains(&fault.kind) {
            return Stop::Errored(format!("{what}: the device stopped for another reason, {fault}"));
        }
        let place = fault.place.as_ref().map(|place| [place.block, place.thread].concat());
        let index = place.unwrap_or_default().into_iter().map(u64::from).collect();
        let message = format!("{what}: {fault}");
        Defect { index, ..Defect::counted(self.metric, 1.0, message) }.into()
    }
}

/// The virtual device of a machine.
pub(crate) fn virtual_device(machine: &Machine, lane: Lane) -> Result<&Arc<SimtDevice>, Stop> {
    machine.simt.as_ref().ok_or_else(|| {
        Stop::Errored(format!("the device of lane {lane} sees no faults; run this claim with --device simt"))
    })
}

/// A case with its name and its inputs, those of `op_parity`.
pub(crate) fn drawn(group: &Group, case: &OpCase) -> (String, OpRun) {
    let name = format!("{}({})", group.kernel, case.name);
    let run = (case.make)(&mut Draw::new(&name));
    (name, run)
}

/// Launches one case with memory of exactly its size.
pub(crate) fn launch(
    machine: &Machine,
    lane: Lane,
    name: &str,
    run: &OpRun,
) -> Result<Result<(), DeviceError>, Stop> {
    let device = &*machine.device;
    let artifact = machine.jit.artifact(&run.spec).map_err(|error| jit_stop(&error))?;
    let function = device.load(&artifact).map_err(|error| device_stop(&error, lane))?;
    let placed = Placed::new(device, run, Surroundings::Bare).map_err(|error| device_stop(&error, lane))?;
    let launch = bound(&run.shape, run.extent, name)?;
    Ok(placed.launch(device, &function, launch, run))
}

/// Launches the cases of a group one after the other, and holds that there is no fault of a family.
pub(crate) fn watched(
    subject: &Subject,
    group: &Group,
    cases: Option<u32>,
    family: &Family,
) -> Result<Passed, Stop> {
    let lane = subject.lane();
    let machine = subject.virtual_machine(Options { checks: family.checks, ..Options::default() })?;
    let device = virtual_device(&machine, lane)?;
    for case in chosen(group, cases) {
        let before = device.faults().len();
        let (what, run) = drawn(group, case);
        let outcome = launch(&machine, lane, &what, &run)?;
        if let Some(fault) = device.faults().get(before) {
            return Err(family.stop(&what, fault));
        }
        outcome.map_err(|error| device_stop(&error, lane))?;
        if let Some(leak) = device.leaks().first() {
            return Err(family.stop(&what, leak));
        }
    }
    let counts = device.counts();
    let (launches, warps) = (counts.launches, counts.warp_instructions);
    Ok(Passed {
        elements: counts.lane_operations,
        stage: None,
        metric: format!("{} ({launches} launches, {warps} warp instructions)", family.metric),
        value: 0.0,
        limit: 0.0,
        curve: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILIES: [&Family; 3] = [&MEMORY, &RACES, &SYNCHRONISATION];

    #[test]
    fn each_kind_of_fault_is_in_one_family_at_most_and_those_left_out_are_meant_to_be() {
        // What a launch may be is for launch_limits; a trap and what is not supported say nothing of these three.
        for (kind, families) in [
            (FaultKind::OutOfBounds, 1),
            (FaultKind::Leak, 1),
            (FaultKind::Race, 1),
            (FaultKind::Deadlock, 1),
            (FaultKind::LaunchLimit, 0),
            (FaultKind::Trap, 0),
            (FaultKind::Unsupported, 0),
        ] {
            let found = FAMILIES.iter().filter(|family| family.kinds.contains(&kind)).count();
            assert_eq!(found, families, "{kind:?}");
        }
        let mut all: Vec<&str> =
            FAMILIES.iter().flat_map(|family| family.kinds).map(|kind| kind.name()).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_fault_falsifies_its_own_family_and_is_an_error_in_the_others() {
        let fault = Fault::refused(FaultKind::Race, "two stores to out[3]".to_owned());
        for family in FAMILIES {
            match family.stop("rope(rows=1)", &fault) {
                Stop::Falsified(defect) => {
                    assert_eq!((family.metric, defect.metric.as_str()), ("races", "races"));
                    assert!(defect.message.contains("rope(rows=1): race: two stores"), "{}", defect.message);
                }
                Stop::Errored(error) => {
                    assert_ne!(family.metric, "races");
                    assert!(error.contains("race: two stores"), "{error}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}
