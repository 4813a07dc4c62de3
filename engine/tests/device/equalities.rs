//! What has to be the same, bit by bit, however it is computed.

use std::collections::BTreeMap;

use engine::Loaded;
use engine::device::{Chunk, DeviceOptions, Unwatched};
use engine::forward::Forward;
use engine::models::Logits;
use engine::plan::Phase;
use engine::trace::{NoTap, Recorder, Tensor};

use crate::support::{bits, extend, load, open, options, played, prompt, watch_all};

/// Models that differ in what matters here: grouping, windows, norms of heads, dtypes.
const SOME: &[&str] =
    &["qwen2-tiny", "micro/qwen2-window", "micro/qwen3-window", "micro/llama-7q-1kv", "micro/llama-mha"];

/// Runs chunks of one sequence, and puts what each stage gave below what it gave before.
fn stages(loaded: &Loaded, options: DeviceOptions, chunks: &[&[u32]]) -> BTreeMap<String, Vec<u32>> {
    let model = load(loaded, options);
    let mut session = model.session().unwrap();
    let sequence = session.add();
    let mut all: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for tokens in chunks {
        let mut watch = watch_all();
        let chunk = Chunk { sequence, tokens };
        let logits = session.run(Phase::Prefill, &[chunk], Logits::All, &mut watch).unwrap();
        let stages = watch.stages();
        assert_eq!(bits(&stages["lm_head"]), bits(&logits));
        for (name, tensor) in stages {
            all.entry(name).or_default().extend(bits(&tensor));
        }
    }
    all
}

#[test]
fn one_prefill_is_a_prefill_in_chunks() {
    for name in SOME {
        let loaded = open(name);
        let tokens = prompt(loaded.config().vocab_size, 23, 3);
        let whole = stages(&loaded, options(&loaded), &[&tokens]);
        assert!(whole.len() > 20);
        for cuts in [vec![1, 6], vec![4, 8], vec![22], vec![3, 4, 5, 20]] {
            let (mut rest, mut chunks, mut done) = (tokens.as_slice(), Vec::new(), 0);
            for cut in cuts.iter().chain([&23]) {
                let (chunk, more) = rest.split_at(cut - done);
                chunks.push(chunk);
                (rest, done) = (more, *cut);
            }
            assert_eq!(stages(&loaded, options(&loaded), &chunks), whole, "{name} {cuts:?}");
        }
    }
}

#[test]
fn a_fused_plan_is_the_plan() {
    for path in played() {
        let loaded = Loaded::open(&path).unwrap();
        let tokens = prompt(loaded.config().vocab_size, 9, 5);
        let run = |fusion| {
            let options = DeviceOptions { fusion, ..options(&loaded) };
            let steps = load(&loaded, options.clone()).plan(Phase::Prefill).steps.len();
            (steps, stages(&loaded, options, &[&tokens]))
        };
        let ((plain, mut unfused), (fewer, fused)) = (run(false), run(true));
        let layers = loaded.config().num_hidden_layers;
        // Two residual sums a layer, each with a norm behind it; and both rotations and the writing of the pages are one
        // step, with the norms of heads where there are some. Turned keys and normed heads are not stored any more.
        let norms = unfused.keys().filter(|name| name.ends_with("self_attn.q_norm")).count();
        assert_eq!(plain - fewer, 4 * layers + 2 * norms, "{}", path.display());
        let count = unfused.len();
        unfused.retain(|name, _| fused.contains_key(name));
        assert_eq!(count - unfused.len(), layers + 2 * norms, "{}", path.display());
        let others: Vec<&String> =
            unfused.iter().filter(|(name, bits)| fused[*name] != **bits).map(|(name, _)| name).collect();
        assert_eq!(others, [""; 0], "{}", path.display());
        assert_eq!(unfused.len(), fused.len(), "{}", path.display());
    }
}

