//! What is refused, before anything is computed or allocated.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::device::{
    Chunk, DeviceModel, DeviceOptions, OptionsError, PoolError, SequenceId, SessionError, Unwatched,
};
use engine::models::Logits;
use engine::plan::{Phase, PlanError, Role};
use engine::stage::StageName;
use engine::trace::Tensor;
use engine::{EngineError, InputError, Loaded};
use kernels::Dtype;
use kernels::device::DeviceError;
use kernels::real::Values;
use kernels::seam::Seam;
use safetensors::SafeTensors;

use crate::double::{Double, jit};
use crate::support::{bits, extend, folder, load, models, open, options, prompt, watch_all};

fn refusal(loaded: &Loaded, device: Arc<Double>, options: DeviceOptions) -> EngineError {
    let jit = jit(Arc::new(Seam::empty()));
    DeviceModel::load(loaded, device, &jit, options).err().unwrap()
}

#[test]
fn memory_is_asked_for_before_anything_is_allocated() {
    let loaded = open("qwen2-tiny");
    let device = Double::new(1 << 20);
    let error = refusal(&loaded, Arc::clone(&device), options(&loaded));
    let EngineError::Device(DeviceError::Memory { what, needed, free, total, .. }) = &error else {
        panic!("{error}");
    };
    assert_eq!((*free, *total, error.is_usage()), (1 << 20, 1 << 20, false));
    assert!(*needed > loaded.weights().total_bytes() && what.contains("pages"), "{what} {needed}");
    assert_eq!((device.count("allocate"), device.count("launch"), device.count("free_memory")), (0, 0, 1));
    // Exactly what is needed is enough, and one byte less is not.
    let needed = *needed;
    let short = refusal(&loaded, Double::new(needed - 1), options(&loaded));
    assert!(matches!(short, EngineError::Device(DeviceError::Memory { .. })), "{short}");
    let jit = jit(Arc::new(Seam::empty()));
    DeviceModel::load(&loaded, Double::new(needed), &jit, options(&loaded)).unwrap();
}

#[test]
fn memory_grows_with_what_is_asked_for() {
    let loaded = open("qwen2-tiny");
    let needed = |options| match refusal(&loaded, Double::new(1), options) {
        EngineError::Device(DeviceError::Memory { needed, .. }) => needed,
        error => panic!("{error}"),
    };
    let base = needed(options(&loaded));
    for more in [
        DeviceOptions { max_tokens: 48, ..options(&loaded) },
        DeviceOptions { max_batch: 8, ..options(&loaded) },
        DeviceOptions { max_kv: 96, ..options(&loaded) },
    ] {
        assert!(needed(more.clone()) > base, "{more:?}");
    }
    let narrow = vec![Dtype::E4M3; loaded.config().num_hidden_layers];
    assert!(needed(DeviceOptions { kv_dtypes: narrow, ..options(&loaded) }) < base);
}

#[test]
fn pages_are_stored_as_asked_in_every_layer_or_the_load_is_refused() {
    let loaded = open("qwen2-tiny");
    let with = |kv_dtypes: Vec<Dtype>| DeviceOptions { kv_dtypes, ..options(&loaded) };
    for found in [0, 1, 2, 4] {
        let device = Double::new(1 << 30);
        let error = refusal(&loaded, Arc::clone(&device), with(vec![Dtype::BF16; found]));
        let EngineError::Pool(error) = error else { panic!("{error}") };
        assert_eq!(error, PoolError::Layers { found, layers: 3 });
        assert_eq!(device.count("allocate"), 0);
    }
    let error = refusal(&loaded, Double::new(1 << 30), with(vec![Dtype::BF16, Dtype::F64, Dtype::BF16]));
    assert!(matches!(&error, EngineError::Pool(PoolError::Dtype { layer: 1, dtype: Dtype::F64 })), "{error}");
    let mixed = vec![Dtype::BF16, Dtype::E4M3, Dtype::F32];
    let model = load(&loaded, with(mixed.clone()));
    assert_eq!(model.layout().dtypes, mixed);
    for phase in [Phase::Prefill, Phase::Decode] {
        for buffer in &model.plan(phase).buffers {
            if let Role::Keys(layer) | Role::Values(layer) | Role::Latents(layer) = buffer.role {
                assert_eq!(buffer.element, engine::plan::Element::Float(mixed[layer]));
            }
        }
    }
    let mut session = model.session().unwrap();
    let sequence = session.add();
    let tokens = prompt(1024, 9, 61);
    let found = extend(&mut session, Phase::Prefill, sequence, &tokens);
    let plain = load(&loaded, options(&loaded));
    let mut session = plain.session().unwrap();
    let sequence = session.add();
    assert_ne!(found, extend(&mut session, Phase::Prefill, sequence, &tokens), "E4M3 pages round");
}

