//! Keys or values of new tokens, written to the slots of their pages.
//!
//! Kwon et al., "Efficient Memory Management for Large Language Model Serving with PagedAttention" (arXiv
//! 2309.06180), section 4: a slot is a row of the pages, `page * page_size + offset`. A negative slot is that of
//! padding, as in vLLM's `slot_mapping`, and is written nowhere.

use ndarray::{Array2, ArrayView2};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo =
    OpInfo { name: "kv_write", summary: "keys and values of new tokens, written to their pages", declares };

fn declares(activation: Dtype) -> Declaration {
    // What is written is rounded a second time, to the dtype of the pages, which is a parameter of the op.
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `pages [num_pages * page_size, width]` after row `t` of `x [num_tokens, width]` was written to row
/// `slot_mapping[t]`, in the format `kv` where the arithmetic is `declared`. Every other row stays as it was.
///
/// Pages of E4M3 hold `x / scale` (vLLM's `k_scale` and `v_scale`), so that what is stored times `scale` is the key or the
/// value; declared is one division in f32 before the rounding. Pages of any other format hold `x`, whatever `scale` is.
///
/// Keys and values are two calls. The caller has checked that every slot lies below the rows of the pages, and that no
/// two tokens have the same.
#[must_use]
pub fn reference<T: Real>(
    pages: ArrayView2<'_, T>,
    x: ArrayView2<'_, T>,
    slot_mapping: &[i32],
    kv: Dtype,
    scale: f32,
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let mut out = pages.to_owned();
    for (row, &slot) in x.rows().into_iter().zip(slot_mapping) {
        let Ok(slot) = usize::try_from(slot) else { continue };
        out.row_mut(slot).assign(&row.mapv(|x| {
            let x = if rounding.is_declared() { rounding.input(x) } else { x };
            let held = if kv == Dtype::E4M3 { x / T::of_f32(scale) } else { x };
            if rounding.is_declared() { held.rounded_to(kv) } else { held }
        }));
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    const DECLARED: Arithmetic = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };

    #[test]
    fn rows_go_to_their_slots_and_padding_nowhere() {
        let x = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
        let pages = Array2::from_elem((4, 2), -7.0);
        let out = reference(pages.view(), x.view(), &[2, -1, 0], Dtype::F32, 3.0, Arithmetic::F64);
        assert_eq!(out, array![[5.0, 6.0], [-7.0, -7.0], [1.0, 2.0], [-7.0, -7.0]]);
    }

    #[test]
    fn values_are_rounded_to_the_format_of_the_pages() {
        let x = array![[1.0625f32, 500.0, -1e-3, 0.3]];
        let pages = Array2::zeros((1, 4));
        let written = |kv, scale| reference(pages.view(), x.view(), &[0], kv, scale, DECLARED);
        assert_eq!(written(Dtype::E4M3, 1.0), array![[1.0, 448.0, -0.001_953_125, 0.3125]]);
        // As bfloat16 stores them, which half precision can hold; and whatever scale nobody uses.
        assert_eq!(written(Dtype::F16, 5.0), array![[1.0625, 500.0, -0.000_999_450_7, 0.300_781_25]]);
    }

    #[test]
    fn pages_of_e4m3_hold_what_times_the_scale_is_the_value() {
        let x = array![[1000.0f32, -30_000.0, 0.7, 3.0]];
        let pages = Array2::zeros((1, 4));
        let written = |scale| reference(pages.view(), x.view(), &[0], Dtype::E4M3, scale, DECLARED);
        // 1000 / 4 = 250 lies between 240 and 256; -7500 saturates.
        assert_eq!(written(4.0), array![[256.0, -448.0, 0.171_875, 0.75]]);
        // 3 / 3 is 1 exactly, which 3 times the rounded third is not.
        assert_eq!(written(3.0)[[0, 3]], 1.0);
        let wide = reference(
            pages.mapv(f64::from).view(),
            x.mapv(f64::from).view(),
            &[0],
            Dtype::E4M3,
            4.0,
            Arithmetic::F64,
        );
        assert_eq!(wide[[0, 1]], -7500.0);
    }
}
