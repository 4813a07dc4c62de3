//! Decode runs as replays of a graph.

use std::sync::Arc;

use engine::Loaded;
use engine::device::{
    Chunk, DeviceModel, DeviceOptions, GraphMode, Launching, SequenceId, Session, Unwatched,
};
use engine::models::Logits;
use engine::plan::{GraphPoint, Input, Phase};
use engine::sampler::{Sampler, Sampling};
use kernels::seam::Seam;

use crate::double::{Double, jit};
use crate::support::{bits, extend, folder, load, open, options, prompt, watch_all};

fn with(graph: GraphMode, loaded: &Loaded) -> DeviceOptions {
    DeviceOptions { graph, ..options(loaded) }
}

/// The logits of one decode run over several sequences.
fn decode(session: &mut Session<'_>, sequences: &[SequenceId], tokens: &[u32]) -> Vec<u32> {
    let pairs = sequences.iter().zip(tokens);
    let chunks: Vec<Chunk<'_>> =
        pairs.map(|(&sequence, token)| Chunk { sequence, tokens: std::slice::from_ref(token) }).collect();
    bits(&session.run(Phase::Decode, &chunks, Logits::All, &mut Unwatched).unwrap())
}

/// Four sequences of other lengths decode together, then one of them alone, then all again.
fn company(model: &DeviceModel) -> Vec<Vec<u32>> {
    let vocab = model.config().vocab_size;
    let mut session = model.session().unwrap();
    let ids: Vec<SequenceId> = [3, 9, 1, 6]
        .into_iter()
        .map(|len| {
            let id = session.add();
            extend(&mut session, Phase::Prefill, id, &prompt(vocab, len, 7));
            id
        })
        .collect();
    let mut all = Vec::new();
    for (at, tokens) in prompt(vocab, 24, 8).chunks(4).enumerate() {
        match at % 3 {
            1 => all.push(decode(&mut session, &ids[2..3], &tokens[..1])),
            _ => all.push(decode(&mut session, &ids, tokens)),
        }
    }
    all
}

#[test]
fn replays_are_the_run_whatever_ran_before() {
    for name in ["qwen2-tiny", "micro/qwen3-window", "micro/llama-7q-1kv"] {
        let loaded = open(name);
        let eager = load(&loaded, with(GraphMode::Off, &loaded));
        let graph = load(&loaded, with(GraphMode::On, &loaded));
        assert_eq!(eager.launching(4).unwrap(), Launching::Eager);
        assert_eq!(company(&graph), company(&eager), "{name}");
        let nodes = graph.plan(Phase::Decode).steps.len();
        for batch in [1, 4] {
            assert!(
                matches!(graph.launching(batch).unwrap(), Launching::Graph { nodes: found, .. } if found == nodes)
            );
        }
    }
}

#[test]
fn a_graph_is_made_once_a_batch_size() {
    let loaded = open("qwen2-tiny");
    let device = Double::new(1 << 30);
    let jit = jit(Arc::clone(loaded.seam()));
    let model =
        DeviceModel::load(&loaded, Arc::clone(&device) as _, &jit, with(GraphMode::On, &loaded)).unwrap();
    company(&model);
    assert_eq!((device.count("graph"), device.count("replay")), (2, 6));
}

#[test]
fn where_no_graph_can_be_made_steps_are_launched_and_the_model_says_so() {
    let loaded = open("qwen2-tiny");
    let device = Double::new(1 << 30);
    *device.no_graphs.lock().unwrap() = Some("planted".to_owned());
    let jit = jit(Arc::clone(loaded.seam()));
    let model =
        DeviceModel::load(&loaded, Arc::clone(&device) as _, &jit, with(GraphMode::On, &loaded)).unwrap();
    assert_eq!(company(&model), company(&load(&loaded, with(GraphMode::Off, &loaded))));
    assert_eq!((device.count("graph"), device.count("replay")), (2, 0));
    let because = "graph: planted".to_owned();
    assert_eq!(model.launching(1).unwrap(), Launching::FellBack { because });
}