#[test]
fn a_sequence_does_not_depend_on_its_company() {
    for name in SOME {
        let loaded = open(name);
        let model = load(&loaded, options(&loaded));
        let vocab = loaded.config().vocab_size;
        let prompts: Vec<Vec<u32>> =
            [(5, 11), (1, 12), (9, 13)].iter().map(|&(len, seed)| prompt(vocab, len, seed)).collect();
        let next = prompt(vocab, 3, 14);
        let width = vocab;
        let alone: Vec<[Vec<u32>; 2]> = prompts
            .iter()
            .zip(&next)
            .map(|(tokens, next)| {
                let mut session = model.session().unwrap();
                let sequence = session.add();
                let first = extend(&mut session, Phase::Prefill, sequence, tokens);
                [first, extend(&mut session, Phase::Decode, sequence, &[*next])]
            })
            .collect();
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let mut session = model.session().unwrap();
            let ids = order.map(|_| session.add());
            let chunks: Vec<Chunk<'_>> = order
                .iter()
                .zip(ids)
                .map(|(&which, sequence)| Chunk { sequence, tokens: &prompts[which] })
                .collect();
            let found = session.run(Phase::Prefill, &chunks, Logits::All, &mut Unwatched).unwrap();
            let expected: Vec<u32> = order.iter().flat_map(|&which| alone[which][0].clone()).collect();
            assert_eq!(bits(&found), expected, "{name} {order:?}");
            // Decoded in another order than they were filled in.
            let turned = [order[1], order[2], order[0]];
            let ids = [ids[1], ids[2], ids[0]];
            let chunks: Vec<Chunk<'_>> = turned
                .iter()
                .zip(ids)
                .map(|(&which, sequence)| Chunk { sequence, tokens: &next[which..=which] })
                .collect();
            let found = session.run(Phase::Decode, &chunks, Logits::Last, &mut Unwatched).unwrap();
            let expected: Vec<u32> = turned.iter().flat_map(|&which| alone[which][1].clone()).collect();
            assert_eq!((bits(&found), found.shape.clone()), (expected, vec![3, width]), "{name} {order:?}");
        }
        assert_eq!(model.free_pages(), model.layout().num_pages);
    }
}

#[test]
fn an_adopted_prefix_is_a_computed_one_and_its_donor_does_not_notice() {
    for name in SOME {
        let loaded = open(name);
        let model = load(&loaded, options(&loaded));
        let vocab = loaded.config().vocab_size;
        let (tokens, own, theirs) = (prompt(vocab, 11, 21), prompt(vocab, 6, 22), prompt(vocab, 3, 23));
        let undisturbed = {
            let mut session = model.session().unwrap();
            let donor = session.add();
            extend(&mut session, Phase::Prefill, donor, &tokens);
            theirs.iter().map(|t| extend(&mut session, Phase::Decode, donor, &[*t])).collect::<Vec<_>>()
        };
        for prefix in [0, 1, 3, 4, 5, 8, 10, 11] {
            let cold = {
                let mut session = model.session().unwrap();
                let sequence = session.add();
                if prefix > 0 {
                    extend(&mut session, Phase::Prefill, sequence, &tokens[..prefix]);
                }
                let first = extend(&mut session, Phase::Prefill, sequence, &own[..5]);
                (first, extend(&mut session, Phase::Decode, sequence, &own[5..]))
            };
            let mut session = model.session().unwrap();
            let donor = session.add();
            extend(&mut session, Phase::Prefill, donor, &tokens);
            let free = model.free_pages();
            let adopted = session.adopt(donor, prefix).unwrap();
            assert_eq!(session.len(adopted), prefix);
            // Whole pages are shared; one that is shared in part is copied.
            assert_eq!(free - model.free_pages(), usize::from(prefix % 4 != 0), "{prefix}");
            // The two take turns.
            let mut donated = vec![extend(&mut session, Phase::Decode, donor, &theirs[..1])];
            let first = extend(&mut session, Phase::Prefill, adopted, &own[..5]);
            donated.push(extend(&mut session, Phase::Decode, donor, &theirs[1..2]));
            let second = extend(&mut session, Phase::Decode, adopted, &own[5..]);
            // Whoever remains keeps what was shared.
            session.remove(adopted);
            donated.push(extend(&mut session, Phase::Decode, donor, &theirs[2..]));
            assert_eq!((first, second), cold, "{name} {prefix}");
            assert_eq!(donated, undisturbed, "{name} {prefix}");
            assert_eq!((session.len(donor), session.len(adopted)), (14, 0));
        }
        assert_eq!(model.free_pages(), model.layout().num_pages);
    }
}

