//! Cases of `mla_value_up`: its kernels over the sizes of `mla_absorb`.

use engine::trace::Tensor;
use kernels::launch::mla_absorb_matmul::Axes;
use kernels::launch::{Expr, mla_value_up_matmul, mla_value_up_matvec};
use kernels::mla_value_up::{Parameters, reference};
use kernels::{Arithmetic, Real};

use super::arrays::{count, input, matrix, rows, tokens as extent};
use super::mla_absorb::{ANY, Kernel, TENSOR_CORES, drawn, groups_of, weight};
use super::{Draw, Group, OpRun};

const KERNELS: &[Kernel] = &[
    Kernel {
        name: "mla_value_up_matvec",
        spec: mla_value_up_matvec::spec,
        shape: mla_value_up_matvec::shape,
        dtypes: ANY,
    },
    Kernel {
        name: "mla_value_up_matmul",
        spec: mla_value_up_matmul::spec,
        shape: mla_value_up_matmul::shape,
        dtypes: TENSOR_CORES,
    },
];

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    groups_of(KERNELS, run)
}

fn run(kernel: Kernel, axes: Axes, tokens: usize, draw: &mut Draw) -> OpRun {
    let heads = axes.num_attention_heads;
    let context = drawn(tokens, heads * axes.kv_lora_rank, axes.activation, draw);
    let weight = weight(&axes, axes.kv_lora_rank, draw);
    OpRun {
        spec: (kernel.spec)(&axes),
        shape: (kernel.shape)(&axes, Expr::Tokens),
        extent: extent(tokens),
        arguments: vec![
            rows(tokens, heads * axes.v_head_dim, axes.activation),
            input(&context, axes.activation),
            input(&weight, axes.weight),
            count(tokens),
        ],
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => vec![values::<f64>(&context, &weight, &axes, arithmetic)],
            _ => vec![values::<f32>(&context, &weight, &axes, arithmetic)],
        }),
    }
}

fn values<T: Real>(context: &[f64], weight: &[f64], axes: &Axes, arithmetic: Arithmetic) -> Tensor {
    let parameters = Parameters {
        num_attention_heads: axes.num_attention_heads,
        qk_nope_head_dim: axes.qk_nope_head_dim,
        v_head_dim: axes.v_head_dim,
    };
    let context = matrix::<T>(context, axes.num_attention_heads * axes.kv_lora_rank);
    let weight = matrix::<T>(weight, axes.kv_lora_rank);
    Tensor::of(&reference(context.view(), weight.view(), &parameters, arithmetic))
}
