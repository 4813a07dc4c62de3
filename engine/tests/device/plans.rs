//! Plans of the zoo: built without a device.

use std::collections::BTreeSet;

use engine::Loaded;
use engine::device::DeviceOptions;
use engine::plan::{PlanError, StepProblem, build};
use engine::trace::Recorder;
use kernels::Arithmetic;
use kernels::device::Target;

use crate::support::{models, open, options};

#[test]
fn every_model_has_both_plans_for_every_target_and_they_cover_what_the_reference_announces() {
    for path in models() {
        let loaded = Loaded::open(&path).unwrap();
        let mut recorder = Recorder::all();
        loaded.reference(Arithmetic::F32).unwrap().prefill(&[1, 2, 3], &mut recorder).unwrap();
        let announced: BTreeSet<String> = recorder.stages.iter().map(|s| s.name.to_string()).collect();
        for target in Target::ALL {
            for fusion in [false, true] {
                let options = DeviceOptions { fusion, ..options(&loaded) };
                for plan in build(&loaded, &options, &target.limits()).unwrap() {
                    let mut stages: BTreeSet<String> = plan.measured().map(|s| s.to_string()).collect();
                    let fused: Vec<String> = plan.fused().iter().map(|(s, _)| s.to_string()).collect();
                    assert!(fused.iter().all(|stage| !stages.contains(stage)));
                    stages.extend(fused);
                    assert_eq!(stages, announced, "{} {}", path.display(), plan.phase);
                    assert!(plan.notes.iter().all(|note| !note.is_empty()));
                }
            }
        }
    }
}

#[test]
fn a_decode_batch_beyond_the_second_axis_of_a_grid_is_refused() {
    let loaded = open("qwen2-tiny");
    let limits = Target::new(9, 0).limits();
    let wide = |max_batch| DeviceOptions { max_batch, max_tokens: 65_537, max_kv: 16, ..options(&loaded) };
    build(&loaded, &wide(65_535), &limits).unwrap();
    let error = build(&loaded, &wide(65_536), &limits).unwrap_err();
    let engine::EngineError::Plan(PlanError::Step { problem, .. }) = error else { panic!("{error}") };
    let StepProblem::Limit { what, found, limit, .. } = *problem else { panic!("{problem}") };
    assert_eq!((what.starts_with("grid "), found, limit), (true, 65_536, 65_535));
}
