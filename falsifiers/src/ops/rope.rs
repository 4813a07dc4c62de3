//! Cases of `rope`: every rescaling, heads of every size, positions up to 131,071.

use engine::trace::Tensor;
use kernels::launch::{Expr, rope};
use kernels::rope::{Parameters, Scaling, Yarn, reference};
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, each_activation, indices, input, matrix, rows, tokens};
use super::{Draw, Group, OpCase, OpRun};

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    each_activation(rope::KERNEL.name, cases)
}

/// Heads at some positions.
#[derive(Clone)]
struct Heads {
    parameters: Parameters,
    num_heads: usize,
    positions: Vec<usize>,
}

fn cases(activation: Dtype) -> Vec<OpCase> {
    let llama3 = |original_max_position_embeddings| Scaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings,
    };
    // The far end, the middle, and both sides of a power of two.
    let positions = vec![131_071, 0, 1, 2, 777, 8191, 8192, 65_537, 100_003];
    let mut all = Vec::new();
    for head_dim in [2, 8, 10, 16, 64, 80, 96, 128, 256] {
        let parameters = Parameters { head_dim, theta: 1e6, scaling: Scaling::Default };
        all.push(Heads { parameters, num_heads: 3, positions: positions.clone() });
    }
    let scalings = [
        Scaling::Default,
        Scaling::Linear { factor: 4.0 },
        Scaling::Linear { factor: 2.5 },
        llama3(8192.0),
        llama3(64.0),
    ];
    for scaling in scalings {
        let parameters = Parameters { head_dim: 64, theta: 5e5, scaling };
        all.push(Heads { parameters, num_heads: 14, positions: positions.clone() });
    }
    let plain = Parameters { head_dim: 32, theta: 1e4, scaling: Scaling::Default };
    all.push(Heads { parameters: plain, num_heads: 1, positions: vec![5] });
    all.push(Heads { parameters: plain, num_heads: 2, positions: (0..260).collect() });
    all.push(Heads { parameters: plain, num_heads: 40, positions: vec![131_071] });
    all.into_iter()
        .map(|heads| OpCase::new(name(&heads), move |draw| run(draw, &heads, activation)))
        .collect()
}

fn name(heads: &Heads) -> String {
    let Parameters { head_dim, theta, scaling } = heads.parameters;
    let scaling = match scaling {
        Scaling::Default => "default".to_owned(),
        Scaling::Linear { factor } => format!("linear:{factor}"),
        Scaling::Llama3 { original_max_position_embeddings, .. } => {
            format!("llama3:{original_max_position_embeddings}")
        }
        Scaling::Yarn(Yarn { factor, .. }) => format!("yarn:{factor}"),
    };
    let tokens = heads.positions.len();
    let last = heads.positions.iter().max().copied().unwrap_or(0);
    format!(
        "tokens={tokens},heads={},head_dim={head_dim},theta={theta:e},scaling={scaling},last_position={last}",
        heads.num_heads
    )
}

fn run(draw: &mut Draw, heads: &Heads, activation: Dtype) -> OpRun {
    let Heads { parameters, num_heads, positions } = heads.clone();
    let num = positions.len();
    let x = draw.values(num * num_heads * parameters.head_dim, 1.0, activation);
    let passed: Vec<i32> = positions.iter().map(|&at| i32::try_from(at).unwrap_or(i32::MAX)).collect();
    let columns = num_heads * parameters.head_dim;
    OpRun {
        spec: rope::spec(&rope::Axes {
            head_dim: parameters.head_dim,
            num_heads,
            theta: parameters.theta,
            scaling: launched(parameters.scaling),
            activation,
        }),
        shape: rope::shape(Expr::Tokens),
        extent: tokens(num),
        arguments: vec![rows(num, columns, activation), input(&x, activation), indices(&passed), count(num)],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&x, columns, &positions, &parameters, arithmetic),
            _ => outputs::<f32>(&x, columns, &positions, &parameters, arithmetic),
        }),
    }
}

/// The rescaling as the device side says it.
pub(super) fn launched(scaling: Scaling) -> rope::Scaling {
    match scaling {
        Scaling::Default => rope::Scaling::Default,
        Scaling::Linear { factor } => rope::Scaling::Linear { factor },
        Scaling::Llama3 { factor, low_freq_factor, high_freq_factor, original_max_position_embeddings } => {
            rope::Scaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position_embeddings,
            }
        }
        Scaling::Yarn(_) => rope::Scaling::Yarn,
    }
}

fn outputs<T: Real>(
    x: &[f64],
    columns: usize,
    positions: &[usize],
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Vec<Tensor> {
    vec![Tensor::of(&reference(matrix::<T>(x, columns).view(), positions, parameters, arithmetic))]
}
