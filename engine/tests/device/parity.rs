//! Every stage of every model: the double against the reference.

use std::collections::BTreeMap;

use engine::Loaded;
use engine::device::{Chunk, DeviceModel};
use engine::models::Logits;
use engine::plan::Phase;
use engine::trace::{Recorder, Tensor};
use kernels::Arithmetic;
use kernels::arithmetic::SUMMATION_ORDERS;

use crate::support::{load, models, options, prompt, watch_all};

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

#[test]
fn every_stage_stays_within_four_times_the_spread_of_honest_runs() {
    let mut compared = 0;
    let mut closest: f64 = 0.0;
    for path in models() {
        let loaded = Loaded::open(&path).unwrap();
        let tokens = prompt(loaded.config().vocab_size, 17, 7);
        let prefill = 13;
        let truth = reference(&loaded, Arithmetic::F64, &tokens);
        let honest: Vec<Stages> =
            (0..SUMMATION_ORDERS).map(|order| reference(&loaded, loaded.declared(order), &tokens)).collect();
        let model = load(&loaded, options(&loaded));
        let parts = [(0, prefill, Phase::Prefill), (prefill, tokens.len() - prefill, Phase::Decode)];
        for (stages, (from, rows, phase)) in device(&model, &tokens, prefill).into_iter().zip(parts) {
            let plan = model.plan(phase);
            let measured: Vec<String> = plan.measured().map(|stage| stage.to_string()).collect();
            assert_eq!(stages.keys().collect::<Vec<_>>(), {
                let mut sorted: Vec<&String> = measured.iter().collect();
                sorted.sort();
                sorted
            });
            assert_eq!(measured.len() + plan.fused().len(), truth.len());
            for (name, found) in stages {
                let truth = &truth[&name];
                let spread =
                    honest.iter().map(|run| worst(truth, from, &run[&name], from, rows)).fold(0.0, f64::max);
                let error = worst(truth, from, &found, 0, rows);
                let limit = (4.0 * spread).max(model.activation().epsilon());
                assert!(error <= limit, "{} {phase} {name}: {error:e} > {limit:e}", path.display());
                closest = closest.max(error / limit);
                compared += 1;
            }
        }
    }
    println!("{compared} stages compared; the worst is at {closest:.2} of its limit");
    assert!(compared > 500);
}
