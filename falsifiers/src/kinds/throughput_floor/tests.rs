//! Verdicts become outcomes, and mutants are seen.

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use contracts::Lane;
use contracts::kinds::SyntheticName;
use engine::Loaded;
use engine::bench::Clock;
use engine::device::{DeviceModel, DeviceOptions};
use engine::plan::Phase;
use engine::weights::WeightsPoint;
use kernels::seam::Seam;

use super::*;
use crate::machine::Machine;
use crate::mutants;
use crate::parity::options;

fn parameters(at_least: f64) -> ThroughputFloor {
    ThroughputFloor {
        synthetic: SyntheticName::Qwen2p5Seven,
        phase: PhaseName::Decode,
        at_least,
        because: "test".to_owned(),
    }
}

#[test]
fn every_shape_of_a_contract_is_one_of_the_engine() {
    assert_eq!(SyntheticName::ALL.len(), synthetic::SYNTHETIC.len());
    for name in SyntheticName::ALL {
        assert!(synthetic::find(name.as_str()).is_some(), "{}", name.as_str());
    }
}

#[test]
fn without_a_library_a_prefill_is_blocked() {
    let subject = Subject::new(Path::new("zoo"), Seam::empty()).on(Lane::Simt);
    let prefill = ThroughputFloor { phase: PhaseName::Prefill, ..parameters(0.1) };
    assert_eq!(attempt(&subject, &prefill), Err(Stop::Blocked(evidence::Need::Library)));
}

#[test]
fn a_prefill_is_held_to_its_floor_and_no_verdict_is_a_pass() {
    let (mut report, applied) = prefill(None);
    let of = |report: &Report| prefilled(report, &parameters(0.55), 4);
    let operations = report.prefill.measured().unwrap().operations;
    assert!(matches!(of(&report), Err(Stop::Errored(why)) if why.contains("virtual device")));
    let mut with = |verdict: Verdict| {
        let Maybe::Measured(row) = &mut report.prefill else { panic!("not measured") };
        (row.verdict, row.fraction) = (verdict, Maybe::Measured(0.5));
        of(&report)
    };
    for fraction in [0.549, 0.0, f64::NAN] {
        let below = with(Verdict::Measured { fraction });
        assert!(matches!(below, Err(Stop::Falsified(defect)) if defect.limit == 0.55), "{fraction}");
    }
    let failed = with(Verdict::Failed { why: "120 %".to_owned() });
    assert!(matches!(failed, Err(Stop::Falsified(defect)) if defect.message.contains("120 %")));
    let passed = with(Verdict::Measured { fraction: 0.55 }).unwrap();
    assert_eq!((passed.elements, passed.value, passed.limit), (4, 1.0, 1.0));
    let shorter = prefilled(&report, &parameters(0.55), 2048);
    assert!(matches!(shorter, Err(Stop::Errored(why)) if why.contains("4 fit")));
    // What the mutant counts twice, and with a real clock would make a fraction above 1 of.
    let (twice, more) = prefill(Some("bench@operations-counted-twice"));
    assert_eq!((applied, more), (0, 1));
    assert_eq!(twice.prefill.measured().unwrap().operations, 2.0 * operations);
    report.prefill = Maybe::Not { not_measured: "it was not asked for".to_owned() };
    assert!(matches!(prefilled(&report, &parameters(0.55), 4), Err(Stop::Errored(_))));
}

/// What a small model reports of a prefill, on a device that has a library and is played by software.
fn prefill(mutant: Option<&str>) -> (Report, u64) {
    let seam = Arc::new(mutant.map_or_else(Seam::empty, |name| (mutants::find(name).unwrap().seam)()));
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/zoo/micro/qwen3-dense");
    let loaded = Loaded::open_with(&zoo, Arc::clone(&seam)).unwrap();
    let machine = crate::multiplying::machine(&seam);
    let ways = vec![Way::EagerFused];
    let options = Options { prompt: 4, depth: 4, steps: 2, repeats: 1, ways, ..Options::default() };
    let clock = Even(Mutex::new(0));
    let device = Arc::clone(&machine.device);
    let bench = Bench { loaded: &loaded, device, jit: &machine.jit, clock: &clock, options };
    let report = bench.run(&mut |_| ()).unwrap();
    assert!(report.anchors.matrix_operations_per_second.measured().is_some_and(|rate| *rate > 0.0));
    let row = report.prefill.measured().unwrap();
    assert_eq!(row.library.as_deref(), Some(crate::multiplying::LIBRARY));
    assert!(row.fraction.measured().is_some_and(|fraction| *fraction > 0.0), "{:?}", row.fraction);
    (report, seam.applied())
}

