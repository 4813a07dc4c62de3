//! Holes of comparators.

use evidence::trace_file::StageStats;
use falsifiers::compare::{Difference, Limit, compare, cosine, row_l2};
use kernels::real::Values;
use proptest::prelude::*;

use crate::support::{row, tensor};

/// One of each sort, loose enough that only what is wrong with the comparison itself can fail.
const LOOSE: [Limit; 3] =
    [Limit::Ulp(1 << 20), Limit::AbsRel { abs: 0.5, rel: 0.5 }, Limit::RowL2 { max: 0.99 }];

fn all() -> impl Iterator<Item = Limit> {
    LOOSE.into_iter().chain([Limit::Bitwise])
}

/// Hole: NaN passes, because `abs(found - truth) > limit` is false for it.
/// Seen: llm.c `validate_result`; llama.cpp `test-llama-archs` (`nmse > 1e-4`).
/// Here: Elements that are not finite are looked at first, and every limit is written as "not (ok)".
#[test]
fn nan_is_below_every_limit() {
    for limit in all() {
        for at in 0..3 {
            let mut found = [1.0, 2.0, 3.0];
            found[at] = f64::NAN;
            let difference = compare(&row(&[1.0, 2.0, 3.0]), &row(&found), limit).unwrap_err();
            assert!(matches!(difference, Difference::NonFinite { ref index, .. } if index == &[0, at]));
        }
    }
    assert!(!(row_l2(&row(&[1.0]), &row(&[f64::NAN])) <= f64::MAX), "NaN must win over every limit");
}

/// Hole: Where the reference is NaN or infinite, the element is skipped or compares as equal.
/// Seen: flashinfer-bench (`NaN > atol` is false); llm.c skips what is not finite in the reference.
/// Here: An element that is not finite on one side only is a difference, whichever side it is.
#[test]
fn nan_in_the_reference_excuses_the_element() {
    for limit in all() {
        for truth in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for found in [0.0, 1e308, -1e308] {
                assert!(compare(&row(&[1.0, truth]), &row(&[1.0, found]), limit).is_err(), "{truth} {found}");
            }
        }
    }
}

