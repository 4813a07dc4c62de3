//! Cases of `moe_grouped_linear`: ragged shapes, experts with no slot and with many, rows that slots share and rows of their
//! own; an expert that is NaN, a token that is NaN, and sums that half precision does not hold.

use engine::trace::Tensor;
use kernels::jit::KernelSpec;
use kernels::launch::moe_grouped_matmul::Axes;
use kernels::launch::{Expr, LaunchShape, moe_grouped_matmul, moe_grouped_matmul_simt};
use kernels::moe_align;
use kernels::moe_grouped_linear::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, input, matrix, rows, tokens as extent};
use super::experts::{Choices, matrices, passed};
use super::{Draw, Group, OpCase, OpRun};

/// How a kernel is specialised and launched.
#[derive(Clone, Copy)]
struct Kernel {
    name: &'static str,
    spec: fn(&Axes) -> KernelSpec,
    shape: fn(&Axes, Expr) -> LaunchShape,
    /// Why it does not take these axes, if it does not.
    unfit: fn(&Axes) -> Option<String>,
    /// Storage of weights and of activations.
    dtypes: &'static [(Dtype, Dtype)],
}

const KERNELS: [Kernel; 2] = [
    Kernel {
        name: "moe_grouped_matmul",
        spec: moe_grouped_matmul::spec,
        shape: moe_grouped_matmul::shape,
        unfit: moe_grouped_matmul::unfit,
        dtypes: &[(Dtype::F16, Dtype::F16), (Dtype::BF16, Dtype::BF16)],
    },
    Kernel {
        name: "moe_grouped_matmul_simt",
        spec: moe_grouped_matmul_simt::spec,
        shape: moe_grouped_matmul_simt::shape,
        unfit: |_| None,
        dtypes: &[(Dtype::F32, Dtype::F32), (Dtype::E4M3, Dtype::F16), (Dtype::F32, Dtype::BF16)],
    },
];

/// What is special about the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inputs {
    Plain,
    /// A matrix that is NaN: only its own slots may be.
    NanExpert,
    /// A token that is NaN: only its own slots may be.
    NanToken,
    /// Every product is positive, and sums lie far above what F16 holds, where the result may.
    Large,
}

/// Experts, chosen ones of each token, tokens, features of the result and of the sum, whether slots of a token share a row,
/// how tokens choose.
type Shape = (usize, usize, usize, [usize; 2], bool, Choices);

const SHAPES: [Shape; 9] = [
    (1, 1, 1, [8, 8], true, Choices::Any),
    (5, 2, 40, [72, 40], true, Choices::Any),
    (5, 2, 33, [40, 72], false, Choices::Any),
    (7, 3, 9, [51, 50], true, Choices::Any),
    (7, 3, 11, [50, 33], false, Choices::Last),
    (3, 1, 130, [136, 104], true, Choices::Same),
    (40, 8, 17, [130, 64], false, Choices::Any),
    (128, 8, 3, [24, 256], true, Choices::Any),
    (4, 2, 65, [64, 520], false, Choices::Same),
];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for kernel in KERNELS {
        for &(weight, activation) in kernel.dtypes {
            let plain = SHAPES.into_iter().map(|shape| (shape, Inputs::Plain));
            let special = [Inputs::NanExpert, Inputs::NanToken, Inputs::Large]
                .into_iter()
                .filter(|inputs| *inputs != Inputs::Large || activation != Dtype::F16)
                .flat_map(|inputs| {
                    [
                        ((5, 2, 40, [72, 40], true, Choices::Any), inputs),
                        ((5, 2, 33, [52, 72], false, Choices::Any), inputs),
                    ]
                });
            let cases = plain
                .chain(special)
                .filter_map(|(shape, inputs)| case(kernel, shape, (weight, activation), inputs));
            groups.push(Group { kernel: kernel.name, activation, cases: cases.collect() });
        }
    }
    groups
}

fn case(
    kernel: Kernel,
    (experts, top_k, num, [out_features, in_features], shared, choices): Shape,
    (weight, activation): (Dtype, Dtype),
    inputs: Inputs,
) -> Option<OpCase> {
    let slots_per_row = if shared { top_k } else { 1 };
    let axes = Axes { experts, out_features, in_features, slots_per_row, weight, activation };
    if (kernel.unfit)(&axes).is_some() {
        return None;
    }
    let name = format!(
        "experts={experts},top_k={top_k},tokens={num},out_features={out_features},in_features={in_features},\
         shared={shared},choices={},weight={weight},inputs={inputs:?}",
        choices.name()
    );
    Some(OpCase::new(name, move |draw| run(kernel, axes, [num, top_k], (choices, inputs), draw)))
}

fn run(
    kernel: Kernel,
    axes: Axes,
    [num, top_k]: [usize; 2],
    (choices, inputs): (Choices, Inputs),
    draw: &mut Draw,
) -> OpRun {
    let Axes { experts, out_features, in_features, slots_per_row, weight, activation } = axes;
    let slots = num * top_k;
    let mut x = draw.values(slots / slots_per_row * in_features, 1.0, activation);
    let size = out_features * in_features;
    let mut w = draw.values(experts * size, (in_features as f64).powf(-0.5), weight);
    let chosen = choices.draw(draw, num, experts, top_k);
    match inputs {
        Inputs::Plain => {}
        Inputs::NanExpert => {
            let expert = chosen.first().copied().unwrap_or(0);
            w.iter_mut().skip(expert * size).take(size).for_each(|value| *value = f64::NAN);
        }
        Inputs::NanToken => {
            let row = num / 2 * top_k / slots_per_row;
            x.iter_mut().skip(row * in_features).take(in_features).for_each(|value| *value = f64::NAN);
        }
        Inputs::Large => {
            x.iter_mut().for_each(|value| *value = activation.round(value.abs() * 1000.0));
            w.iter_mut().for_each(|value| *value = weight.round(value.abs() * 1000.0));
        }
    }
    let (offsets, by_expert) = moe_align::reference(&chosen, experts);
    OpRun {
        spec: (kernel.spec)(&axes),
        shape: (kernel.shape)(&axes, Expr::Tokens * top_k),
        extent: extent(num),
        arguments: vec![
            rows(slots, out_features, activation),
            input(&w, weight),
            input(&x, activation),
            passed(&offsets),
            passed(&by_expert),
            count(slots),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>([&x, &w], &chosen, &axes, arithmetic),
            _ => outputs::<f32>([&x, &w], &chosen, &axes, arithmetic),
        }),
    }
}

fn outputs<T: Real>(
    [x, w]: [&Vec<f64>; 2],
    chosen: &[usize],
    axes: &Axes,
    arithmetic: Arithmetic,
) -> Vec<Tensor> {
    let x = matrix::<T>(x, axes.in_features);
    let w = matrices::<T>(w, axes.out_features, axes.in_features);
    vec![Tensor::of(&reference(x.view(), w.view(), chosen, axes.slots_per_row, arithmetic))]
}
