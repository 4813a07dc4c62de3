//! Products of a prefill in the library of a device.

use std::sync::Arc;

use engine::Loaded;
use engine::device::{Chunk, DeviceModel, DeviceOptions, GraphMode, Launching, Unwatched};
use engine::models::Logits;
use engine::plan::{Phase, Plan, PlanError, PlanPoint, StepProblem};
use kernels::device::{LibraryPoint, Product};
use kernels::launch::matmul;
use kernels::seam::Seam;

use crate::double::{Double, LIBRARY, jit};
use crate::support::{extend, folder, load, open, options, prompt};

fn on(device: &Arc<Double>, loaded: &Loaded, options: DeviceOptions) -> DeviceModel {
    DeviceModel::load(loaded, Arc::clone(device) as _, &jit(Arc::clone(loaded.seam())), options).unwrap()
}

fn marked(plan: &Plan) -> usize {
    plan.steps.iter().filter(|step| step.library.is_some()).count()
}

/// The logits of a prompt.
fn prefill(model: &DeviceModel) -> Vec<f32> {
    let tokens = prompt(model.config().vocab_size, 11, 3);
    let mut session = model.session().unwrap();
    let sequence = session.add();
    extend(&mut session, Phase::Prefill, sequence, &tokens).into_iter().map(f32::from_bits).collect()
}

/// How far two runs lie apart, as a share of the first.
fn apart(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut a.iter().copied())
}

#[test]
fn products_of_a_prefill_are_the_librarys_where_there_is_one() {
    for name in ["qwen2-tiny", "micro/qwen3-dense"] {
        let loaded = open(name);
        let device = Double::with_library(1 << 30);
        let model = on(&device, &loaded, options(&loaded));
        let plan = model.plan(Phase::Prefill);
        let products = plan.steps.iter().filter(|step| step.spec.kernel == matmul::KERNEL.name).count();
        assert!(products > 7 && marked(plan) == products, "{name}: {products}");
        assert_eq!(marked(model.plan(Phase::Decode)), 0);
        assert_eq!(model.library(), Some(LIBRARY));
        assert!(plan.notes.iter().any(|note| note.contains(LIBRARY)), "{:?}", plan.notes);
        let step = plan.steps.iter().find(|step| step.library.is_some()).unwrap();
        assert!(step.computed_by().starts_with("library in place of matmul("), "{}", step.computed_by());

        let found = prefill(&model);
        assert_eq!((device.count("gemm"), device.count("launch matmul")), (products, 0), "{name}");
        let ours = load(&loaded, options(&loaded));
        assert_eq!((ours.library(), marked(ours.plan(Phase::Prefill))), (None, 0));
        let distance = apart(&prefill(&ours), &found);
        assert!(distance < 0.05, "{name}: {distance}");
        // Sums of few products can come out alike in any order.
        let same = prefill(&ours).iter().zip(&found).all(|(a, b)| a.to_bits() == b.to_bits());
        assert!(name != "qwen2-tiny" || !same, "a library that sums in another order has the same bits");
    }
}

#[test]
fn whoever_turns_it_off_gets_our_own_kernels() {
    let loaded = open("qwen2-tiny");
    let device = Double::with_library(1 << 30);
    let model = on(&device, &loaded, DeviceOptions { library: false, ..options(&loaded) });
    let ours = prefill(&load(&loaded, options(&loaded)));
    assert_eq!(prefill(&model), ours);
    assert_eq!((device.count("gemm"), model.library()), (0, None));
    // Where it is on and there is none, the plan says so.
    let without = load(&loaded, options(&loaded));
    let notes = &without.plan(Phase::Prefill).notes;
    assert!(notes.iter().any(|note| note.contains("no product is computed by a library")), "{notes:?}");
}