#[test]
fn stages_are_seen_in_a_graph_and_nothing_changes_for_it() {
    for name in ["qwen2-tiny", "micro/qwen3-window"] {
        let loaded = open(name);
        let run = |graph, keep_stages, watched| {
            let model = load(&loaded, DeviceOptions { keep_stages, ..with(graph, &loaded) });
            let mut session = model.session().unwrap();
            let sequence = session.add();
            extend(&mut session, Phase::Prefill, sequence, &prompt(loaded.config().vocab_size, 7, 3));
            let chunk = Chunk { sequence, tokens: &[5] };
            let mut watch = watch_all();
            let logits = match watched {
                true => session.run(Phase::Decode, &[chunk], Logits::All, &mut watch).unwrap(),
                false => session.run(Phase::Decode, &[chunk], Logits::All, &mut Unwatched).unwrap(),
            };
            let stages: Vec<_> =
                watch.order.iter().map(|(name, stored, tensor)| (*name, *stored, bits(tensor))).collect();
            (bits(&logits), stages)
        };
        let (logits, stages) = run(GraphMode::Off, false, true);
        assert!(stages.len() > 10);
        assert_eq!(run(GraphMode::On, true, true), (logits.clone(), stages), "{name}");
        for (graph, keep) in [(GraphMode::On, true), (GraphMode::On, false), (GraphMode::Off, true)] {
            assert_eq!(run(graph, keep, false), (logits.clone(), vec![]), "{name} {graph:?} {keep}");
        }
    }
}

fn mutated(seam: Seam) -> DeviceModel {
    let loaded = Loaded::open_with(&folder("qwen2-tiny"), Arc::new(seam)).unwrap();
    load(&loaded, DeviceOptions { keep_stages: true, fusion: false, ..with(GraphMode::On, &loaded) })
}

/// What a scan of one decode run finds different, after a few tokens.
fn scanned(model: &DeviceModel) -> Vec<String> {
    let mut session = model.session().unwrap();
    let sequence = session.add();
    extend(&mut session, Phase::Prefill, sequence, &prompt(model.config().vocab_size, 7, 3));
    let scanned = session.ab_scan(&[Chunk { sequence, tokens: &[5] }]).unwrap().unwrap();
    assert!(scanned.iter().map(|buffer| buffer.bytes).sum::<u64>() > 10_000);
    scanned.into_iter().filter(|buffer| buffer.differing > 0).map(|buffer| buffer.name).collect()
}

#[test]
fn a_scan_finds_nothing_in_a_graph_that_is_the_plan() {
    assert!(scanned(&mutated(Seam::empty())).is_empty());
    let loaded = open("qwen2-tiny");
    assert!(scanned(&load(&loaded, with(GraphMode::On, &loaded))).is_empty(), "stages that share memory");
    let eager = load(&loaded, with(GraphMode::Off, &loaded));
    let mut session = eager.session().unwrap();
    let chunk = Chunk { sequence: session.add(), tokens: &[5] };
    assert_eq!(session.ab_scan(&[chunk]).unwrap(), None);
}

#[test]
fn a_scan_names_the_first_buffer_that_a_wrong_pointer_changes() {
    let stale = Seam::empty().with::<GraphPoint>(|graph| {
        let kernel = |graph: &engine::plan::GraphValue<'_>, name: &str| {
            graph.nodes.iter().position(|node| node.function.kernel == name).unwrap()
        };
        let (gate, embedding) = (kernel(graph, "silu_and_mul"), kernel(graph, "embedding"));
        graph.nodes[gate].arguments[1] = graph.nodes[embedding].arguments[0];
        true
    });
    let found = scanned(&mutated(stale));
    assert!(found[0].ends_with("mlp.act_and_mul"), "{found:?}");
}

#[test]
fn inputs_that_are_baked_in_change_the_second_replay() {
    let baked = Seam::empty().with::<GraphPoint>(|graph| graph.stale.insert(Input::KvLen));
    let steps = |model: &DeviceModel| -> Vec<Vec<u32>> {
        let mut session = model.session().unwrap();
        let sequence = session.add();
        [5u32, 6, 7].iter().map(|token| decode(&mut session, &[sequence], &[*token])).collect()
    };
    let (clean, found) = (steps(&mutated(Seam::empty())), steps(&mutated(baked)));
    assert_eq!(found[0], clean[0]);
    assert_ne!(found[2], clean[2]);
}

/// Four sequences that decode seven tokens by themselves, then three more.
fn by_itself(model: &DeviceModel, host: bool) -> (Vec<Vec<u32>>, Vec<usize>, usize) {
    let vocab = model.config().vocab_size;
    let mut session = model.session().unwrap();
    let lengths = [3, 9, 1, 6];
    let ids: Vec<SequenceId> = lengths
        .into_iter()
        .map(|len| {
            let id = session.add();
            extend(&mut session, Phase::Prefill, id, &prompt(vocab, len, 7));
            id
        })
        .collect();
    let mut tokens = prompt(vocab, 4, 8);
    let mut all = vec![Vec::new(); 4];
    for steps in [7, 3] {
        let found = match host {
            false => session.decode(&ids, &tokens, steps).unwrap(),
            true => {
                let mut found = vec![Vec::new(); 4];
                let mut tokens = tokens.clone();
                for _ in 0..steps {
                    let logits = decode(&mut session, &ids, &tokens);
                    tokens = logits
                        .chunks(vocab)
                        .map(|row| {
                            let row: Vec<f64> = row.iter().map(|x| f64::from(f32::from_bits(*x))).collect();
                            engine::sampler::greedy(&row).unwrap()
                        })
                        .collect();
                    found.iter_mut().zip(&tokens).for_each(|(found, token)| found.push(*token));
                }
                found
            }
        };
        tokens = found.iter().map(|found| *found.last().unwrap()).collect();
        all.iter_mut().zip(found).for_each(|(all, found)| all.extend(found));
    }
    let lengths = ids.iter().map(|id| session.len(*id)).collect();
    (all, lengths, model.free_pages())
}

