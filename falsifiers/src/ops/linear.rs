//! Cases of `linear`: its kernels over storage formats, ragged shapes and numbers of tokens.

use engine::trace::Tensor;
use kernels::jit::KernelSpec;
use kernels::launch::matmul::Axes;
use kernels::launch::{Expr, LaunchShape, matmul, matmul_simt, matvec, matvec_stream};
use kernels::{Arithmetic, Dtype, Real, linear};

use super::arrays::{count, input, matrix, rows, tokens as extent};
use super::{Draw, Group, OpCase, OpRun};

/// How a kernel is specialised and launched.
#[derive(Clone, Copy)]
struct Kernel {
    name: &'static str,
    spec: fn(&Axes) -> KernelSpec,
    shape: fn(&Axes, Expr) -> LaunchShape,
    /// Whether it takes these axes.
    takes: fn(&Axes) -> bool,
    /// Storage of activations, each with the storage of weights that it is tried with.
    dtypes: &'static [(Dtype, &'static [Dtype])],
}

const KERNELS: &[Kernel] = &[
    Kernel {
        name: "matvec",
        spec: matvec::spec,
        shape: |axes, tokens| matvec::shape(tokens, axes.out_features),
        takes: |_| true,
        dtypes: ANY,
    },
    Kernel {
        name: "matvec_stream",
        spec: matvec_stream::spec,
        shape: |axes, tokens| matvec_stream::shape(matvec_stream::geometry(axes), tokens),
        takes: |axes| matvec_stream::unfit(axes).is_none(),
        dtypes: ANY,
    },
    Kernel {
        name: "matmul",
        spec: matmul::spec,
        shape: |axes, tokens| matmul::shape(tokens, axes.out_features),
        takes: |_| true,
        dtypes: TENSOR_CORES,
    },
    Kernel {
        name: "matmul_simt",
        spec: matmul_simt::spec,
        shape: |axes, tokens| matmul_simt::shape(tokens, axes.out_features),
        takes: |_| true,
        dtypes: ANY,
    },
];

const ANY: &[(Dtype, &[Dtype])] = &[
    (Dtype::F32, &[Dtype::F32, Dtype::BF16]),
    (Dtype::F16, &[Dtype::F16, Dtype::E4M3]),
    (Dtype::BF16, &[Dtype::BF16, Dtype::F32]),
];
const TENSOR_CORES: &[(Dtype, &[Dtype])] = &[(Dtype::F16, &[Dtype::F16]), (Dtype::BF16, &[Dtype::BF16])];

/// Tokens: one, a few, a tile less some, a tile, and one more.
const TOKENS: &[usize] = &[1, 2, 17, 64, 65];
/// Features of the result and of the sum: below a tile, at it and beyond it, rows that no vector load fits (50, 52, 33,
/// 1030), and sums longer than a step of any kernel.
const FEATURES: &[(usize, usize)] = &[
    (8, 8),
    (50, 52),
    (52, 50),
    (72, 40),
    (64, 64),
    (65, 33),
    (128, 256),
    (72, 1030),
    (1030, 40),
    (40, 1000),
];
/// Shapes with as many tokens as a long prompt has.
const LONG: &[(usize, usize)] = &[(72, 50), (136, 64)];
const LONG_TOKENS: usize = 600;
/// Rows so long that a matrix-vector kernel takes their sums in segments.
const SEGMENTED: &[(usize, usize)] = &[(9, 4872)];

/// What is special about the inputs.
#[derive(Clone, Copy, PartialEq)]
enum Inputs {
    /// Nothing.
    Plain,
    /// A token that is NaN, which may not reach another: padding of tiles and neighbours in them.
    NanToken,
    /// Every product is large and positive: a sum in too few digits shows.
    Positive,
}

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    for kernel in KERNELS {
        for &(activation, weights) in kernel.dtypes {
            let mut cases = Vec::new();
            for &weight in weights {
                let shapes = FEATURES.iter().flat_map(|&features| TOKENS.iter().map(move |&t| (t, features)));
                let long = LONG.iter().map(|&features| (LONG_TOKENS, features));
                let vector = kernel.name.starts_with("matvec");
                let segmented = SEGMENTED.iter().filter(|_| vector).map(|&features| (2, features));
                for (tokens, features) in shapes.chain(long).chain(segmented) {
                    cases.push(case(*kernel, tokens, features, (weight, activation), Inputs::Plain));
                }
                for inputs in [Inputs::NanToken, Inputs::Positive] {
                    for features in [(72, 40), (52, 50), (70, 1000)] {
                        cases.push(case(*kernel, 17, features, (weight, activation), inputs));
                    }
                }
            }
            let cases = cases.into_iter().flatten().collect();
            groups.push(Group { kernel: kernel.name, activation, cases });
        }
    }
    groups
}

fn case(
    kernel: Kernel,
    tokens: usize,
    (out_features, in_features): (usize, usize),
    (weight, activation): (Dtype, Dtype),
    inputs: Inputs,
) -> Option<OpCase> {
    let axes = Axes { out_features, in_features, weight, activation };
    if !(kernel.takes)(&axes) {
        return None;
    }
    let special = match inputs {
        Inputs::Plain => "",
        Inputs::NanToken => ",nan_token",
        Inputs::Positive => ",positive",
    };
    let name = format!(
        "tokens={tokens},out_features={out_features},in_features={in_features},weight={weight}{special}"
    );
    Some(OpCase::new(name, move |draw| run(kernel, axes, tokens, inputs, draw)))
}

fn run(kernel: Kernel, axes: Axes, tokens: usize, inputs: Inputs, draw: &mut Draw) -> OpRun {
    let Axes { out_features, in_features, weight, activation } = axes;
    let mut x = draw.values(tokens * in_features, 1.0, activation);
    let mut w = draw.values(out_features * in_features, (in_features as f64).powf(-0.5), weight);
    match inputs {
        Inputs::Plain => {}
        Inputs::NanToken => {
            for value in x.iter_mut().skip(tokens / 2 * in_features).take(in_features) {
                *value = f64::NAN;
            }
        }
        Inputs::Positive => {
            for value in x.iter_mut().chain(&mut w) {
                *value = value.abs();
            }
        }
    }
    OpRun {
        spec: (kernel.spec)(&axes),
        shape: (kernel.shape)(&axes, Expr::Tokens),
        extent: extent(tokens),
        arguments: vec![
            rows(tokens, out_features, activation),
            input(&w, weight),
            input(&x, activation),
            count(tokens),
        ],
        reference: Box::new(move |arithmetic| {
            let product = match arithmetic {
                Arithmetic::F64 => product::<f64>(&x, &w, in_features, arithmetic),
                _ => product::<f32>(&x, &w, in_features, arithmetic),
            };
            vec![product]
        }),
    }
}

fn product<T: Real>(x: &[f64], weight: &[f64], in_features: usize, arithmetic: Arithmetic) -> Tensor {
    let (x, weight) = (matrix::<T>(x, in_features), matrix::<T>(weight, in_features));
    Tensor::of(&linear::reference(x.view(), weight.view(), arithmetic))
}
