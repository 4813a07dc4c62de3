//! Faults that are planted at the seam of a model on a device.

use std::sync::Arc;

use engine::device::{Chunk, DeviceModel, MetadataPoint, PoolPoint, PoolValue, Unwatched};
use engine::models::Logits;
use engine::plan::{Input, Phase, PlanError, PlanPoint, Role, StepProblem};
use engine::weights::{WeightsPoint, WeightsValue};
use engine::{EngineError, Loaded};
use kernels::Dtype;
use kernels::launch::Expr;
use kernels::seam::Seam;

use crate::double::{Double, jit};
use crate::support::{extend, folder, load, open, options, prompt};

fn mutated(name: &str, seam: Seam) -> Loaded {
    Loaded::open_with(&folder(name), Arc::new(seam)).unwrap()
}

/// The logits of two chunks of one sequence.
fn two_chunks(model: &DeviceModel) -> [Vec<u32>; 2] {
    let tokens = prompt(model.config().vocab_size, 14, 81);
    let mut session = model.session().unwrap();
    let sequence = session.add();
    [&tokens[..6], &tokens[6..]].map(|tokens| extend(&mut session, Phase::Prefill, sequence, tokens))
}

#[test]
fn a_second_chunk_that_sees_only_itself_differs() {
    let clean = two_chunks(&load(&open("qwen2-tiny"), options(&open("qwen2-tiny"))));
    let forgetful = Seam::empty().with::<MetadataPoint>(|metadata| {
        let forgets = metadata.phase == Phase::Prefill && metadata.past[0] > 0;
        if forgets {
            metadata.kv_len[0] -= i32::try_from(metadata.past[0]).unwrap();
        }
        forgets
    });
    let loaded = mutated("qwen2-tiny", forgetful);
    let [first, second] = two_chunks(&load(&loaded, options(&loaded)));
    assert_eq!((loaded.seam().applied(), &first), (1, &clean[0]));
    assert_ne!(second, clean[1]);
}

#[test]
fn inputs_that_would_lead_out_of_a_buffer_are_refused() {
    let wild = Seam::empty().with::<MetadataPoint>(|metadata| {
        metadata.slot_mapping[0] = i32::MAX;
        true
    });
    let loaded = mutated("micro/llama-mha", wild);
    let model = load(&loaded, options(&loaded));
    let mut session = model.session().unwrap();
    let chunk = Chunk { sequence: session.add(), tokens: &[1, 2] };
    let error = session.run(Phase::Prefill, &[chunk], Logits::All, &mut Unwatched).unwrap_err();
    assert!(
        matches!(&error, EngineError::Plan(PlanError::Input { input: Input::SlotMapping, .. })),
        "{error}"
    );
    assert_eq!((session.len(chunk.sequence), model.free_pages()), (0, model.layout().num_pages));
}

#[test]
fn a_prefix_that_shares_too_much_is_overwritten() {
    let donor_after = |seam: Seam| {
        let loaded = mutated("qwen2-tiny", seam);
        let model = load(&loaded, options(&loaded));
        let mut session = model.session().unwrap();
        let donor = session.add();
        extend(&mut session, Phase::Prefill, donor, &prompt(1024, 6, 91));
        let adopted = session.adopt(donor, 5).unwrap();
        extend(&mut session, Phase::Prefill, adopted, &prompt(1024, 4, 92));
        extend(&mut session, Phase::Decode, donor, &[9])
    };
    let greedy = Seam::empty().with::<PoolPoint>(|value| match value {
        PoolValue::Adopt { shared_tokens, tokens } => {
            let fewer = **shared_tokens < *tokens;
            **shared_tokens = *tokens;
            fewer
        }
        PoolValue::Layout(_) => false,
    });
    assert_ne!(donor_after(greedy), donor_after(Seam::empty()));
}

#[test]
fn pages_that_fall_back_to_another_dtype_are_reported_as_what_they_are() {
    let fallback = Seam::empty().with::<PoolPoint>(|value| match value {
        PoolValue::Layout(layout) => {
            layout.dtypes.fill(Dtype::E4M3);
            true
        }
        PoolValue::Adopt { .. } => false,
    });
    let loaded = mutated("qwen2-tiny", fallback);
    let model = load(&loaded, options(&loaded));
    assert_eq!(
        (model.layout().dtypes.as_slice(), &model.options().kv_dtypes),
        ([Dtype::E4M3; 3].as_slice(), &vec![Dtype::BF16; 3])
    );
    let clean = load(&open("qwen2-tiny"), options(&open("qwen2-tiny")));
    assert_ne!(two_chunks(&model), two_chunks(&clean));
}

#[test]
fn a_layout_that_was_broken_is_refused() {
    let broken = Seam::empty().with::<PoolPoint>(|value| match value {
        PoolValue::Layout(layout) => layout.dtypes.pop().is_some(),
        PoolValue::Adopt { .. } => false,
    });
    let loaded = mutated("qwen2-tiny", broken);
    let error =
        DeviceModel::load(&loaded, Double::new(1 << 30), &jit(Arc::new(Seam::empty())), options(&loaded));
    assert!(matches!(error.err(), Some(EngineError::Pool(_))));
}

#[test]
fn a_plan_that_was_broken_is_refused_before_anything_is_allocated() {
    let wide = Seam::empty().with::<PlanPoint>(|plan| {
        plan.steps.iter_mut().any(|step| {
            let found = step.spec.kernel == "norm_qkv_bias_matvec";
            if found {
                step.shape.grid[1] = Expr::Const(65_536);
            }
            found
        })
    });
    let loaded = mutated("qwen2-tiny", wide);
    let device = Double::new(1 << 30);
    let jit = jit(Arc::new(Seam::empty()));
    let error =
        DeviceModel::load(&loaded, Arc::<Double>::clone(&device), &jit, options(&loaded)).err().unwrap();
    let EngineError::Plan(PlanError::Step { step, problem, .. }) = error else { panic!("{error}") };
    let StepProblem::Limit { found, .. } = *problem else { panic!("{problem}") };
    assert_eq!((step.as_str(), found), ("model.layers.0.self_attn.v_proj", 65_536));
    assert_eq!((device.count("allocate"), device.count("launch")), (0, 0));
}

#[test]
fn rewritten_weights_reach_the_device_under_the_names_they_are_used_by() {
    let seam = Seam::empty().with::<WeightsPoint>(|value| match value {
        WeightsValue::Tensor { name: "lm_head.weight", values, .. } => values.map(|_, _| 0.0),
        _ => false,
    });
    // The head is tied to the table, and only the head is zero.
    let loaded = mutated("qwen2-tiny", seam);
    let model = load(&loaded, options(&loaded));
    let own = |model: &DeviceModel| {
        let plan = model.plan(Phase::Prefill);
        plan.buffers.iter().any(|b| b.role == Role::Weight && b.name == "lm_head.weight")
    };
    let logits = two_chunks(&model).concat();
    assert!(own(&model) && logits.iter().all(|bits| bits << 1 == 0));
    let clean = load(&open("qwen2-tiny"), options(&open("qwen2-tiny")));
    assert!(!own(&clean) && two_chunks(&clean).concat().iter().any(|bits| bits << 1 != 0));
    assert_eq!(model.consumed(), clean.consumed());
}
