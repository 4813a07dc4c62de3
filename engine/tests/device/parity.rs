//! Every stage of every model: the double against the reference.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Loaded;
use engine::device::{Chunk, DeviceModel, DeviceOptions, MetadataPoint};
use engine::models::Logits;
use engine::plan::{BufferId, Operand, Phase, PlanPoint};
use engine::trace::{Recorder, Tensor};
use kernels::Arithmetic;
use kernels::arithmetic::SUMMATION_ORDERS;
use kernels::jit::{Axis, SpecPoint};
use kernels::seam::Seam;

use crate::support::{folder, load, open, options, played, prompt, watch_all};

/// Stages by their names.
type Stages = BTreeMap<String, Tensor>;

fn reference(loaded: &Loaded, arithmetic: Arithmetic, tokens: &[u32]) -> Stages {
    let mut recorder = Recorder::all();
    loaded.reference(arithmetic).unwrap().prefill(tokens, &mut recorder).unwrap();
    recorder.stages.into_iter().map(|stage| (stage.name.to_string(), stage.tensor)).collect()
}

/// The largest relative error of some rows; NaN where there is one.
fn worst(truth: &Tensor, from: usize, found: &Tensor, found_from: usize, rows: usize) -> f64 {
    assert!(rows > 0 && truth.row_len() == found.row_len() && truth.row_len() > 0);
    assert!(truth.rows() >= from + rows && found.rows() >= found_from + rows);
    let errors = (0..rows).map(|row| {
        let truth = truth.row(from + row);
        let found = found.row(found_from + row);
        let error: f64 = truth.iter().zip(found).map(|(a, b)| (a - b).powi(2)).sum();
        (error / truth.iter().map(|a| a * a).sum::<f64>()).sqrt()
    });
    errors.fold(0.0, |worst: f64, error| if error > worst || error.is_nan() { error } else { worst })
}

/// Runs a prefill and then decodes one token after the other; the stages of both.
fn device(model: &DeviceModel, tokens: &[u32], prefill: usize) -> [Stages; 2] {
    let mut session = model.session().unwrap();
    let sequence = session.add();
    let mut run = |phase, tokens: &[u32]| {
        let mut watch = watch_all();
        session.run(phase, &[Chunk { sequence, tokens }], Logits::All, &mut watch).unwrap();
        watch.stages()
    };
    let first = run(Phase::Prefill, &tokens[..prefill]);
    let mut decoded = Stages::new();
    for token in tokens[prefill..].chunks(1) {
        for (name, tensor) in run(Phase::Decode, token) {
            match decoded.get_mut(&name) {
                None => drop(decoded.insert(name, tensor)),
                Some(all) => {
                    let (kernels::real::Values::F32(values), kernels::real::Values::F32(more)) =
                        (&mut all.values, tensor.values)
                    else {
                        panic!("not f32");
                    };
                    values.extend(more);
                    all.shape[0] += 1;
                }
            }
        }
    }
    [first, decoded]
}

/// A model's truth, and how far honest runs are from it.
struct Bounds {
    tokens: Vec<u32>,
    truth: Stages,
    honest: Vec<Stages>,
}

/// Tokens of the prefill; the others are decoded.
const PREFILL: usize = 13;

impl Bounds {
    fn of(loaded: &Loaded) -> Self {
        let tokens = prompt(loaded.config().vocab_size, PREFILL + 4, 7);
        let truth = reference(loaded, Arithmetic::F64, &tokens);
        let orders = 0..SUMMATION_ORDERS;
        let honest = orders.map(|order| reference(loaded, loaded.declared(order), &tokens)).collect();
        Self { tokens, truth, honest }
    }

    /// How many stages were compared, and how near the worst came to its limit; or the first that is beyond it.
    fn compare(&self, model: &DeviceModel) -> Result<(usize, f64), String> {
        let Self { tokens, truth, honest } = self;
        let parts = [(0, PREFILL, Phase::Prefill), (PREFILL, tokens.len() - PREFILL, Phase::Decode)];
        let (mut compared, mut closest): (usize, f64) = (0, 0.0);
        for (stages, (from, rows, phase)) in device(model, tokens, PREFILL).into_iter().zip(parts) {
            let plan = model.plan(phase);
            let measured: Vec<String> = plan.measured().map(|stage| stage.to_string()).collect();
            assert_eq!((stages.len(), measured.len() + plan.fused().len()), (measured.len(), truth.len()));
            for name in measured {
                let truth = &truth[&name];
                let spread =
                    honest.iter().map(|run| worst(truth, from, &run[&name], from, rows)).fold(0.0, f64::max);
                let error = worst(truth, from, &stages[&name], 0, rows);
                let limit = (4.0 * spread).max(model.activation().epsilon());
                if !(error <= limit) {
                    return Err(format!("{phase} {name}: {error:e} > {limit:e}"));
                }
                closest = closest.max(error / limit);
                compared += 1;
            }
        }
        Ok((compared, closest))
    }
}