/// Hole: NaN is replaced by zero on both sides before they are compared.
/// Seen: transformers, eager against SDPA (`logits_per_text`).
/// Here: What is NaN on both sides counts as no element, and a comparison of no elements is vacuous.
#[test]
fn nan_on_both_sides_is_agreement() {
    for limit in all() {
        let nothing = row(&[f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!(compare(&nothing, &nothing, limit), Err(Difference::Empty));
        let held = compare(&row(&[f64::NAN, 1.0]), &row(&[f64::NAN, 1.0]), limit).unwrap();
        assert_eq!(held.elements, 1, "only what was compared is counted");
    }
}

/// Hole: An infinite element makes the metric NaN, which no threshold marks.
/// Seen: the per-op parity table of an older `apr`; every NMSE that sums before it tests.
/// Here: Infinities must agree in place and in sign, before any metric is taken.
#[test]
fn infinity_turns_the_metric_into_nan() {
    for limit in all() {
        for found in [f64::NEG_INFINITY, f64::NAN, f64::MAX] {
            assert!(compare(&row(&[f64::INFINITY, 1.0]), &row(&[found, 1.0]), limit).is_err());
        }
        assert!(compare(&row(&[1.0, 1.0]), &row(&[f64::INFINITY, 1.0]), limit).is_err());
    }
}

/// Hole: An empty tensor is within tolerance.
/// Seen: flashinfer-bench `compute_error_stats` (ratio 1.0); FlashInfer `default_check`; SGLang's comparator.
/// Here: Nothing to compare is its own difference, and makes the claim vacuous.
#[test]
fn an_empty_tensor_passes() {
    for limit in all() {
        for shape in [&[0_usize][..], &[0, 4], &[4, 0]] {
            assert_eq!(compare(&tensor(shape, &[]), &tensor(shape, &[]), limit), Err(Difference::Empty));
        }
        assert!(compare(&tensor(&[0, 4], &[]), &row(&[1.0]), limit).is_err());
        assert!(compare(&row(&[1.0]), &tensor(&[0, 4], &[]), limit).is_err());
    }
}

/// Hole: Tensors of different shapes are logged and passed, skipped, or broadcast.
/// Seen: MIGraphX `verify` (logs FAILED and keeps `passed = true`); tract `compare` ("Skipped").
/// Here: A shape that differs is a difference, also where the number of elements is the same.
#[test]
fn a_shape_mismatch_is_not_a_failure() {
    let (values, one) = ([1.0, 1.0, 1.0, 1.0], [1.0]);
    let shapes = [&[4_usize][..], &[1, 4], &[4, 1], &[2, 2], &[1, 1, 4]];
    for limit in all() {
        for left in shapes {
            for right in shapes.into_iter().filter(|right| *right != left) {
                let difference = compare(&tensor(left, &values), &tensor(right, &values), limit).unwrap_err();
                assert!(matches!(difference, Difference::Shape { .. }), "{left:?} {right:?} {difference}");
            }
        }
        // A shape that lies about its values.
        assert!(compare(&tensor(&[1, 4], &values), &tensor(&[1, 4], &one), limit).is_err());
    }
    assert_eq!(row_l2(&tensor(&[2, 2], &values), &row(&values)), f64::INFINITY);
}

/// Hole: Another dtype is widened in silence, so that equal values stand for equal bits.
/// Seen: cudarc 0.18 records one option and passes another on; here the counterpart is what was stored.
/// Here: A bitwise comparison across dtypes is refused.
#[test]
fn bits_are_compared_after_widening() {
    let narrow = engine::trace::Tensor { shape: vec![1, 2], values: Values::F32(vec![1.0, 2.0]) };
    let difference = compare(&row(&[1.0, 2.0]), &narrow, Limit::Bitwise).unwrap_err();
    assert!(matches!(difference, Difference::Dtype { .. }));
}

/// Hole: An element passes if either its absolute or its relative error is small, so that small values may be all wrong.
/// Seen: Polygraphy's default; flashinfer-bench (fails only where both are exceeded).
/// Here: `row_l2` holds every row to its own size; with `abs: 0`, `abs_rel` holds every element to its own.
#[test]
fn small_values_pass_by_their_absolute_error() {
    let (truth, found) = (row(&[1e-6, -2e-6, 3e-6]), row(&[-1e-6, 2e-6, -3e-6]));
    assert!(compare(&truth, &found, Limit::RowL2 { max: 0.99 }).is_err());
    assert!(compare(&truth, &found, Limit::AbsRel { abs: 0.0, rel: 0.99 }).is_err());
    // Where an absolute part is asked for, it is added and written down; it never replaces the relative one.
    let limit = Limit::AbsRel { abs: 1e-9, rel: 1e-3 };
    assert!(compare(&row(&[1.0]), &row(&[1.002]), limit).is_err());
    assert!(compare(&row(&[0.0]), &row(&[1e-8]), limit).is_err());
}

/// Hole: Most elements, or most of the batch, suffice, and the others are not bounded at all.
/// Seen: transformers (80 % of the batch); flashinfer-bench (95 % for MoE); tract and msprobe (outlier fractions).
/// Here: Every row, or every element, is held to the limit; one bad one in a million fails and is named.
#[test]
fn most_of_the_elements_suffice() {
    let values = vec![1.0; 1 << 20];
    let truth = tensor(&[1 << 10, 1 << 10], &values);
    let mut found = values;
    found[777_777] = 1.5;
    for limit in
        [Limit::Bitwise, Limit::Ulp(4), Limit::AbsRel { abs: 0.0, rel: 0.01 }, Limit::RowL2 { max: 0.01 }]
    {
        let difference = compare(&truth, &tensor(&[1 << 10, 1 << 10], &found), limit).unwrap_err();
        let Difference::Beyond { index, .. } = difference else { panic!("{difference}") };
        assert_eq!(index, [777_777 >> 10, 777_777 & 1023]);
    }
}

/// Hole: One norm over the whole tensor, or one normaliser, hides a row that is all wrong.
/// Seen: ggml (NMSE of the tensor); SGLang's comparator; vLLM-Neuron (normalises by the global maximum).
/// Here: Each row is held to its own norm.
#[test]
fn a_large_row_hides_a_wrong_one() {
    let mut truth = vec![1e6; 8 * 100];
    truth[8 * 50..8 * 51].fill(1e-3);
    let mut found = truth.clone();
    found[8 * 50..8 * 51].fill(-1e-3);
    let (truth, found) = (tensor(&[100, 8], &truth), tensor(&[100, 8], &found));
    let whole = row_l2(
        &tensor(&[1, 800], &truth.values.wide(0..800)),
        &tensor(&[1, 800], &found.values.wide(0..800)),
    );
    assert!(whole < 1e-8, "as one norm it would be nothing: {whole}");
    let Err(Difference::Beyond { index, value, .. }) = compare(&truth, &found, Limit::RowL2 { max: 0.01 })
    else {
        panic!("the row was not seen")
    };
    assert_eq!((index[0], value), (50, 2.0));
}

/// Hole: Cosine similarity does not see the scale, nor one wrong element of a long row.
/// Seen: the parity checks of an older `apr` (0.95 to 0.99); TensorRT-Edge-LLM few-layer validation.
/// Here: It is reported and never a criterion: no limit is made of it, and the scale fails under each.
#[test]
fn cosine_does_not_see_the_scale() {
    let (truth, found) = (row(&[1.0, -2.0, 3.0]), row(&[3.0, -6.0, 9.0]));
    assert!(cosine(&truth, &found) > 0.999_999);
    for limit in all() {
        assert!(compare(&truth, &found, limit).is_err(), "{limit:?}");
    }
}

/// Hole: Tensors are compared by a digest that does not see signs or the order of the elements.
/// Seen: PyTorch `DebugMode` (the default hash is the L1 norm).
/// Here: Elements are compared in their places, and the digest of a trace is of the bytes.
#[test]
fn a_digest_does_not_see_sign_or_order() {
    let truth = [1.0_f64, -2.0, 3.0];
    for found in [[-1.0, 2.0, -3.0], [3.0, -2.0, 1.0], [1.0, 2.0, 3.0]] {
        for limit in [Limit::Bitwise, Limit::Ulp(4), Limit::RowL2 { max: 0.5 }] {
            assert!(compare(&row(&truth), &row(&found), limit).is_err(), "{found:?}");
        }
        assert_ne!(StageStats::of_f64(&truth).digest, StageStats::of_f64(&found).digest);
    }
    assert_ne!(StageStats::of_f64(&[0.0]).digest, StageStats::of_f64(&[-0.0]).digest);
}

/// Hole: The error is divided by the number of elements once too often, so that an output of zeros passes.
/// Seen: ggml `test-quantize-fns` (`sqrt(sum) / n`); zeros score below the limit of its binary format.
/// Here: An output of zeros is off by exactly 1 in every row, however long; limits of 1 are a lint error.
#[test]
fn an_output_of_zeros_passes() {
    for width in [1, 2, 4096, 1 << 16] {
        let truth = vec![8.0; width];
        assert_eq!(row_l2(&row(&truth), &row(&vec![0.0; width])), 1.0);
        for limit in all() {
            assert!(compare(&row(&truth), &row(&vec![0.0; width]), limit).is_err(), "{width} {limit:?}");
        }
    }
}

/// Hole: Squares of very small numbers vanish, and with them every difference between such rows.
/// Seen: our own comparator, in this suite.
/// Here: A row whose squares vanish or overflow is measured in units of its largest element.
#[test]
fn differences_of_very_small_rows_vanish() {
    for scale in [1e-155, 1e-170, 1e-200, 1e-300] {
        let (truth, found) = (row(&[scale, 2.0 * scale]), row(&[3.0 * scale, -scale]));
        let value = row_l2(&truth, &found);
        assert!((value - 13f64.sqrt() / 5f64.sqrt()).abs() < 1e-9, "{scale:e} {value}");
        assert!(compare(&truth, &found, Limit::RowL2 { max: 0.99 }).is_err(), "{scale:e}");
    }
    assert!(compare(&row(&[1e200, 1e200]), &row(&[1e200, -1e200]), Limit::RowL2 { max: 0.99 }).is_err());
    assert!(compare(&row(&[0.0, 0.0]), &row(&[0.0, 1e-320]), Limit::RowL2 { max: 0.99 }).is_err());
}

/// Hole: The first position is left out, or only the last one is looked at.
/// Seen: the per-request gate of an older `apr` (positions from 1 on); llama.cpp `check-nmse.py` (last token).
/// Here: Every row that a golden has is compared, the first and the last among them.
#[test]
fn the_first_position_is_left_out() {
    for wrong in 0..4 {
        let truth = vec![1.0; 16];
        let mut found = truth.clone();
        found[wrong * 4] = 2.0;
        for limit in
            [Limit::Bitwise, Limit::Ulp(4), Limit::AbsRel { abs: 0.1, rel: 0.1 }, Limit::RowL2 { max: 0.1 }]
        {
            let difference = compare(&tensor(&[4, 4], &truth), &tensor(&[4, 4], &found), limit).unwrap_err();
            let Difference::Beyond { index, .. } = difference else { panic!("{difference}") };
            assert_eq!(index, [wrong, 0]);
        }
    }
}

/// Hole: A limit that is NaN, negative, or infinite bounds nothing.
/// Seen: tolerances read from files without a check; gates whose declared threshold is not part of the verdict.
/// Here: No value is below such a limit, or the outcome that cites it is an error.
#[test]
fn a_limit_that_bounds_nothing_is_met() {
    let (truth, found) = (row(&[1.0]), row(&[1.5]));
    for bad in [f64::NAN, -1.0, f64::NEG_INFINITY] {
        assert!(compare(&truth, &found, Limit::RowL2 { max: bad }).is_err(), "{bad}");
        assert!(compare(&truth, &found, Limit::AbsRel { abs: bad, rel: 0.0 }).is_err(), "{bad}");
        assert!(compare(&truth, &found, Limit::AbsRel { abs: 0.0, rel: bad }).is_err(), "{bad}");
    }
    let held = compare(&truth, &found, Limit::RowL2 { max: f64::INFINITY }).unwrap();
    let worst = evidence::Worst {
        case: String::new(),
        stage: None,
        metric: held.metric.to_owned(),
        value: held.value.into(),
        limit: held.limit.into(),
    };
    assert!(!evidence::Outcome::survived(1, held.elements, worst).passes());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Hole: Some combination of values, shapes, and limits passes although an element is wrong.
    /// Seen: the holes above, all of which somebody had overlooked.
    /// Here: Whatever passes has at least one element, all finite or equal, and none beyond its limit.
    #[test]
    fn something_wrong_passes_somewhere(
        pairs in proptest::collection::vec((any::<f64>(), any::<f64>(), any::<bool>()), 0..12),
        width in 1usize..4, which in 0usize..4,
    ) {
        let (truth, found): (Vec<f64>, Vec<f64>) =
            pairs.iter().map(|(truth, found, same)| (*truth, if *same { *truth } else { *found })).unzip();
        let rows = truth.len() / width;
        let (truth, found) = (&truth[..rows * width], &found[..rows * width]);
        let limit = all().nth(which).unwrap();
        if let Ok(held) = compare(&tensor(&[rows, width], truth), &tensor(&[rows, width], found), limit) {
            prop_assert!(held.elements > 0 && held.value <= held.limit);
            for (truth, found) in truth.iter().zip(found) {
                prop_assert!(truth.is_finite() == found.is_finite());
                let near = (found - truth).abs() <= 2.0 * truth.abs().max(0.5);
                let by_row = matches!(limit, Limit::RowL2 { .. });
                let held = truth.to_bits() == found.to_bits() || !truth.is_finite() || near || by_row;
                prop_assert!(held, "{} against {}", found, truth);
            }
        }
    }
}