/// A clock that goes on by a millisecond whenever it is looked at.
struct Even(Mutex<u64>);

impl Clock for Even {
    fn now(&self) -> Duration {
        let mut looks = self.0.lock().unwrap();
        *looks += 1;
        Duration::from_millis(*looks)
    }
}

/// What a small model on the virtual device reports, under the rewrites of a mutant or none.
fn report(mutant: Option<&str>) -> (Report, u64) {
    let seam = mutant.map_or_else(Seam::empty, |name| (mutants::find(name).unwrap().seam)());
    let seam = Arc::new(seam);
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/zoo/micro/qwen3-dense");
    let loaded = Loaded::open_with(&zoo, Arc::clone(&seam)).unwrap();
    let machine = Machine::open(Lane::Simt, &seam).unwrap();
    let options = Options {
        prompt: 4,
        depth: 4,
        steps: 2,
        repeats: 1,
        ways: vec![Way::EagerFused],
        prefill: false,
        ..Options::default()
    };
    let clock = Even(Mutex::new(0));
    let device = Arc::clone(&machine.device);
    let bench = Bench { loaded: &loaded, device, jit: &machine.jit, clock: &clock, options };
    (bench.run(&mut |_| ()).unwrap(), seam.applied())
}

#[test]
fn verdicts_become_outcomes_and_none_is_never_a_pass() {
    let (report, _) = report(None);
    assert!(matches!(&report.verdict, Verdict::None { why } if why.contains("virtual")), "{report:?}");
    let of = |verdict| judged(&Report { verdict, ..report.clone() }, &parameters(0.8));
    assert!(matches!(of(report.verdict.clone()), Err(Stop::Errored(why)) if why.contains("no verdict")));
    let failed = of(Verdict::Failed { why: "104 %".to_owned() });
    assert!(matches!(failed, Err(Stop::Falsified(defect)) if defect.message.contains("104 %")));
    for fraction in [0.79, 0.0, f64::NAN] {
        let below = of(Verdict::Measured { fraction });
        assert!(matches!(below, Err(Stop::Falsified(defect)) if defect.limit == 0.8), "{fraction}");
    }
    let passed = of(Verdict::Measured { fraction: 0.8 }).unwrap();
    assert_eq!((passed.elements, passed.value, passed.limit), (2, 1.0, 1.0));
}

/// A shape that a virtual device runs in no time, wired as the large ones are.
const TINY: synthetic::Synthetic = synthetic::Synthetic {
    name: "tiny",
    source: "this test",
    config: r#"{"architectures": ["Qwen2ForCausalLM"], "hidden_size": 32, "intermediate_size": 48,
        "max_position_embeddings": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
        "num_key_value_heads": 2, "rms_norm_eps": 1e-06, "tie_word_embeddings": false, "vocab_size": 97}"#,
};

#[test]
fn weights_that_are_drawn_on_a_device_are_those_of_the_reference() {
    // The last holds all experts of a layer in two tensors, of which the plan takes rows.
    let named = |name| synthetic::find(name).unwrap();
    for shape in [&TINY, named("tiny-qwen3-moe"), named("tiny-mistral4")] {
        let logits = |seam: Seam, seed| {
            let seam = Arc::new(seam);
            let loaded = shape.open_layers(seed, 2, Arc::clone(&seam)).unwrap();
            let machine = Machine::open(Lane::Simt, &seam).unwrap();
            let options = DeviceOptions { max_tokens: 8, max_kv: 16, ..options(&loaded, 8, 1) };
            let model =
                DeviceModel::load(&loaded, Arc::clone(&machine.device), &machine.jit, options).unwrap();
            let consumed = model.consumed().consumed.len();
            assert_eq!(consumed, loaded.weights().names().count());
            let found = crate::on_device::logits(&model, &[(Phase::Prefill, &[1, 2, 3])]).unwrap();
            let found = found.values.wide(0..3 * loaded.config().vocab_size);
            assert!(!found.is_empty() && found.iter().all(|x| x.is_finite() && x.abs() < 100.0));
            found
        };
        // A rewrite, even one that changes nothing, makes the host draw and upload.
        let host = logits(Seam::empty().with::<WeightsPoint>(|_| false), 3);
        assert_eq!(logits(Seam::empty(), 3), host, "{}", shape.name);
        assert_ne!(logits(Seam::empty(), 4), host, "{}", shape.name);
    }
}