#[test]
fn every_stage_stays_within_four_times_the_spread_of_honest_runs() {
    let (mut compared, mut closest): (usize, f64) = (0, 0.0);
    for path in played() {
        let loaded = Loaded::open(&path).unwrap();
        let bounds = Bounds::of(&loaded);
        for fusion in [false, true] {
            let model = load(&loaded, DeviceOptions { fusion, ..options(&loaded) });
            let (stages, near) =
                bounds.compare(&model).unwrap_or_else(|worst| panic!("{}: {worst}", path.display()));
            compared += stages;
            closest = closest.max(near);
        }
    }
    println!("{compared} stages compared; the worst is at {closest:.2} of its limit");
    assert!(compared > 1000);
}

/// Lets every step that reads `from` read `to` instead.
fn rewire(from: &'static str, to: &'static str) -> Arc<Seam> {
    Arc::new(Seam::empty().with::<PlanPoint>(move |plan| {
        let find = |suffix: &str| plan.buffers.iter().position(|b| b.name.ends_with(suffix)).map(BufferId);
        let (Some(from), Some(to)) = (find(from), find(to)) else { return false };
        let mut changed = false;
        for step in &mut plan.steps {
            let reads: Vec<BufferId> = step.reads().collect();
            for operand in &mut step.arguments {
                if *operand == Operand::Buffer(from) && reads.contains(&from) {
                    *operand = Operand::Buffer(to);
                    changed = true;
                }
            }
        }
        // What is read for longer now needs memory for longer.
        for (slot, buffer) in plan.buffers.iter_mut().filter(|b| b.slot.is_some()).enumerate() {
            buffer.slot = Some(slot);
        }
        changed
    }))
}

#[test]
fn a_plan_that_leaves_something_out_is_seen_at_the_first_stage_that_misses_it() {
    let spec = |kernel: &'static str, axis: &'static str, value: Axis| {
        Arc::new(Seam::empty().with::<SpecPoint>(move |spec| {
            spec.kernel == kernel && spec.axes.insert(axis.to_owned(), value) != Some(value)
        }))
    };
    let shifted = Arc::new(Seam::empty().with::<MetadataPoint>(|metadata| {
        metadata.phase == Phase::Decode && {
            metadata.positions.iter_mut().for_each(|position| *position += 1);
            true
        }
    }));
    let cases = [
        ("qwen2-tiny", rewire("q_proj", "q_matmul"), "prefill model.layers.0.self_attn.q_rope"),
        ("qwen2-tiny", rewire("k_proj", "k_matmul"), "prefill model.layers.0.self_attn.k_rope"),
        ("qwen2-tiny", rewire("v_proj", "v_matmul"), "prefill model.layers.0.self_attn.context"),
        ("micro/qwen3-dense", rewire("k_norm", "k_proj"), "prefill model.layers.0.self_attn.k_rope"),
        (
            "micro/qwen2-window",
            spec("attention_split", "WINDOW", Axis::Int(0)),
            "decode model.layers.1.self_attn.context",
        ),
        (
            "qwen2-tiny",
            spec("attention_flash", "SCALE", Axis::Float(0.2)),
            "prefill model.layers.0.self_attn.context",
        ),
        ("llama-tiny", spec("rmsnorm", "EPS", Axis::Float(0.1)), "prefill model.layers.0.input_layernorm"),
        ("llama-tiny", shifted, "decode model.layers.0.self_attn.q_rope"),
    ];
    for (name, seam, expected) in cases {
        let loaded = Loaded::open_with(&folder(name), Arc::clone(&seam)).unwrap();
        let model = load(&loaded, DeviceOptions { fusion: false, ..options(&loaded) });
        let worst = Bounds::of(&open(name)).compare(&model).unwrap_err();
        assert!(seam.applied() > 0, "{name}: {expected} was never planted");
        assert!(worst.starts_with(&format!("{expected}: ")), "{name}: {worst}, not {expected}");
    }
}
