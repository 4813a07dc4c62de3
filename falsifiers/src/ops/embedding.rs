//! Cases of `embedding`: the first and the last token of a vocabulary, repeats, rows of any length.

use engine::trace::Tensor;
use kernels::embedding::reference;
use kernels::launch::{Expr, embedding};
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, indices, input, matrix, rows, tokens};
use super::{Draw, Group, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(embedding::KERNEL.name, cases)
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let shape = |vocab_size, hidden_size, count| (vocab_size, hidden_size, count, activation);
    let mut shapes = vec![
        shape(1, 1, 3),
        shape(11, 7, 1),
        shape(257, 64, 300),
        shape(1000, 256, 5),
        shape(50, 1025, 9),
        shape(40, 4096, 3),
    ];
    // A table that is stored wider or narrower than activations.
    shapes.extend([Dtype::F32, Dtype::F16, Dtype::BF16].map(|table| (97, 130, 17, table)));
    shapes
        .into_iter()
        .map(|(vocab_size, hidden_size, count, table)| {
            let name =
                format!("tokens={count},hidden_size={hidden_size},vocab_size={vocab_size},table={table}");
            OpCase::new(name, move |draw| run(draw, activation, table, [vocab_size, hidden_size, count]))
        })
        .collect()
}

fn run(
    draw: &mut Draw,
    activation: Dtype,
    table: Dtype,
    [vocab_size, hidden_size, num]: [usize; 3],
) -> OpRun {
    let values = draw.values(vocab_size * hidden_size, 1.0, table);
    // The last token, the first one, then any.
    let ids: Vec<u32> = (0..num)
        .map(|at| match at {
            0 => vocab_size - 1,
            1 => 0,
            _ => draw.below(vocab_size),
        } as u32)
        .collect();
    let passed: Vec<i32> = ids.iter().map(|&id| id.cast_signed()).collect();
    OpRun {
        spec: embedding::spec(&embedding::Axes { hidden_size, table, activation }),
        shape: embedding::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![
            rows(num, hidden_size, activation),
            input(&values, table),
            indices(&passed),
            count(num),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&values, &ids, hidden_size, arithmetic),
            _ => outputs::<f32>(&values, &ids, hidden_size, arithmetic),
        }),
    }
}

fn outputs<T: Real>(table: &[f64], ids: &[u32], hidden_size: usize, arithmetic: Arithmetic) -> Vec<Tensor> {
    vec![Tensor::of(&reference(ids, matrix::<T>(table, hidden_size).view(), arithmetic))]
}
