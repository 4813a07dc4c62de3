//! Traces read as written, and traces that lie.

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;

type Tensors = Vec<(String, Vec<usize>, Data)>;

fn trace_of(arithmetic: ArithmeticName, tensors: &Tensors) -> TraceFile {
    let dtype = if arithmetic == ArithmeticName::F64 { StageDtype::F64 } else { StageDtype::F32 };
    TraceFile {
        schema: SCHEMA,
        model: "qwen2-tiny".into(),
        model_digest: crate::digest::bytes(b"model"),
        arithmetic,
        device: Lane::Cpu,
        token_ids: vec![1, 2, 3],
        kernel_keys: BTreeMap::new(),
        library: BTreeMap::new(),
        fused: BTreeMap::new(),
        stages: tensors
            .iter()
            .map(|(name, shape, data)| StageRecord::new(name, shape.clone(), dtype, data.stats()))
            .collect(),
    }
}

fn tensors() -> Tensors {
    vec![
        ("model.norm".into(), vec![3, 2], Data::F32(vec![1.0, -2.0, 0.5, f32::NAN, f32::INFINITY, -0.0])),
        ("model.embed_tokens".into(), vec![3, 1], Data::F32(vec![0.1, 0.2, 0.3])),
    ]
}

fn written() -> (TempDir, TraceFile, Tensors) {
    let temp = TempDir::new().unwrap();
    let tensors = tensors();
    let trace = trace_of(ArithmeticName::F32, &tensors);
    write(temp.path(), &trace, Some(&tensors)).unwrap();
    (temp, trace, tensors)
}

fn bits(data: &Data) -> Vec<u64> {
    match data {
        Data::F32(values) => values.iter().map(|value| u64::from(value.to_bits())).collect(),
        Data::F64(values) => values.iter().map(|value| value.to_bits()).collect(),
    }
}

