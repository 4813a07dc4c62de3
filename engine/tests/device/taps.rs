//! Statistics of every stage at the end of a decode run.

use engine::device::{
    Chunk, DeviceModel, DeviceOptions, GraphMode, Launching, RowStatistics, SequenceId, Watch,
};
use engine::models::Logits;
use engine::plan::Phase;
use engine::stage::StageName;
use engine::trace::Tensor;
use kernels::Dtype;
use kernels::real::Values;

use crate::double::statistics_of;
use crate::support::{bits, extend, load, open, options, prompt};

/// Keeps statistics, and stages if asked.
#[derive(Default)]
struct Seen {
    payload: bool,
    stages: Vec<(StageName, Tensor)>,
    statistics: Vec<(StageName, Vec<RowStatistics>)>,
}

impl Watch for Seen {
    fn wants(&self, _: StageName) -> bool {
        self.payload
    }

    fn record(&mut self, stage: StageName, _: Dtype, tensor: Tensor) {
        self.stages.push((stage, tensor));
    }

    fn wants_statistics(&self) -> bool {
        true
    }

    fn statistics(&mut self, stage: StageName, rows: &[RowStatistics]) {
        self.statistics.push((stage, rows.to_vec()));
    }

    fn imposes(&self) -> bool {
        false
    }
}

/// Two decode runs of so many sequences: the logits of the second, and what was seen of it.
fn run(model: &DeviceModel, batch: usize, payload: bool) -> (Vec<u32>, Seen) {
    let vocab = model.config().vocab_size;
    let mut session = model.session().unwrap();
    let ids: Vec<SequenceId> = (0..batch)
        .map(|at| {
            let id = session.add();
            extend(&mut session, Phase::Prefill, id, &prompt(vocab, 3 + 2 * at, 7));
            id
        })
        .collect();
    let tokens = prompt(vocab, 2 * batch, 8);
    let mut last = None;
    for tokens in tokens.chunks(batch) {
        let mut seen = Seen { payload, ..Seen::default() };
        let pairs = ids.iter().zip(tokens);
        let chunks: Vec<Chunk<'_>> =
            pairs.map(|(&sequence, token)| Chunk { sequence, tokens: std::slice::from_ref(token) }).collect();
        let logits = session.run(Phase::Decode, &chunks, Logits::All, &mut seen).unwrap();
        last = Some((bits(&logits), seen));
    }
    last.unwrap()
}

/// The eight numbers, as bits.
fn eight(row: &RowStatistics) -> [u64; 8] {
    let RowStatistics { finite, sum, squares, min, max, nans, infinities, squared_distances } = *row;
    [finite as f64, sum, squares, min, max, nans as f64, infinities as f64, squared_distances]
        .map(f64::to_bits)
}

#[test]
fn statistics_are_those_of_the_stages_and_change_nothing() {
    for name in ["qwen2-tiny", "micro/qwen3-window", "micro/llama-7q-1kv"] {
        let loaded = open(name);
        for (graph, fusion) in [(GraphMode::On, true), (GraphMode::On, false), (GraphMode::Off, true)] {
            let with = |taps| load(&loaded, DeviceOptions { taps, graph, fusion, ..options(&loaded) });
            let (plain, tapped) = (with(false), with(true));
            for batch in [1, 3] {
                let (truth, unseen) = run(&plain, batch, false);
                assert!(unseen.statistics.is_empty());
                let (logits, seen) = run(&tapped, batch, false);
                assert_eq!(logits, truth, "{name}");
                assert!(seen.stages.is_empty());
                let (_, payload) = run(&tapped, batch, true);
                let names = |seen: &Seen| seen.statistics.iter().map(|(name, _)| *name).collect::<Vec<_>>();
                let measured: Vec<StageName> = tapped.plan(Phase::Decode).measured().collect();
                assert_eq!((names(&seen), names(&payload)), (measured.clone(), measured));
                assert_eq!(payload.stages.len(), seen.statistics.len());
                for ((stage, rows), (_, tensor)) in seen.statistics.iter().zip(&payload.stages) {
                    let Values::F32(values) = &tensor.values else { panic!("a device gives f32") };
                    let expected: Vec<[u64; 8]> = values
                        .chunks(tensor.row_len())
                        .map(|row| statistics_of(row).map(f64::to_bits))
                        .collect();
                    let found: Vec<[u64; 8]> = rows.iter().map(eight).collect();
                    assert_eq!(found, expected, "{name} {stage}");
                    assert_eq!(rows.len(), batch);
                }
            }
        }
    }
}