#[test]
fn a_device_that_goes_on_by_itself_decodes_what_the_host_would() {
    for name in ["qwen2-tiny", "micro/qwen3-window"] {
        let loaded = open(name);
        for graph in [GraphMode::Off, GraphMode::On] {
            let model = load(&loaded, with(graph, &loaded));
            let expected = by_itself(&model, true);
            assert!(expected.0.iter().all(|tokens| tokens.len() == 10));
            assert_eq!(by_itself(&model, false), expected, "{name} {graph:?}");
        }
    }
}

/// Four sequences with samplers of their own: on the host, or seven tokens by themselves and then three more.
fn drawn(model: &DeviceModel, host: bool) -> Vec<Vec<u32>> {
    let vocab = model.config().vocab_size;
    let mut session = model.session().unwrap();
    let ids: Vec<SequenceId> = [3, 9, 1, 6]
        .into_iter()
        .map(|len| {
            let id = session.add();
            extend(&mut session, Phase::Prefill, id, &prompt(vocab, len, 7));
            id
        })
        .collect();
    let mut tokens = prompt(vocab, 4, 8);
    let parameters = [(0.0, None, None), (1.5, Some(1), None), (2.0, Some(40), Some(0.9)), (1.0, None, None)];
    let mut samplers: Vec<Sampler> = (1..)
        .zip(parameters)
        .map(|(seed, (temperature, top_k, top_p))| Sampling { temperature, top_k, top_p, seed })
        .map(|sampling| Sampler::new(sampling).unwrap())
        .collect();
    let mut all = vec![Vec::new(); 4];
    for steps in [7, 3] {
        if host {
            for _ in 0..steps {
                let logits = decode(&mut session, &ids, &tokens);
                for (at, row) in logits.chunks(vocab).enumerate() {
                    let row: Vec<f64> = row.iter().map(|x| f64::from(f32::from_bits(*x))).collect();
                    tokens[at] = samplers[at].sample(&row).unwrap();
                    all[at].push(tokens[at]);
                }
            }
        } else {
            let found = session.decode_sampled(&ids, &tokens, steps, &mut samplers).unwrap();
            tokens = found.iter().map(|found| *found.last().unwrap()).collect();
            all.iter_mut().zip(found).for_each(|(all, found)| all.extend(found));
        }
    }
    all
}

#[test]
fn a_device_that_draws_by_itself_draws_what_the_host_would() {
    for name in ["qwen2-tiny", "micro/qwen3-window"] {
        let loaded = open(name);
        for graph in [GraphMode::Off, GraphMode::On] {
            let model = load(&loaded, with(graph, &loaded));
            let expected = drawn(&model, true);
            assert!(expected.iter().all(|tokens| tokens.len() == 10));
            assert_eq!(drawn(&model, false), expected, "{name} {graph:?}");
            let mut session = model.session().unwrap();
            let sequence = session.add();
            let error = session.decode_sampled(&[sequence], &[5], 1, &mut []).unwrap_err().to_string();
            assert!(error.contains("0 samplers for 1 sequences"), "{error}");
        }
    }
}

#[test]
fn more_tokens_than_fit_leave_everything_as_it_was() {
    let loaded = open("qwen2-tiny");
    let model = load(&loaded, with(GraphMode::On, &loaded));
    let mut session = model.session().unwrap();
    let sequence = session.add();
    assert!(session.decode(&[sequence], &[5], model.options().max_kv + 1).is_err());
    let other = session.add();
    for first in [&[5][..], &[5, 6, 7], &[]] {
        let error = session.decode(&[sequence, other], first, 2).unwrap_err().to_string();
        assert!(error.contains("for 2 sequences"), "{error}");
    }
    assert_eq!((session.len(sequence), model.free_pages()), (0, model.layout().num_pages));
    assert_eq!(session.decode(&[sequence], &[5], model.options().max_kv).unwrap()[0].len(), 48);
}