#[test]
fn a_trace_is_read_as_written() {
    let (temp, trace, tensors) = written();
    assert_eq!(read(temp.path()).unwrap(), trace);
    let payload = read_payload(temp.path()).unwrap();
    assert_eq!(payload.len(), tensors.len());
    for (name, shape, data) in &tensors {
        assert_eq!(payload[name].shape, *shape);
        assert_eq!(bits(&payload[name].data), bits(data));
    }
    let names: Vec<_> = fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn an_f64_trace_has_an_f64_payload() {
    let temp = TempDir::new().unwrap();
    let tensors: Tensors = vec![("lm_head".into(), vec![2], Data::F64(vec![0.1, 1e300]))];
    write(temp.path(), &trace_of(ArithmeticName::F64, &tensors), Some(&tensors)).unwrap();
    assert_eq!(read_payload(temp.path()).unwrap()["lm_head"].data, tensors[0].2);
    let wrong = trace_of(ArithmeticName::F32, &tensors);
    assert!(matches!(write(temp.path(), &wrong, Some(&tensors)), Err(TraceError::Stage { .. })));
}

#[test]
fn writing_again_replaces_and_leaves_no_old_payload() {
    let (temp, trace, _) = written();
    write(temp.path(), &trace, None).unwrap();
    assert_eq!(read(temp.path()).unwrap(), trace);
    assert!(matches!(read_payload(temp.path()), Err(TraceError::Io { .. })));
}

#[test]
fn a_bad_trace_is_not_written_and_the_old_one_stays() {
    let (temp, trace, tensors) = written();
    let attempt = |change: fn(&mut TraceFile, &mut Tensors)| {
        let (mut trace, mut tensors) = (trace.clone(), tensors.clone());
        change(&mut trace, &mut tensors);
        write(temp.path(), &trace, Some(&tensors)).unwrap_err()
    };
    let error = attempt(|trace, _| trace.stages.push(trace.stages[0].clone()));
    assert!(matches!(error, TraceError::DuplicateStage { .. }), "{error}");
    let error = attempt(|_, tensors| tensors.push(tensors[0].clone()));
    assert!(matches!(error, TraceError::DuplicateStage { .. }), "{error}");
    let error = attempt(|_, tensors| drop(tensors.pop()));
    assert!(matches!(error, TraceError::MissingStage { .. }), "{error}");
    let error = attempt(|trace, _| drop(trace.stages.pop()));
    assert!(matches!(error, TraceError::UnknownStage { .. }), "{error}");
    let error = attempt(|_, tensors| tensors[0].2 = Data::F32(vec![0.0; 6]));
    assert!(matches!(error, TraceError::WrongDigest { .. }), "{error}");
    let error = attempt(|_, tensors| tensors[0].2 = Data::F32(vec![0.0; 5]));
    assert!(matches!(error, TraceError::Stage { .. }), "{error}");
    let error = attempt(|trace, _| trace.stages[0].name = "__metadata__".into());
    assert!(matches!(error, TraceError::Stage { .. }), "{error}");
    assert_eq!(read(temp.path()).unwrap(), trace);
    assert!(read_payload(temp.path()).is_ok());
}

#[test]
fn lies_in_trace_json_are_found() {
    type Lie = fn(&mut TraceFile);
    let without_payload: &[(&str, Lie)] = &[
        ("overflowing shape", |trace| trace.stages[0].shape = vec![usize::MAX, 2]),
        ("more NaN than elements", |trace| trace.stages[0].nan_count = 7),
        ("counts that overflow", |trace| trace.stages[0].nan_count = u64::MAX),
        ("no digest", |trace| trace.stages[0].digest = "abc".into()),
        ("no name", |trace| trace.stages[0].name = String::new()),
        ("a stage twice", |trace| trace.stages[1] = trace.stages[0].clone()),
    ];
    let with_payload: &[(&str, Lie)] = &[
        ("another shape of the same size", |trace| trace.stages[0].shape = vec![2, 3]),
        ("another size", |trace| trace.stages[0].shape = vec![3, 3]),
        ("another digest", |trace| trace.stages[0].digest = crate::digest::bytes(b"")),
        ("another arithmetic", |trace| trace.arithmetic = ArithmeticName::F64),
        ("no NaN", |trace| trace.stages[0].nan_count = 0),
        ("no infinity", |trace| trace.stages[0].inf_count = 0),
        ("another minimum", |trace| trace.stages[1].min = 0.0.into()),
        ("a finite minimum", |trace| trace.stages[0].min = 0.0.into()),
        ("another maximum", |trace| trace.stages[1].max = f64::NAN.into()),
        ("a stage renamed", |trace| trace.stages[1].name = "lm_head".into()),
        ("a stage left out", |trace| drop(trace.stages.pop())),
    ];
    for (what, lie) in without_payload.iter().chain(with_payload) {
        let (temp, mut trace, _) = written();
        lie(&mut trace);
        fs::write(temp.path().join(TRACE_FILE), serde_json::to_vec(&trace).unwrap()).unwrap();
        assert!(read_payload(temp.path()).is_err(), "{what}");
        let alone = with_payload.iter().any(|(name, _)| name == what);
        assert_eq!(read(temp.path()).is_ok(), alone, "{what}");
    }
}

#[test]
fn unknown_fields_and_newer_versions_are_refused() {
    let (temp, ..) = written();
    let path = temp.path().join(TRACE_FILE);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen('{', "{\"passed\": true,", 1)).unwrap();
    assert!(matches!(read(temp.path()), Err(TraceError::Malformed { .. })));
    fs::write(&path, "{\"schema\": 2, \"new\": 1}").unwrap();
    assert!(matches!(read(temp.path()), Err(TraceError::NewerSchema { found: 2, .. })));
    fs::write(&path, "").unwrap();
    assert!(matches!(read(temp.path()), Err(TraceError::Malformed { .. })));
}