#[test]
fn sizes_that_make_no_sense_are_refused() {
    let loaded = open("qwen2-tiny");
    let good = || options(&loaded);
    for (field, options) in [
        ("max_tokens", DeviceOptions { max_tokens: 0, ..good() }),
        ("max_batch", DeviceOptions { max_batch: 0, ..good() }),
        ("max_kv", DeviceOptions { max_kv: 0, ..good() }),
        ("page_size", DeviceOptions { page_size: 0, ..good() }),
        ("max_batch", DeviceOptions { max_batch: usize::MAX, ..good() }),
    ] {
        let error = refusal(&loaded, Double::new(1 << 30), options);
        assert!(
            matches!(&error, EngineError::Options(OptionsError::Size { field: found, .. }) if *found == field),
            "{error}"
        );
        assert!(error.is_usage());
    }
    let error = refusal(&loaded, Double::new(1 << 30), DeviceOptions { max_kv: 32_769, ..good() });
    assert!(matches!(error, EngineError::Options(OptionsError::BeyondContext { .. })), "{error}");
    let many = DeviceOptions { max_batch: 1 << 30, max_kv: 32_768, ..good() };
    let error = refusal(&loaded, Double::new(1 << 30), many);
    assert!(matches!(error, EngineError::Pool(PoolError::TooMany { .. })), "{error}");
}

#[test]
fn a_run_beyond_what_was_loaded_is_refused() {
    let loaded = open("micro/qwen3-dense");
    let model = load(&loaded, options(&loaded));
    let mut session = model.session().unwrap();
    let ids: Vec<SequenceId> = (0..5).map(|_| session.add()).collect();
    let gone = session.add();
    session.remove(gone);
    let (one, many) = ([1u32], [1u32; 25]);
    let chunk = |which: usize, tokens| Chunk { sequence: ids[which], tokens };
    let mut refused = |phase, chunks: &[Chunk<'_>]| {
        let error = session.run(phase, chunks, Logits::Last, &mut Unwatched).unwrap_err();
        assert!(error.is_usage(), "{error}");
        error
    };
    let session_error = |error| match error {
        EngineError::Session(error) => error,
        other => panic!("{other}"),
    };
    let prefill = Phase::Prefill;
    assert_eq!(session_error(refused(prefill, &[])), SessionError::NoChunks);
    let twice = [chunk(0, &one), chunk(1, &one), chunk(0, &one)];
    assert_eq!(session_error(refused(prefill, &twice)), SessionError::Twice(ids[0]));
    let unknown = Chunk { sequence: gone, tokens: &one };
    assert_eq!(session_error(refused(prefill, &[unknown])), SessionError::Unknown(gone));
    let decoded = SessionError::DecodeTokens { sequence: ids[0], tokens: 2 };
    assert_eq!(session_error(refused(Phase::Decode, &[chunk(0, &[1, 2])])), decoded);
    let tokens = SessionError::TooManyTokens { phase: prefill, tokens: 25, most: 24 };
    assert_eq!(session_error(refused(prefill, &[chunk(0, &many)])), tokens);
    let all: Vec<Chunk<'_>> = (0..5).map(|which| chunk(which, one.as_slice())).collect();
    let sequences = SessionError::TooManySequences { sequences: 5, most: 4 };
    assert_eq!(session_error(refused(Phase::Decode, &all)), sequences);
    let error = refused(prefill, &[chunk(0, &[])]);
    assert!(matches!(error, EngineError::Input(InputError::Empty)));
    let error = refused(prefill, &[chunk(0, &[1, 1024])]);
    let EngineError::Input(InputError::BeyondVocabulary { token: 1024, index: 1, vocab_size: 1024 }) = error
    else {
        panic!("{error}");
    };
    extend(&mut session, prefill, ids[0], &many[..24]);
    extend(&mut session, prefill, ids[0], &many[..24]);
    let error = session.run(Phase::Decode, &[chunk(0, &one)], Logits::Last, &mut Unwatched).unwrap_err();
    let long = SessionError::TooLong { sequence: ids[0], tokens: 49, most: 48 };
    assert_eq!(session_error(error), long);
    let error = session.adopt(ids[0], 49).unwrap_err();
    assert_eq!(session_error(error), SessionError::Prefix { of: ids[0], asked: 49, len: 48 });
    assert!(matches!(session.adopt(gone, 0), Err(EngineError::Session(SessionError::Unknown(_)))));
}

