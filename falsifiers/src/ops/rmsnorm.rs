//! Cases of `rmsnorm`: rows of tokens and of heads, of any length; sizes at which the epsilon counts and at which it
//! does not.

use engine::trace::Tensor;
use kernels::launch::{Expr, rmsnorm, rmsnorm_slice};
use kernels::rmsnorm::reference;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, rows, tokens, vector};
use super::{Draw, Group, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let mut groups = each_activation(rmsnorm::KERNEL.name, cases);
    groups.extend(each_activation(rmsnorm_slice::KERNEL.name, slices));
    groups
}

/// Rows that go on behind what is normed, as a latent does with the key that all heads share. What is there is NaN.
fn slices(activation: Dtype) -> Vec<OpCase> {
    let shapes = [
        (Rows::of(3, 1, 24), 32),
        (Rows::of(9, 1, 257), 260),
        (Rows::of(300, 1, 256), 320),
        (Rows::of(2, 1, 512), 576),
    ];
    let small = Rows { eps: 1e-5, scale: 1e-3, ..Rows::of(6, 1, 40) };
    let each = shapes.into_iter().chain([(small, 48), (Rows { eps: 1e-6, ..small }, 41)]);
    each.map(|(rows, stride)| {
        let name = format!("{},stride={stride}", rows.name(activation));
        OpCase::new(name, move |draw: &mut Draw| slice(draw, rows, stride, activation))
    })
    .collect()
}

fn slice(draw: &mut Draw, shape: Rows, stride: usize, activation: Dtype) -> OpRun {
    let Rows { features, eps, scale, .. } = shape;
    let x = draw.values(shape.count() * features, scale, activation);
    let w = draw.values(features, 1.0, activation);
    let mut longer = vec![f64::NAN; shape.count() * stride];
    for (row, from) in longer.chunks_mut(stride).zip(x.chunks(features)) {
        row[..features].copy_from_slice(from);
    }
    let norm = rmsnorm::Axes { features, eps, weight: activation, activation };
    OpRun {
        spec: rmsnorm_slice::spec(&rmsnorm_slice::Axes { norm, stride }),
        shape: rmsnorm_slice::shape(Expr::Tokens * shape.heads),
        extent: tokens(shape.tokens),
        arguments: vec![
            rows(shape.count(), features, activation),
            input(&longer, activation),
            input(&w, activation),
            count(shape.count()),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&x, &w, eps, arithmetic),
            _ => outputs::<f32>(&x, &w, eps, arithmetic),
        }),
    }
}

/// Rows of one length: `tokens * heads` of them.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    pub(super) tokens: usize,
    pub(super) heads: usize,
    pub(super) features: usize,
    pub(super) eps: f64,
    /// The size of the elements.
    pub(super) scale: f64,
}

impl Rows {
    const fn of(tokens: usize, heads: usize, features: usize) -> Self {
        Self { tokens, heads, features, eps: 1e-6, scale: 1.0 }
    }

    pub(super) const fn count(&self) -> usize {
        self.tokens * self.heads
    }

    pub(super) fn name(&self, weight: Dtype) -> String {
        let Self { tokens, heads, features, eps, scale } = self;
        format!(
            "tokens={tokens},heads={heads},features={features},eps={eps:e},scale={scale:e},weight={weight}"
        )
    }
}

/// The rows that norms are tried on.
pub(super) fn shapes() -> Vec<Rows> {
    let mut shapes = vec![
        Rows::of(1, 1, 1),
        Rows::of(3, 1, 7),
        Rows::of(2, 3, 8),
        Rows::of(5, 14, 64),
        Rows::of(300, 1, 256),
        Rows::of(7, 8, 128),
        Rows::of(4, 1, 1000),
        Rows::of(2, 1, 2049),
        Rows::of(1, 1, 8192),
        Rows::of(9, 1, 255),
        Rows::of(9, 1, 257),
        Rows { scale: 0.0, ..Rows::of(2, 1, 64) },
    ];
    // Squares of about the epsilon, far above it, and of what half precision hardly holds.
    for (eps, scale) in [(1e-6, 1e-3), (1e-5, 1e-3), (1e-5, 1.0), (1e-6, 1e4), (1e-3, 0.03)] {
        shapes.push(Rows { eps, scale, ..Rows::of(6, 1, 320) });
    }
    shapes
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let case = |rows: Rows, weight| {
        OpCase::new(rows.name(weight), move |draw: &mut Draw| run(draw, rows, weight, activation))
    };
    let mut cases: Vec<OpCase> = shapes().into_iter().map(|rows| case(rows, activation)).collect();
    if activation != Dtype::F32 {
        cases.push(case(Rows::of(3, 2, 96), Dtype::F32));
    }
    cases
}

fn run(draw: &mut Draw, shape: Rows, weight: Dtype, activation: Dtype) -> OpRun {
    let Rows { features, eps, scale, .. } = shape;
    let x = draw.values(shape.count() * features, scale, activation);
    // Of values that activations can hold too, because the op reads its weight as they are stored.
    let w = draw.values(features, 1.0, activation);
    OpRun {
        spec: rmsnorm::spec(&rmsnorm::Axes { features, eps, weight, activation }),
        shape: rmsnorm::shape(Expr::Tokens * shape.heads),
        extent: tokens(shape.tokens),
        arguments: vec![
            rows(shape.count(), features, activation),
            input(&x, activation),
            input(&w, weight),
            count(shape.count()),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&x, &w, eps, arithmetic),
            _ => outputs::<f32>(&x, &w, eps, arithmetic),
        }),
    }
}

fn outputs<T: Real>(x: &[f64], w: &[f64], eps: f64, arithmetic: Arithmetic) -> Vec<Tensor> {
    let x = matrix::<T>(x, w.len());
    vec![Tensor::of(&reference(x.view(), vector::<T>(w).view(), eps, arithmetic))]
}
