//! The scales of pages of E4M3: where they come from, who is passed them, and what is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::device::{DeviceModel, DeviceOptions};
use engine::plan::{Operand, PageScaleProblem, Phase, Plan};
use engine::weights::WeightsError;
use engine::{EngineError, Loaded};
use kernels::Dtype;
use kernels::seam::Seam;
use safetensors::{Dtype as Stored, SafeTensors, tensor::TensorView};

use crate::double::{Double, jit};
use crate::support::{extend, folder, load, open, options, prompt};

const HEADS: &str = "micro/llama-kv-scales";
const LATENTS: &str = "micro/mistral4-kv-scales";

fn narrow(loaded: &Loaded) -> DeviceOptions {
    let kv_dtypes = vec![Dtype::E4M3; loaded.config().num_hidden_layers];
    DeviceOptions { kv_dtypes, ..options(loaded) }
}

/// The scales that each step over pages is passed, with the buffer of the pages.
fn passed(plan: &Plan) -> Vec<(String, Vec<f32>)> {
    let steps = plan.steps.iter().filter_map(|step| {
        let scales: Vec<f32> = step
            .arguments
            .iter()
            .filter_map(|operand| if let Operand::Scale(scale) = operand { Some(*scale) } else { None })
            .collect();
        let mut pages = step.reads().filter_map(|id| plan.buffer(id)).map(|buffer| buffer.name.clone());
        let pages = pages.find(|name| name.ends_with("k_pages") || name.ends_with("latent_pages"));
        (!scales.is_empty()).then(|| (pages.unwrap(), scales))
    });
    steps.collect()
}

type Tensors = BTreeMap<String, (Stored, Vec<usize>, Vec<u8>)>;

