//! Latents of new tokens and the key that all heads share, written to the slots of their pages.
//!
//! DeepSeek-AI, "DeepSeek-V2" (arXiv 2405.04434), section 2.1.2: what is kept of a token is the normed latent that keys and
//! values of all heads are made from, and one turned key. Slots are those of Kwon et al., "PagedAttention" (arXiv 2309.06180),
//! section 4; a negative one is that of padding, and is written nowhere.

use ndarray::{Array2, ArrayView2, s};

use crate::{Arithmetic, Declaration, Dtype, OpInfo, Real};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "mla_write",
    summary: "latents and shared keys of new tokens, written to their pages",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    // What is written is rounded a second time, to the dtype of the pages, which is a parameter of the op.
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// `pages [num_pages * page_size, kv_lora_rank + qk_rope_head_dim]` after row `t` of `latent [num_tokens, kv_lora_rank]` and
/// of `k_pe [num_tokens, qk_rope_head_dim]` were written to row `slot_mapping[t]`, in the format `kv` where the arithmetic is
/// `declared`. Every other row stays as it was.
///
/// Pages of E4M3 hold what is written divided by `scale`, latent and key alike; declared is one division in f32 before the
/// rounding. Pages of any other format hold what is written, whatever `scale` is.
///
/// The caller has checked that every slot lies below the rows of the pages, and that no two tokens have the same.
#[must_use]
pub fn reference<T: Real>(
    pages: ArrayView2<'_, T>,
    latent: ArrayView2<'_, T>,
    k_pe: ArrayView2<'_, T>,
    slot_mapping: &[i32],
    (kv, scale): (Dtype, f32),
    arithmetic: Arithmetic,
) -> Array2<T> {
    let rounding = arithmetic.rounding(declares);
    let held = |x: T| if kv == Dtype::E4M3 { x / T::of_f32(scale) } else { x };
    let stored = |x: &T| match rounding.is_declared() {
        true => held(rounding.output(rounding.input(*x))).rounded_to(kv),
        false => held(*x),
    };
    let mut out = pages.to_owned();
    for (token, &slot) in slot_mapping.iter().enumerate() {
        let Ok(slot) = usize::try_from(slot) else { continue };
        out.slice_mut(s![slot, ..latent.ncols()]).assign(&latent.row(token).map(stored));
        out.slice_mut(s![slot, latent.ncols()..]).assign(&k_pe.row(token).map(stored));
    }
    out
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn rows_go_side_by_side_to_their_slots_and_padding_nowhere() {
        let pages = Array2::from_elem((3, 3), 9.0);
        let (latent, k_pe) = (array![[1.0, 2.0], [3.0, 4.0]], array![[5.0], [6.0]]);
        let out =
            reference(pages.view(), latent.view(), k_pe.view(), &[2, -1], (Dtype::F32, 7.0), Arithmetic::F64);
        assert_eq!(out, array![[9.0, 9.0, 9.0], [9.0, 9.0, 9.0], [1.0, 2.0, 5.0]]);
    }

    #[test]
    fn declared_arithmetic_rounds_to_the_format_of_the_pages() {
        let (pages, x, k) = (Array2::<f32>::zeros((1, 2)), array![[1.06f32]], array![[-500.0f32]]);
        let declared = Arithmetic::Declared { activation: Dtype::BF16, order: 0 };
        let written =
            |scale| reference(pages.view(), x.view(), k.view(), &[0], (Dtype::E4M3, scale), declared);
        assert_eq!(written(1.0), array![[1.0, -448.0]]);
        // Both are divided: 1.0625 / 3 and -500 / 3.
        assert_eq!(written(3.0), array![[0.343_75, -160.0]]);
    }
}