#[test]
fn the_context_of_the_model_is_a_limit_of_its_own() {
    let loaded = open("micro/llama-linear-rope");
    let options = DeviceOptions { max_tokens: 64, max_kv: 64, ..options(&loaded) };
    let model = load(&loaded, options);
    let mut session = model.session().unwrap();
    let sequence = session.add();
    extend(&mut session, Phase::Prefill, sequence, &[1; 64]);
    let error = session.run(Phase::Decode, &[Chunk { sequence, tokens: &[1] }], Logits::Last, &mut Unwatched);
    assert!(matches!(error, Err(EngineError::Input(InputError::BeyondContext { tokens: 65, longest: 64 }))));
}

#[test]
fn a_run_that_finds_no_pages_changes_nothing() {
    let loaded = open("micro/qwen3-dense");
    let model = load(&loaded, DeviceOptions { max_batch: 2, ..options(&loaded) });
    let total = 2 * 12 + 1;
    assert_eq!((model.free_pages(), model.layout().num_pages), (total, total));
    let mut session = model.session().unwrap();
    let ids: Vec<SequenceId> = (0..4).map(|_| session.add()).collect();
    let tokens = [7u32; 24];
    for sequence in &ids {
        extend(&mut session, Phase::Prefill, *sequence, &tokens);
    }
    assert_eq!(model.free_pages(), 1);
    let chunks = [ids[0], ids[1]].map(|sequence| Chunk { sequence, tokens: &tokens[..4] });
    let error = session.run(Phase::Prefill, &chunks, Logits::Last, &mut Unwatched).unwrap_err();
    let EngineError::Pool(PoolError::OutOfPages { needed: 2, free: 1, total: 25, page_size: 4 }) = error
    else {
        panic!("{error}");
    };
    assert_eq!((session.len(ids[0]), model.free_pages()), (24, 1));
    session.remove(ids[3]);
    assert_eq!(model.free_pages(), 7);
    session.run(Phase::Prefill, &chunks, Logits::Last, &mut Unwatched).unwrap();
    assert_eq!((session.len(ids[0]), session.len(ids[1]), model.free_pages()), (28, 28, 5));
    drop(session);
    assert_eq!(model.free_pages(), total);
}

#[test]
fn a_run_that_fails_on_the_device_changes_nothing() {
    let loaded = open("micro/qwen3-dense");
    let device = Double::new(1 << 30);
    let model = DeviceModel::load(
        &loaded,
        Arc::<Double>::clone(&device),
        &jit(Arc::new(Seam::empty())),
        options(&loaded),
    )
    .unwrap();
    let mut session = model.session().unwrap();
    let sequence = session.add();
    extend(&mut session, Phase::Prefill, sequence, &[1, 2, 3, 4]);
    let free = model.free_pages();
    device.fails_in.store(9, Ordering::Relaxed);
    let chunk = Chunk { sequence, tokens: &[5, 6] };
    let error = session.run(Phase::Prefill, &[chunk], Logits::All, &mut Unwatched).unwrap_err();
    assert!(matches!(error, EngineError::Device(DeviceError::Fault(_))), "{error}");
    assert_eq!((session.len(sequence), model.free_pages()), (4, free));
    device.fails_in.store(0, Ordering::Relaxed);
    let found = extend(&mut session, Phase::Prefill, sequence, &[5, 6]);
    let mut session = model.session().unwrap();
    let sequence = session.add();
    extend(&mut session, Phase::Prefill, sequence, &[1, 2, 3, 4]);
    assert_eq!(found, extend(&mut session, Phase::Prefill, sequence, &[5, 6]));
}

