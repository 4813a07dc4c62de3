//! Cases of `kv_write`: slots in any order, padding, pages of every format, with scales where they are E4M3; values that
//! saturate, that become subnormal and that lie between two codes.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::kv_write::reference;
use kernels::launch::{Expr, kv_write};
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, indices, input, matrix, page_scale, passed, tokens};
use super::{Draw, Group, OpArgument, OpCase, OpRun, encode};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(kv_write::KERNEL.name, cases)
}

/// Tokens to be written.
#[derive(Clone, Copy)]
struct Tokens {
    num: usize,
    slots: usize,
    width: usize,
    scale: f64,
    padded: bool,
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let of = |num, slots, width, scale| Tokens { num, slots, width, scale, padded: false };
    let shapes = [
        of(1, 16, 8, 1.0),
        of(5, 5, 7, 1.0),
        Tokens { padded: true, ..of(64, 160, 128, 1.0) },
        // Above 448, and below 2^-6, where E4M3 saturates and becomes subnormal.
        of(17, 32, 129, 300.0),
        of(17, 32, 129, 0.004),
        of(9, 48, 1024, 0.3),
    ];
    let formats = [Dtype::F32, Dtype::F16, Dtype::BF16, Dtype::E4M3];
    formats
        .into_iter()
        .flat_map(|kv| shapes.map(|shape| (kv, shape)))
        .map(|(kv, shape)| {
            let Tokens { num, slots, width, scale, padded } = shape;
            let name =
                format!("tokens={num},slots={slots},width={width},scale={scale:e},padded={padded},kv={kv}");
            OpCase::new(name, move |draw| run(draw, shape, kv, activation))
        })
        .collect()
}

fn run(draw: &mut Draw, shape: Tokens, kv: Dtype, activation: Dtype) -> OpRun {
    let Tokens { num, slots, width, scale, padded } = shape;
    let scales = [page_scale(kv, draw), page_scale(kv, draw)];
    let [k, mut v] = scales.map(|of| draw.values(num * width, scale * f64::from(of), activation));
    if kv == Dtype::E4M3 {
        special(&mut v, scales[1], activation);
    }
    let pages = [draw.values(slots * width, 1.0, kv), draw.values(slots * width, 1.0, kv)];
    let slot_mapping: Vec<i32> = draw
        .order(slots)
        .into_iter()
        .take(num)
        .enumerate()
        .map(|(at, slot)| if padded && at % 3 == 1 { -1 } else { i32::try_from(slot).unwrap_or(-1) })
        .collect();
    let update = |pages: &[f64]| OpArgument::Update {
        bytes: encode(pages, kv),
        shape: vec![slots, width],
        element: Element::Float(kv),
    };
    OpRun {
        spec: kv_write::spec(&kv_write::Axes { width, activation, kv }),
        shape: kv_write::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            update(&pages[0]),
            update(&pages[1]),
            input(&k, activation),
            input(&v, activation),
            indices(&slot_mapping),
            count(num),
            passed(kv, scales[0]),
            passed(kv, scales[1]),
        ],
        reference: Box::new(move |arithmetic| {
            let written = |((pages, x), scale): ((&Vec<f64>, &Vec<f64>), f32)| match arithmetic {
                Arithmetic::F64 => output::<f64>((pages, x), width, &slot_mapping, (kv, scale), arithmetic),
                _ => output::<f32>((pages, x), width, &slot_mapping, (kv, scale), arithmetic),
            };
            pages.iter().zip([&k, &v]).zip(scales).map(written).collect()
        }),
    }
}

/// Puts in front what E4M3 has rules for, times the scale: half-way cases, both ends of its range, what vanishes, infinities
/// and NaN.
fn special(values: &mut [f64], scale: f32, activation: Dtype) {
    let codes = [
        17.0,
        19.0,
        -17.0,
        432.0,
        447.0,
        448.0,
        464.0,
        480.0,
        -1e4,
        0.015_625,
        0.014_648_437_5,
        0.002_929_687_5,
        -0.000_976_562_5,
        0.000_976_5,
        0.001,
        -0.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    for (value, code) in values.iter_mut().zip(codes) {
        *value = activation.round(code * f64::from(scale));
    }
}

fn output<T: Real>(
    (pages, x): (&[f64], &[f64]),
    width: usize,
    slot_mapping: &[i32],
    (kv, scale): (Dtype, f32),
    arithmetic: Arithmetic,
) -> Tensor {
    let (pages, x) = (matrix::<T>(pages, width), matrix::<T>(x, width));
    Tensor::of(&reference(pages.view(), x.view(), slot_mapping, kv, scale, arithmetic))
}
