//! Cases of `mla_write`: slots in any order, padding, pages of every format, with scales where they are E4M3; values that
//! saturate and that become subnormal.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::launch::{Expr, mla_write};
use kernels::mla_write::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, indices, input, matrix, page_scale, passed, tokens};
use super::{Draw, Group, OpArgument, OpCase, OpRun, encode};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(mla_write::KERNEL.name, cases)
}

/// Tokens, slots, features of the latent and of the shared key, the size of values, and whether some tokens are padding.
type Rows = (usize, usize, usize, usize, f64, bool);

fn cases(activation: Dtype) -> Vec<OpCase> {
    let shapes: [Rows; 5] = [
        (1, 16, 24, 8, 1.0, false),
        (5, 5, 7, 2, 1.0, false),
        (64, 160, 256, 64, 1.0, true),
        // Above 448, and below 2^-6, where E4M3 saturates and becomes subnormal.
        (17, 32, 129, 16, 300.0, false),
        (9, 32, 512, 64, 0.004, true),
    ];
    let formats = [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::E4M3];
    let each = formats.into_iter().flat_map(|kv| shapes.map(|shape| (kv, shape)));
    each.map(|(kv, shape)| {
        let (num, slots, rank, rope, scale, padded) = shape;
        let name = format!(
            "tokens={num},slots={slots},rank={rank},rope={rope},scale={scale:e},padded={padded},kv={kv}"
        );
        OpCase::new(name, move |draw| run(draw, shape, kv, activation))
    })
    .collect()
}

fn run(draw: &mut Draw, shape: Rows, kv: Dtype, activation: Dtype) -> OpRun {
    let (num, slots, kv_lora_rank, qk_rope_head_dim, scale, padded) = shape;
    let width = kv_lora_rank + qk_rope_head_dim;
    let k_scale = page_scale(kv, draw);
    let size = scale * f64::from(k_scale);
    let latent = draw.values(num * kv_lora_rank, size, activation);
    let k_pe = draw.values(num * qk_rope_head_dim, size, activation);
    let pages = draw.values(slots * width, 1.0, kv);
    let slot_mapping: Vec<i32> = draw
        .order(slots)
        .into_iter()
        .take(num)
        .enumerate()
        .map(|(at, slot)| if padded && at % 3 == 1 { -1 } else { i32::try_from(slot).unwrap_or(-1) })
        .collect();
    OpRun {
        spec: mla_write::spec(&mla_write::Axes { kv_lora_rank, qk_rope_head_dim, activation, kv }),
        shape: mla_write::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            OpArgument::Update {
                bytes: encode(&pages, kv),
                shape: vec![slots, width],
                element: Element::Float(kv),
            },
            input(&latent, activation),
            input(&k_pe, activation),
            indices(&slot_mapping),
            count(num),
            passed(kv, k_scale),
        ],
        reference: Box::new(move |arithmetic| {
            let rows = [(&pages, width), (&latent, kv_lora_rank), (&k_pe, qk_rope_head_dim)];
            match arithmetic {
                Arithmetic::F64 => vec![output::<f64>(rows, &slot_mapping, (kv, k_scale), arithmetic)],
                _ => vec![output::<f32>(rows, &slot_mapping, (kv, k_scale), arithmetic)],
            }
        }),
    }
}

fn output<T: Real>(
    rows: [(&Vec<f64>, usize); 3],
    slot_mapping: &[i32],
    kv: (Dtype, f32),
    arithmetic: Arithmetic,
) -> Tensor {
    let [pages, latent, k_pe] = rows.map(|(values, width)| matrix::<T>(values, width));
    Tensor::of(&reference(pages.view(), latent.view(), k_pe.view(), slot_mapping, kv, arithmetic))
}