#[test]
fn a_donor_may_end_before_its_prefix() {
    let loaded = open("micro/llama-mha");
    let model = load(&loaded, options(&loaded));
    let tokens = prompt(loaded.config().vocab_size, 9, 31);
    let cold = {
        let mut session = model.session().unwrap();
        let sequence = session.add();
        extend(&mut session, Phase::Prefill, sequence, &tokens)
    };
    let mut session = model.session().unwrap();
    let donor = session.add();
    extend(&mut session, Phase::Prefill, donor, &tokens[..8]);
    let adopted = session.adopt(donor, 8).unwrap();
    session.remove(donor);
    // Takes the pages that the donor freed, if it freed too many.
    let other = session.add();
    extend(&mut session, Phase::Prefill, other, &prompt(loaded.config().vocab_size, 20, 32));
    let found = extend(&mut session, Phase::Prefill, adopted, &tokens[8..]);
    assert_eq!(found, cold[8 * loaded.config().vocab_size..]);
}

#[test]
fn looking_changes_nothing_and_a_long_prompt_is_computed_in_pieces() {
    let loaded = open("qwen2-tiny");
    let tokens = prompt(loaded.config().vocab_size, 40, 41);
    let logits = |max_tokens, taps: bool, wanted| -> (Tensor, Recorder) {
        let model = load(&loaded, DeviceOptions { max_tokens, ..options(&loaded) });
        let mut sequence = model.start().unwrap();
        let mut recorder = Recorder::all();
        let tap: &mut dyn engine::trace::Tap = if taps { &mut recorder } else { &mut NoTap };
        (sequence.extend(&tokens, wanted, tap).unwrap(), recorder)
    };
    let (whole, _) = logits(48, false, Logits::All);
    let (pieces, recorder) = logits(24, true, Logits::All);
    assert_eq!((bits(&whole), &whole.shape), (bits(&pieces), &pieces.shape));
    let head = recorder.stages.last().unwrap();
    assert_eq!((head.name.to_string(), &head.tensor), ("lm_head".to_owned(), &pieces));
    assert!(recorder.stages.iter().all(|stage| stage.tensor.shape[0] == 40));
    let (last, recorder) = logits(24, true, Logits::Last);
    assert_eq!(last.row(0), whole.row(39));
    assert_eq!(recorder.stages.last().unwrap().tensor, last);
}

#[test]
fn text_is_continued_and_measured_as_the_reference_does() {
    let loaded = open("qwen2-tiny");
    let model = load(&loaded, DeviceOptions { max_kv: 64, ..options(&loaded) });
    let reference = loaded.reference(loaded.declared(0)).unwrap();
    let tokens = prompt(loaded.config().vocab_size, 30, 51);
    let found = engine::eval::token_losses(&model, &tokens).unwrap();
    let expected = engine::eval::token_losses(&reference, &tokens).unwrap();
    assert_eq!((found.len(), expected.len()), (29, 29));
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 0.25, "{found} {expected}");
    }
    let options = engine::generate::Options { max_tokens: 8, sampling: None, ignore_eos: true };
    let mut go = |_| std::ops::ControlFlow::Continue(());
    let found = engine::generate::generate(&model, &tokens, &options, &mut go).unwrap();
    let again = engine::generate::generate(&model, &tokens, &options, &mut go).unwrap();
    assert_eq!((found.tokens.len(), &found), (8, &again));
}