#[test]
fn a_model_that_tensor_cores_do_not_take_asks_no_library() {
    let loaded = Loaded::open(&folder("micro/llama-7q-1kv")).unwrap();
    let device = Double::with_library(1 << 30);
    let model = on(&device, &loaded, options(&loaded));
    let products = model.plan(Phase::Prefill).steps.iter();
    let products = products.filter(|step| step.spec.kernel == matmul::KERNEL.name).count();
    assert_eq!(marked(model.plan(Phase::Prefill)), products);
    assert_eq!(model.library().is_some(), products > 0);
}

#[test]
fn what_a_mutant_asks_of_it_is_computed() {
    let clean = prefill(&load(&open("qwen2-tiny"), options(&open("qwen2-tiny"))));
    for transposed in [true, false] {
        let seam = Seam::empty().with::<LibraryPoint>(move |gemm| {
            if transposed {
                (gemm.transpose_a, gemm.lda) = (false, gemm.m);
            } else {
                gemm.accumulate = true;
            }
            true
        });
        let loaded = Loaded::open_with(&folder("qwen2-tiny"), Arc::new(seam)).unwrap();
        let device = Double::with_library(1 << 30);
        let model = on(&device, &loaded, options(&loaded));
        let tokens = prompt(model.config().vocab_size, 11, 3);
        let mut session = model.session().unwrap();
        let chunk = Chunk { sequence: session.add(), tokens: &tokens };
        let logits = session.run(Phase::Prefill, &[chunk], Logits::All, &mut Unwatched).unwrap();
        let found: Vec<f32> = logits.values.wide(0..logits.values.len()).iter().map(|x| *x as f32).collect();
        let distance = apart(&clean, &found);
        // NaN, from memory that nobody wrote, is as far away as can be.
        assert!(!(distance < 0.5), "{distance}");
        assert!(loaded.seam().applied() > 0);
    }
}

/// Loads a model with a rewrite of its plans.
fn rewritten(change: fn(&mut Plan) -> bool) -> Result<DeviceModel, engine::EngineError> {
    let seam = Arc::new(Seam::empty().with::<PlanPoint>(change));
    let loaded = Loaded::open_with(&folder("qwen2-tiny"), Arc::clone(&seam)).unwrap();
    let options = DeviceOptions { graph: GraphMode::On, fusion: false, ..options(&loaded) };
    DeviceModel::load(&loaded, Double::with_library(1 << 30), &jit(seam), options)
}

#[test]
fn a_graph_of_a_library_step_is_refused_and_its_steps_are_launched() {
    let model = rewritten(|plan| {
        let Some(step) = plan.steps.iter_mut().find(|step| step.spec.kernel == "matvec") else {
            return false;
        };
        step.spec.kernel = matmul::KERNEL.name.to_owned();
        step.shape = matmul::shape(kernels::launch::Expr::Tokens, 256);
        step.library = Product::of(&step.spec);
        step.library.is_some()
    })
    .unwrap();
    let launching = model.launching(1).unwrap();
    assert!(
        matches!(&launching, Launching::FellBack { because } if because.contains("no kernel node of a graph")),
        "{launching:?}"
    );
}

#[test]
fn a_mark_that_is_not_what_the_kernel_computes_is_refused() {
    let problem = |change| match rewritten(change) {
        Err(engine::EngineError::Plan(PlanError::Step { problem, .. })) => *problem,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was not refused"),
    };
    let other = problem(|plan| {
        let marked = plan.steps.iter_mut().find_map(|step| step.library.as_mut());
        marked.map(|product| product.in_features += 1).is_some()
    });
    assert!(matches!(&other, StepProblem::Library { .. }), "{other}");
    let none = problem(|plan| {
        let product = plan.steps.iter().find_map(|step| step.library);
        let step = plan.steps.iter_mut().find(|step| step.spec.kernel == "rmsnorm");
        step.map(|step| step.library = product).is_some() && product.is_some()
    });
    assert!(matches!(&none, StepProblem::Library { expected, .. } if expected == "none"), "{none}");
}