/// A model of the zoo with other tensors.
fn with(model: &str, change: impl FnOnce(&mut Tensors)) -> (tempfile::TempDir, Loaded) {
    let (source, copy) = (folder(model), tempfile::tempdir().unwrap());
    std::fs::copy(source.join("config.json"), copy.path().join("config.json")).unwrap();
    let bytes = std::fs::read(source.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let own = |(name, view): (String, TensorView<'_>)| {
        (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
    };
    let mut tensors: Tensors = file.tensors().into_iter().map(own).collect();
    change(&mut tensors);
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        (name.as_str(), TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    let bytes = safetensors::serialize(views, None).unwrap();
    std::fs::write(copy.path().join("model.safetensors"), bytes).unwrap();
    let loaded = Loaded::open(copy.path()).unwrap();
    (copy, loaded)
}

fn f32s(shape: &[usize], values: &[f32]) -> (Stored, Vec<usize>, Vec<u8>) {
    (Stored::F32, shape.to_vec(), values.iter().flat_map(|value| value.to_le_bytes()).collect())
}

const K: &str = "model.layers.1.self_attn.k_scale";
const V: &str = "model.layers.1.self_attn.v_scale";

#[test]
fn every_kernel_over_pages_is_passed_the_scales_of_its_layer() {
    let loaded = open(HEADS);
    // As bfloat16 stores them.
    let expected = [vec![5.3125, 15.6875], vec![83.0, 4.3125]];
    for fusion in [true, false] {
        let model = load(&loaded, DeviceOptions { fusion, ..narrow(&loaded) });
        for phase in [Phase::Prefill, Phase::Decode] {
            let found = passed(model.plan(phase));
            // Who writes and who reads, in each layer.
            assert_eq!(found.len(), 4, "{found:?}");
            for (pages, scales) in found {
                let layer = usize::from(pages.starts_with("model.layers.1."));
                assert_eq!(scales, expected[layer], "{pages}");
            }
        }
        let consumed = &model.consumed().consumed;
        assert_eq!(consumed.iter().filter(|name| name.ends_with("_scale")).count(), 4, "{consumed:?}");
        assert!(model.consumed().ignored.is_empty());
    }
    // Pages of another format have none, and say why the tensors are left out.
    let mixed = vec![Dtype::BF16, Dtype::E4M3];
    let model = load(&loaded, DeviceOptions { kv_dtypes: mixed, ..options(&loaded) });
    for (pages, scales) in passed(model.plan(Phase::Decode)) {
        let expected = if pages.starts_with("model.layers.1.") { &expected[1][..] } else { &[1.0, 1.0] };
        assert_eq!(scales, expected, "{pages}");
    }
    let ignored = &model.consumed().ignored;
    assert!(
        ignored
            .iter()
            .all(|(name, why)| name.contains(".0.self_attn.") && why.contains("only pages of E4M3"))
    );
    assert_eq!(ignored.len(), 2);
}

#[test]
fn what_is_left_above_448_is_lost_without_scales_and_kept_with_them() {
    let tokens = prompt(43, 9, 5);
    let logits = |loaded: &Loaded, options: DeviceOptions| {
        let model = load(loaded, options);
        let mut session = model.session().unwrap();
        let sequence = session.add();
        let bits = extend(&mut session, Phase::Prefill, sequence, &tokens);
        bits.into_iter().map(f32::from_bits).collect::<Vec<f32>>()
    };
    let loaded = open(HEADS);
    let whole = logits(&loaded, options(&loaded));
    let apart = |found: &[f32]| {
        let square = |x: f32| f64::from(x * x);
        let difference: f64 = found.iter().zip(&whole).map(|(a, b)| square(a - b)).sum();
        (difference / whole.iter().map(|x| square(*x)).sum::<f64>()).sqrt()
    };
    let scaled = apart(&logits(&loaded, narrow(&loaded)));
    let (_copy, without) = with(HEADS, |tensors| tensors.retain(|name, _| !name.ends_with("_scale")));
    let lost = apart(&logits(&without, narrow(&without)));
    assert!(scaled < 0.1 && lost > 0.3, "{scaled} with scales, {lost} without");
}

#[test]
fn a_scale_is_found_under_each_of_its_names() {
    for (keys, values) in [("attn.k_scale", "attn.v_scale"), ("k_proj.k_scale", "v_proj.v_scale")] {
        let (_copy, loaded) = with(HEADS, |tensors| {
            for (from, to) in [("k_scale", keys), ("v_scale", values)] {
                for layer in 0..2 {
                    let name = |last| format!("model.layers.{layer}.self_attn.{last}");
                    let scale = tensors.remove(&name(from)).unwrap();
                    tensors.insert(name(to), scale);
                }
            }
        });
        let model = load(&loaded, narrow(&loaded));
        let expected = load(&open(HEADS), narrow(&loaded));
        assert_eq!(passed(model.plan(Phase::Decode)), passed(expected.plan(Phase::Decode)));
        // Whoever keeps no codes leaves them out.
        assert_eq!(loaded.reference(kernels::Arithmetic::F32).unwrap().consumed().ignored.len(), 4);
    }
}

fn refusal(loaded: &Loaded) -> (String, PageScaleProblem) {
    let jit = jit(Arc::new(Seam::empty()));
    match DeviceModel::load(loaded, Double::new(1 << 30), &jit, narrow(loaded)).err() {
        Some(EngineError::Weights(WeightsError::PageScale(error))) => (error.to_string(), error.problem),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_scale_that_cannot_be_used_is_refused_with_file_tensor_and_remedy() {
    for value in [0.0, -1.5, f32::NAN, f32::INFINITY] {
        let (_copy, loaded) = with(HEADS, |tensors| drop(tensors.insert(V.to_owned(), f32s(&[], &[value]))));
        let (said, problem) = refusal(&loaded);
        assert!(matches!(problem, PageScaleProblem::Value(found) if found.to_bits() == value.to_bits()));
        let parts = ["model.safetensors", V, &format!("is {value}"), "leave it out"];
        assert!(parts.iter().all(|part| said.contains(part)), "{said}");
    }
    let (_copy, loaded) = with(HEADS, |tensors| drop(tensors.insert(K.to_owned(), f32s(&[2], &[1.0, 1.0]))));
    let (said, problem) = refusal(&loaded);
    assert_eq!(problem, PageScaleProblem::Shape(vec![2]));
    assert!(said.contains(K) && said.contains("[2]") && said.contains("shape [] or [1]"), "{said}");

    let (_copy, loaded) = with(HEADS, |tensors| drop(tensors.remove(V)));
    assert_eq!(refusal(&loaded).1, PageScaleProblem::Alone(V.to_owned()));
    let (_copy, loaded) = with(HEADS, |tensors| drop(tensors.remove(K)));
    assert_eq!(refusal(&loaded).1, PageScaleProblem::Alone(K.to_owned()));

    let other = "model.layers.1.self_attn.k_proj.k_scale";
    let (_copy, loaded) = with(HEADS, |tensors| drop(tensors.insert(other.to_owned(), f32s(&[1], &[2.0]))));
    let (said, problem) = refusal(&loaded);
    assert_eq!(problem, PageScaleProblem::Twice(other.to_owned()));
    assert!(said.contains(K) && said.contains(other), "{said}");
    // Where no page is E4M3 nobody asks.
    load(&loaded, options(&loaded));
}

#[test]
fn a_row_of_latents_has_the_scale_of_keys_alone() {
    let scales = |loaded: &Loaded| {
        let limits = kernels::device::Target::new(9, 0).limits();
        let plans = engine::plan::build(loaded, &narrow(loaded), &limits).unwrap();
        plans.map(|plan| passed(&plan).into_iter().map(|(_, scales)| scales).collect::<Vec<_>>())
    };
    let expected = vec![vec![13.6875], vec![13.6875], vec![888.0], vec![888.0]];
    assert_eq!(scales(&open(LATENTS)), [expected.clone(), expected.clone()]);
    let (_copy, loaded) = with(LATENTS, |tensors| {
        let value = ("model.layers.0.self_attn.attn.v_scale".to_owned(), f32s(&[], &[-3.0]));
        tensors.extend([value]);
    });
    assert_eq!(scales(&loaded), [expected.clone(), expected]);
}
