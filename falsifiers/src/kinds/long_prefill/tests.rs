//! Elements are counted where they are, and what is not finite is found.

use std::path::Path;

use contracts::Lane;
use contracts::kinds::SyntheticName;
use evidence::Need;
use kernels::seam::Seam;

use super::*;
use crate::mutants;

fn of(synthetic: SyntheticName, tokens: u32, chunk: Option<u32>) -> LongPrefill {
    LongPrefill { synthetic: vec![synthetic], layers: 2, tokens: vec![tokens], chunk }
}

fn tried(parameters: &LongPrefill, mutant: Option<&str>) -> (Result<Passed, Stop>, u64) {
    let seam = mutant.map_or_else(Seam::empty, |name| (mutants::find(name).unwrap().seam)());
    let subject = Subject::new(Path::new("zoo"), seam).on(Lane::Simt);
    let cases = cases(parameters);
    let [case] = &cases[..] else { panic!("one case") };
    ((case.attempt)(&subject), subject.seam().applied())
}

#[test]
fn tokens_are_shared_out_over_as_few_sequences_as_hold_them() {
    let lengths =
        |tokens, context| -> Vec<usize> { prompts(tokens, context, 7).iter().map(Vec::len).collect() };
    assert_eq!(lengths(65_537, 40_960), [32_769, 32_768]);
    assert_eq!(lengths(65_537, 1_048_576), [65_537]);
    assert_eq!(lengths(64, 64), [64]);
    assert_eq!(lengths(130, 64), [44, 43, 43]);
    let tokens = prompts(1000, 400, 7).concat();
    assert!((0..7).all(|token| tokens.contains(&token)) && tokens.iter().all(|&token| token < 7));
}

#[test]
fn a_case_names_every_axis() {
    let parameters = LongPrefill { tokens: vec![5, 9], ..of(SyntheticName::TinyMistral4, 5, Some(4)) };
    let ids: Vec<String> = cases(&parameters).into_iter().map(|case| case.id).collect();
    assert_eq!(
        ids,
        [
            "long_prefill(synthetic=tiny-mistral4,layers=2,tokens=5,chunk=4)",
            "long_prefill(synthetic=tiny-mistral4,layers=2,tokens=9,chunk=4)"
        ]
    );
}

#[test]
fn every_element_of_every_stage_is_counted_however_tokens_are_split() {
    let mut found = Vec::new();
    for (tokens, chunk) in [(20, None), (96, None), (20, Some(7)), (96, Some(40))] {
        let parameters = of(SyntheticName::TinyQwen3Moe, tokens, chunk);
        let passed = tried(&parameters, None).0.unwrap();
        assert_eq!((passed.metric.as_str(), passed.value, passed.limit), ("non_finite", 0.0, 0.0));
        assert_eq!(passed.elements % u64::from(tokens), 0);
        found.push(passed.elements / u64::from(tokens));
    }
    assert!(found.iter().all(|elements| *elements == found[0]), "{found:?}");
    // The row of the table, the last norm and the head; and of each of two layers both norms, what is projected, attended
    // to, routed and given, as the plan of the same options stores it.
    let shape = synthetic::find("tiny-qwen3-moe").unwrap();
    let loaded = shape.open_layers(0, 2, Arc::new(Seam::empty())).unwrap();
    let options = DeviceOptions::new(loaded.config(), loaded.activation_dtype());
    let [prefill, _] =
        engine::plan::build(&loaded, &options, &kernels::device::Target::new(9, 0).limits()).unwrap();
    let width =
        |stage| prefill.buffers.iter().find(|buffer| buffer.role == Role::Stage(stage)).unwrap().width;
    let stored: Vec<(String, usize)> =
        prefill.measured().map(|stage| (stage.to_string(), width(stage))).collect();
    assert_eq!(stored.iter().map(|(_, width)| *width as u64).sum::<u64>(), found[0], "{stored:?}");
    // Outside of layers: the row of the table, the last norm, and the head.
    assert_eq!(found[0], 64 + 64 + 101 + 2 * 656, "{stored:?}");
}

#[test]
fn what_is_not_finite_is_named_by_stage_token_and_index() {
    for shape in [SyntheticName::TinyQwen3Moe, SyntheticName::TinyMistral4] {
        let (outcome, applied) = tried(&of(shape, 20, None), Some("mlp@act-nan"));
        let Err(Stop::Falsified(defect)) = outcome else { panic!("{outcome:?}") };
        assert!(applied > 0);
        let stage = defect.stage.as_deref().unwrap();
        assert!(stage.starts_with("model.layers.0.mlp"), "{stage}");
        assert_eq!((defect.token, &defect.index[..1]), (Some(0), &[0][..]));
        assert!(defect.found.is_some_and(f64::is_nan) && defect.metric == "non_finite");
    }
}

#[test]
fn a_launch_that_no_device_takes_falsifies() {
    for (shape, mutant) in [
        (SyntheticName::TinyQwen3Moe, "moe@slots-along-y"),
        (SyntheticName::TinyMistral4, "mla_rope@tokens-along-y"),
    ] {
        let (outcome, applied) = tried(&of(shape, 65_537, None), Some(mutant));
        let Err(Stop::Falsified(defect)) = outcome else { panic!("{mutant}: {outcome:?}") };
        assert!(applied > 0 && defect.metric == "refused", "{defect:?}");
        assert!(defect.message.contains("grid y") && defect.message.contains("65535"), "{}", defect.message);
    }
}

#[test]
fn too_little_memory_and_too_many_layers_are_no_pass() {
    let large = of(SyntheticName::MistralSmall4, 65_537, None);
    let Err(Stop::Blocked(Need::Memory { needed, free })) = tried(&large, None).0 else {
        panic!("a virtual device has not so much memory")
    };
    // Experts of two layers, 128 of three matrices of 4,096 by 2,048 in two bytes, and more.
    assert!(needed > 2 * 128 * 3 * 4096 * 2048 * 2 && free < needed);
    let deep = LongPrefill { layers: 4, ..of(SyntheticName::TinyMistral4, 5, None) };
    let (outcome, _) = tried(&deep, None);
    assert!(matches!(&outcome, Err(Stop::Errored(why)) if why.contains("3 layers")), "{outcome:?}");
}