#[test]
fn a_payload_cut_off_anywhere_is_found() {
    let (temp, ..) = written();
    let path = temp.path().join(PAYLOAD_FILE);
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(read_payload(temp.path()).is_err(), "{length}");
    }
}

#[test]
fn an_unread_dtype_is_refused() {
    let (temp, ..) = written();
    let view = safetensors::tensor::TensorView::new(Dtype::I32, vec![1], &[0; 4]).unwrap();
    fs::write(temp.path().join(PAYLOAD_FILE), safetensors::serialize([("x", view)], None).unwrap()).unwrap();
    assert!(matches!(read_payload(temp.path()), Err(TraceError::Malformed { .. })));
}

#[test]
fn statistics() {
    let stats = StageStats::of_f32(&[1.0, 2.0, 3.0, 4.0]);
    assert_eq!((stats.mean, stats.min, stats.max), (2.5.into(), 1.0.into(), 4.0.into()));
    assert_eq!(stats.std, 1.25_f64.sqrt().into());
    assert_eq!(stats.l2, 30_f64.sqrt().into());
    assert_eq!((stats.nan_count, stats.inf_count), (0, 0));
    assert_eq!(stats.digest, crate::digest::bytes(&[1.0_f32, 2.0, 3.0, 4.0].map(f32::to_le_bytes).concat()));
}

#[test]
fn one_nan_is_in_every_statistic() {
    let stats = StageStats::of_f64(&[1.0, f64::NAN, f64::INFINITY]);
    for value in [stats.mean, stats.std, stats.min, stats.max, stats.l2] {
        assert!(value.get().is_nan());
    }
    assert_eq!((stats.nan_count, stats.inf_count), (1, 1));
    let stats = StageStats::of_f64(&[1.0, f64::NEG_INFINITY]);
    assert_eq!((stats.min, stats.l2), (f64::NEG_INFINITY.into(), f64::INFINITY.into()));
    let empty = StageStats::of_f32(&[]);
    assert!(empty.mean.get().is_nan() && empty.max.get().is_nan());
    assert_eq!(empty.l2, 0.0.into());
}

#[test]
fn large_and_small_elements_do_not_leave_the_range() {
    for size in [1e300, 1e-300, f64::MIN_POSITIVE] {
        let stats = StageStats::of_f64(&[3.0 * size, 4.0 * size]);
        assert!((stats.l2.get() / (5.0 * size) - 1.0).abs() < 1e-14, "{size}: {stats:?}");
        assert!((stats.std.get() / (0.5 * size) - 1.0).abs() < 1e-12, "{size}: {stats:?}");
    }
}

proptest! {
    #[test]
    fn any_tensor_survives(values in proptest::collection::vec(any::<u32>(), 0..200)) {
        let temp = TempDir::new().unwrap();
        let data = Data::F32(values.iter().map(|bits| f32::from_bits(*bits)).collect());
        let tensors: Tensors = vec![("lm_head".into(), vec![values.len()], data)];
        write(temp.path(), &trace_of(ArithmeticName::Declared, &tensors), Some(&tensors)).unwrap();
        let payload = read_payload(temp.path()).unwrap();
        prop_assert_eq!(bits(&payload["lm_head"].data), bits(&tensors[0].2));
    }

    #[test]
    fn one_changed_byte_of_the_payload_is_found(at in any::<proptest::sample::Index>(), flip in 1_u8..) {
        let (temp, ..) = written();
        let path = temp.path().join(PAYLOAD_FILE);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&path, bytes).unwrap();
        // A changed header may still mean the same; a changed tensor never does.
        let payload = read_payload(temp.path());
        if let Ok(payload) = payload {
            for (name, shape, data) in tensors() {
                prop_assert_eq!(&payload[&name].shape, &shape);
                prop_assert_eq!(bits(&payload[&name].data), bits(&data));
            }
        }
    }
}
