//! Cases of `argmax_split`: the rows of `argmax`, in slices of every size, and rows that no slice divides.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::argmax_split::reference;
use kernels::launch::Expr;
use kernels::launch::argmax_split::{Axes, KERNEL, shape, spec};
use kernels::real::Values;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, input, matrix, tokens};
use super::{Draw, Group, OpArgument, OpCase, OpRun, argmax};

/// Rows, elements of each, and elements of a slice: 0 for as many as a model gets.
const SHAPES: [(usize, usize, usize); 11] = [
    (1, 1, 0),
    (20, 7, 8),
    (20, 255, 64),
    (20, 256, 8),
    (20, 1000, 0),
    (60, 64, 32),
    (11, 4099, 0),
    (11, 4104, 4096),
    (20, 4104, 0),
    (10, 151_936, 0),
    (2, 300_007, 0),
];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(KERNEL.name, cases)
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    SHAPES
        .into_iter()
        .map(|(num, features, width)| {
            let mut axes = Axes::new(features, activation);
            if width > 0 {
                axes.width = width;
            }
            let name = format!("rows={num},features={features},splits={}", axes.splits());
            OpCase::new(name, move |draw| run(draw, num, axes))
        })
        .collect()
}

fn run(draw: &mut Draw, num: usize, axes: Axes) -> OpRun {
    let x = argmax::drawn(draw, num, axes.features, axes.activation);
    let out = |element| OpArgument::Output { shape: vec![num, axes.splits()], element };
    OpRun {
        spec: spec(&axes),
        shape: shape(&axes, Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            out(Element::Float(Dtype::F32)),
            out(Element::I32),
            input(&x, axes.activation),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&x, &axes, arithmetic),
            _ => outputs::<f32>(&x, &axes, arithmetic),
        }),
    }
}

fn outputs<T: Real>(x: &[f64], axes: &Axes, arithmetic: Arithmetic) -> Vec<Tensor> {
    let found = reference(matrix::<T>(x, axes.features).view(), axes.width, arithmetic);
    let shape = vec![found.value.nrows(), found.value.ncols()];
    let indices = found.index.iter().map(|&index| index as f32).collect();
    let values = T::own(found.value.into_iter().collect());
    vec![Tensor { shape: shape.clone(), values }, Tensor { shape, values: Values::F32(indices) }]
}
