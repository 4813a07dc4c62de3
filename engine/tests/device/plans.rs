//! Plans of the zoo: built without a device.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::Loaded;
use engine::bench::synthetic;
use engine::device::DeviceOptions;
use engine::plan::{PlanError, StepProblem, build};
use engine::stage::StageName;
use engine::trace::Recorder;
use kernels::Arithmetic;
use kernels::device::{Limits, Target};
use kernels::launch::find;
use kernels::seam::Seam;

use crate::support::{models, open, options};

#[test]
fn every_model_has_both_plans_for_every_target_and_they_cover_what_the_reference_announces() {
    for path in models() {
        let loaded = Loaded::open(&path).unwrap();
        let mut recorder = Recorder::all();
        loaded.reference(Arithmetic::F32).unwrap().prefill(&[1, 2, 3], &mut recorder).unwrap();
        let announced: BTreeSet<String> = recorder.stages.iter().map(|s| of_any_expert(s.name)).collect();
        for target in Target::ALL {
            for fusion in [false, true] {
                let options = DeviceOptions { fusion, ..options(&loaded) };
                for plan in build(&loaded, &options, &target.limits()).unwrap() {
                    let mut stages: BTreeSet<String> = plan.measured().map(of_any_expert).collect();
                    let fused: Vec<String> = plan.fused().iter().map(|(s, _)| of_any_expert(*s)).collect();
                    assert!(fused.iter().all(|stage| !stages.contains(stage)));
                    stages.extend(fused);
                    assert_eq!(stages, announced, "{} {}", path.display(), plan.phase);
                    assert!(plan.notes.iter().all(|note| !note.is_empty()));
                }
            }
        }
    }
}

/// A stage without the number of its expert: a plan covers all of them, and the reference announces those that tokens were
/// sent to.
fn of_any_expert(stage: StageName) -> String {
    match (stage.layer_index(), stage.expert_index()) {
        (Some(layer), Some(_)) => format!("model.layers.{layer}.{}", stage.local()),
        _ => stage.to_string(),
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

#[test]
fn prefill_attends_by_products_of_warpgroups_where_a_device_has_some() {
    let attends = |name: &str, limits: &Limits, change: &dyn Fn(DeviceOptions) -> DeviceOptions| {
        let loaded = synthetic::find(name).unwrap().open(0, Arc::new(Seam::empty())).unwrap();
        let options = change(DeviceOptions::new(loaded.config(), loaded.activation_dtype()));
        let [prefill, _] = build(&loaded, &options, limits).unwrap();
        let kernels: BTreeSet<String> = prefill
            .steps
            .iter()
            .map(|step| step.spec.kernel.clone())
            .filter(|kernel| find(kernel).unwrap().op == "attention")
            .collect();
        (kernels.into_iter().collect::<Vec<_>>().join(" "), prefill.notes.join("; "))
    };
    let as_it_is = |options: DeviceOptions| options;
    let limits = Target::new(9, 0).limits();
    let without = Limits { warpgroup_products: false, ..limits };
    // Heads of 64 and of 128 features.
    for name in ["qwen2.5-0.5b", "qwen2.5-7b"] {
        assert_eq!(attends(name, &limits, &as_it_is).0, "attention_wgmma", "{name}");
        let off = |options| DeviceOptions { warpgroups: false, ..options };
        for (kernel, notes) in [attends(name, &limits, &off), attends(name, &without, &as_it_is)] {
            // What was not asked for, and what a device does not have, is not missed.
            assert_eq!(
                (kernel.as_str(), notes.contains("attention_wgmma")),
                ("attention_flash", false),
                "{name}"
            );
        }
        let pages = |options| DeviceOptions { page_size: 5, ..options };
        let (kernel, notes) = attends(name, &limits, &pages);
        assert_eq!(kernel, "attention_flash", "{name}");
        assert!(notes.contains("in the place of attention_wgmma: a page of 5 tokens"), "{notes}");
    }
}