#[test]
fn a_drawn_shape_reads_what_its_configuration_asks_for() {
    let seam = Arc::new(Seam::empty());
    let loaded = TINY.open(0, Arc::clone(&seam)).unwrap();
    let machine = Machine::open(Lane::Simt, &seam).unwrap();
    let options = Options {
        prompt: 4,
        depth: 4,
        steps: 2,
        repeats: 1,
        ways: vec![Way::EagerFused],
        ..Options::default()
    };
    let clock = Even(Mutex::new(0));
    let device = Arc::clone(&machine.device);
    let bench = Bench { loaded: &loaded, device, jit: &machine.jit, clock: &clock, options };
    let report = bench.run(&mut |_| ()).unwrap();
    // Not failed: what the plan reads is what the configuration has, without the table but for a row of it.
    assert!(matches!(&report.verdict, Verdict::None { why } if why.contains("virtual")), "{report:?}");
    assert_eq!(report.bytes.weights + 2 * 96 * 32, loaded.weights().total_bytes());
    // Two layers of keys and values, two heads of 8 features of two bytes, 5 and 6 tokens of them.
    assert_eq!(report.bytes.kv, (2 * 2 * 2 * 8 * 2) * (5 + 6) / 2);
    let prefill = report.prefill.measured().unwrap();
    let matrices =
        2.0 * 4.0 * (2.0 * (32.0 * 32.0 * 2.0 + 32.0 * 16.0 * 2.0 + 3.0 * 32.0 * 48.0) + 97.0 * 32.0);
    let attention = 2.0 * 4.0 * 32.0 * (1.0 + 2.0 + 3.0 + 4.0);
    assert_eq!(prefill.operations, matrices + attention);
}

#[test]
fn mutants_that_need_no_clock_fail_on_the_virtual_device_too() {
    for (mutant, word) in [("bench@bytes-counted-twice", "miscounted"), ("bench@steps-skipped", "left out")] {
        let (report, applied) = report(Some(mutant));
        assert!(applied > 0, "{mutant}");
        let outcome = judged(&report, &parameters(0.1));
        assert!(
            matches!(&outcome, Err(Stop::Falsified(defect)) if defect.message.contains(word)),
            "{mutant}: {outcome:?}"
        );
    }
}

/// What a drawn mixture on the virtual device reports, under the rewrites of a mutant or none.
fn mixture(shape: &str, mutant: Option<&str>) -> (Report, u64) {
    let seam = Arc::new(mutant.map_or_else(Seam::empty, |name| (mutants::find(name).unwrap().seam)()));
    let loaded = synthetic::find(shape).unwrap().open_layers(0, 2, Arc::clone(&seam)).unwrap();
    let machine = Machine::open(Lane::Simt, &seam).unwrap();
    let options = Options {
        prompt: 4,
        depth: 4,
        steps: 2,
        repeats: 1,
        ways: vec![Way::EagerFused],
        prefill: false,
        ..Options::default()
    };
    let clock = Even(Mutex::new(0));
    let device = Arc::clone(&machine.device);
    let bench = Bench { loaded: &loaded, device, jit: &machine.jit, clock: &clock, options };
    (bench.run(&mut |_| ()).unwrap(), seam.applied())
}

#[test]
fn a_drawn_mixture_is_held_to_what_its_chosen_experts_have() {
    for shape in ["tiny-qwen3-moe", "tiny-mistral4"] {
        let (report, _) = mixture(shape, None);
        assert!(matches!(&report.verdict, Verdict::None { why } if why.contains("virtual")), "{report:?}");
        for (mutant, word) in
            [("bench@bytes-counted-twice", "miscounted"), ("bench@steps-skipped", "left out")]
        {
            let (report, applied) = mixture(shape, Some(mutant));
            assert!(applied > 0, "{mutant}");
            let outcome = judged(&report, &parameters(0.1));
            assert!(
                matches!(&outcome, Err(Stop::Falsified(defect)) if defect.message.contains(word)),
                "{shape} {mutant}: {outcome:?}"
            );
        }
    }
}