/// Keeps every stage; the device is asked between steps, or while they run.
struct Stages {
    between: bool,
    stages: Vec<(StageName, Tensor)>,
}

impl Watch for Stages {
    fn wants(&self, _: StageName) -> bool {
        true
    }

    fn record(&mut self, stage: StageName, _: Dtype, tensor: Tensor) {
        self.stages.push((stage, tensor));
    }

    fn imposes(&self) -> bool {
        self.between
    }
}

#[test]
fn stages_recorded_while_steps_run_are_those_recorded_between_them() {
    for name in ["qwen2-tiny", "micro/qwen3-window"] {
        let loaded = open(name);
        for fusion in [true, false] {
            let model = load(&loaded, DeviceOptions { fusion, ..options(&loaded) });
            let tokens = prompt(model.config().vocab_size, 9, 7);
            let seen = |between| {
                let mut seen = Stages { between, stages: Vec::new() };
                let mut session = model.session().unwrap();
                let chunk = Chunk { sequence: session.add(), tokens: &tokens };
                session.run(Phase::Prefill, &[chunk], Logits::All, &mut seen).unwrap();
                let of = |(stage, tensor): (StageName, Tensor)| match tensor.values {
                    Values::F32(values) => {
                        (stage, tensor.shape, values.into_iter().map(f32::to_bits).collect::<Vec<u32>>())
                    }
                    Values::F64(_) => panic!("a device gives f32"),
                };
                seen.stages.into_iter().map(of).collect::<Vec<_>>()
            };
            let expected = seen(true);
            assert_eq!(expected.len(), model.plan(Phase::Prefill).measured().count());
            // Again over the same memory.
            for _ in 0..2 {
                assert!(seen(false) == expected, "{name} {fusion}");
            }
        }
    }
}

#[test]
fn taps_are_one_node_more_and_none_where_they_are_off() {
    let loaded = open("qwen2-tiny");
    let with = |taps, keep_stages| {
        load(&loaded, DeviceOptions { taps, keep_stages, graph: GraphMode::On, ..options(&loaded) })
    };
    let (off, kept, on) = (with(false, false), with(false, true), with(true, false));
    let [off_plan, kept_plan, on_plan] = [&off, &kept, &on].map(|model| model.plan(Phase::Decode));
    let (last, before) = on_plan.steps.split_last().unwrap();
    assert_eq!((last.spec.kernel.as_str(), before), ("tap_statistics_all", &*kept_plan.steps));
    assert_eq!(kept_plan.steps, off_plan.steps);
    assert_eq!(on.plan(Phase::Prefill), off.plan(Phase::Prefill));
    let nodes = |model: &DeviceModel| match model.launching(1).unwrap() {
        Launching::Graph { nodes, .. } => nodes,
        other => panic!("{other:?}"),
    };
    assert_eq!(nodes(&on), nodes(&off) + 1);
}

#[test]
fn a_scan_compares_statistics_too() {
    let loaded = open("qwen2-tiny");
    let model = load(&loaded, DeviceOptions { taps: true, graph: GraphMode::On, ..options(&loaded) });
    let mut session = model.session().unwrap();
    let sequence = session.add();
    extend(&mut session, Phase::Prefill, sequence, &prompt(loaded.config().vocab_size, 7, 3));
    let scanned = session.ab_scan(&[Chunk { sequence, tokens: &[5] }]).unwrap().unwrap();
    assert!(scanned.iter().all(|buffer| buffer.differing == 0));
    assert!(scanned.iter().any(|buffer| buffer.name == "statistics of stages"));
}