#[test]
fn an_imposed_stage_is_what_the_next_one_reads() {
    let loaded = open("qwen2-tiny");
    let model = load(&loaded, options(&loaded));
    let tokens = prompt(1024, 5, 71);
    let run = |imposed: Vec<(&'static str, Tensor)>| {
        let mut watch = watch_all();
        watch.imposed = imposed.into_iter().map(|(name, t)| (StageName::model(name), t)).collect();
        let mut session = model.session().unwrap();
        let chunk = Chunk { sequence: session.add(), tokens: &tokens };
        session.run(Phase::Prefill, &[chunk], Logits::All, &mut watch).map(|logits| (logits, watch))
    };
    let (plain, watch) = run(vec![]).unwrap();
    let norm = watch.stages()["model.norm"].clone();
    // What was there anyway changes nothing; it is recorded as computed.
    let (same, watch) = run(vec![("model.norm", norm.clone())]).unwrap();
    assert_eq!((bits(&same), bits(&watch.stages()["model.norm"])), (bits(&plain), bits(&norm)));
    let zeros = |count: usize| Values::F32(vec![0.0; count]);
    let (none, watch) =
        run(vec![("model.norm", Tensor { values: zeros(5 * 256), shape: vec![5, 256] })]).unwrap();
    assert!(bits(&none).iter().all(|x| *x << 1 == 0));
    assert_eq!(bits(&watch.stages()["model.norm"]), bits(&norm));
    let short = run(vec![("model.norm", Tensor { values: zeros(256), shape: vec![1, 256] })]);
    assert!(matches!(
        short.err(),
        Some(EngineError::Plan(PlanError::Imposed { expected: 1280, found: 256, .. }))
    ));
}

#[test]
fn every_tensor_is_consumed_or_ignored_as_the_reference_says_for_itself() {
    for path in models() {
        let loaded = Loaded::open(&path).unwrap();
        let reference = loaded.reference(kernels::Arithmetic::F32).unwrap();
        let model = load(&loaded, options(&loaded));
        assert_eq!(model.consumed().consumed, reference.consumed().consumed, "{}", path.display());
        assert!(!model.consumed().consumed.is_empty());
    }
    let source = folder("micro/llama-head-dim");
    let bytes = std::fs::read(source.join("model.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(source.join("config.json"), copy.path().join("config.json")).unwrap();
    let with = |extra: &[&str], without: &str| {
        let spare = file.tensor("model.norm.weight").unwrap();
        let extra = extra.iter().map(|&name| (name.to_owned(), spare.clone()));
        let tensors = file.tensors().into_iter().filter(|(name, _)| name != without).chain(extra);
        let bytes = safetensors::serialize(tensors, None).unwrap();
        std::fs::write(copy.path().join("model.safetensors"), bytes).unwrap();
        let loaded = Loaded::open(copy.path()).unwrap();
        let jit = jit(Arc::new(Seam::empty()));
        DeviceModel::load(&loaded, Double::new(1 << 30), &jit, options(&loaded))
    };
    let vain = ["lm_head.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"];
    let model = with(&vain, "").unwrap();
    let ignored = &model.consumed().ignored;
    assert!(ignored.iter().map(|(name, _)| name.as_str()).eq(vain));
    assert!(ignored.iter().all(|(_, reason)| !reason.is_empty()));
    let stray = "model.layers.0.self_attn.q_proj.bias";
    let error = with(&[stray], "").err().unwrap().to_string();
    assert!(error.contains(stray) && error.contains("never used"), "{error}");
    let error = with(&[], "model.layers.1.mlp.up_proj.weight").err().unwrap().to_string();
    assert!(error.contains("model.layers.1.mlp.up_proj.weight") && error.contains("missing"), "{error}");
}
