//! Cases of `mla_attention`: its kernels over sizes of latents and heads, page sizes, formats of the cache and ragged batches.

use engine::trace::Tensor;
use kernels::jit::KernelSpec;
use kernels::launch::mla_attention_plain::Axes;
use kernels::launch::{Expr, LaunchShape, mla_attention_flash, mla_attention_plain};
use kernels::mla_attention::reference;
use kernels::real::Values;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{passed, rows};
use super::attention::{DTYPES, Inputs, PAGE_SIZES, Sequence, pick};
use super::mla::{Drawn, Latents, Sizes, axes, drawn, name, parameters};
use super::{Draw, Group, OpCase, OpRun};

/// How a kernel is specialised and launched.
#[derive(Clone, Copy)]
struct Kernel {
    name: &'static str,
    spec: fn(&Axes) -> KernelSpec,
    shape: fn(&Axes) -> LaunchShape,
    sizes: &'static [Sizes],
    dtypes: &'static [(Dtype, &'static [Dtype])],
}

const KERNELS: &[Kernel] = &[
    Kernel {
        name: "mla_attention_plain",
        spec: mla_attention_plain::spec,
        shape: |axes| mla_attention_plain::shape(axes, Expr::Tokens),
        sizes: &[
            (2, 24, 10, 8),
            (3, 40, 16, 16),
            (5, 36, 12, 6),
            (1, 7, 3, 2),
            (2, 256, 64, 64),
            (3, 512, 128, 64),
        ],
        dtypes: DTYPES,
    },
    Kernel {
        name: "mla_attention_flash",
        spec: |axes| mla_attention_flash::spec(&tiled(axes)),
        shape: |axes| mla_attention_flash::shape(&tiled(axes), Expr::Tokens, Expr::Batch),
        sizes: &[
            (2, 32, 16, 16),
            (5, 64, 8, 32),
            (3, 96, 24, 16),
            (2, 256, 64, 64),
            (16, 32, 8, 16),
            (3, 512, 128, 64),
        ],
        dtypes: &[(Dtype::F16, &[Dtype::F16]), (Dtype::BF16, &[Dtype::BF16])],
    },
];

/// One token; a prompt; a prompt beside a decode step; chunks, an empty sequence and a late chunk; several tiles of keys.
const BATCHES: &[&[Sequence]] = &[
    &[(1, 1)],
    &[(33, 33)],
    &[(17, 17), (1, 70)],
    &[(3, 10), (0, 7), (16, 40), (17, 20), (0, 0)],
    &[(9, 90)],
    &[(5, 64), (2, 65)],
];

/// The numbers of rows take turns; no result depends on them.
fn tiled(axes: &Axes) -> mla_attention_flash::Axes {
    let at = axes.page_size + axes.num_attention_heads;
    mla_attention_flash::Axes { attention: *axes, rows: pick(mla_attention_flash::ROWS, at, 16) }
}

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    for kernel in KERNELS {
        for &(activation, kv_dtypes) in kernel.dtypes {
            let mut cases = Vec::new();
            for (at, &sizes) in kernel.sizes.iter().enumerate() {
                for (round, inputs) in
                    [Inputs::Plain, Inputs::Peaked, Inputs::NanValue].into_iter().enumerate()
                {
                    // The two largest once each.
                    if sizes.1 >= 256 && round != at % 3 {
                        continue;
                    }
                    let kv = pick(kv_dtypes, at + round, activation);
                    let page_size = pick(PAGE_SIZES, at + round, 16);
                    // A single token would see nothing but the NaN.
                    let batches = if inputs == Inputs::NanValue { &BATCHES[1..] } else { BATCHES };
                    let batch = pick(batches, at + 2 * round + 1, &[]);
                    cases.push(case(*kernel, axes(sizes, page_size, activation, kv), batch, inputs));
                }
            }
            groups.push(Group { kernel: kernel.name, activation, cases });
        }
    }
    groups
}

fn case(kernel: Kernel, axes: Axes, batch: &'static [Sequence], inputs: Inputs) -> OpCase {
    let name = format!("{}{}", name(&axes, batch), inputs.special());
    OpCase::new(name, move |draw| run(kernel, axes, batch, inputs, draw))
}

fn run(kernel: Kernel, axes: Axes, batch: &[Sequence], inputs: Inputs, draw: &mut Draw) -> OpRun {
    let Drawn { tokens, extent, queries, pages, table, sequences, k_scale, .. } =
        drawn(&axes, batch, inputs, draw);
    let width = axes.num_attention_heads * axes.kv_lora_rank;
    let mut arguments = vec![rows(tokens, width, axes.activation)];
    arguments.extend(queries);
    arguments.push(pages);
    arguments.extend(table);
    // One that reads no pages of E4M3 is told no scale.
    if kernel.name != "mla_attention_flash" {
        arguments.push(passed(axes.kv, k_scale));
    }
    OpRun {
        spec: (kernel.spec)(&axes),
        shape: (kernel.shape)(&axes),
        extent,
        arguments,
        reference: Box::new(move |arithmetic| {
            let values = match arithmetic {
                Arithmetic::F64 => attended::<f64>(&sequences, &axes, k_scale, arithmetic),
                _ => attended::<f32>(&sequences, &axes, k_scale, arithmetic),
            };
            vec![Tensor { shape: vec![tokens, width], values }]
        }),
    }
}

/// What the queries of each sequence make of its latents, one sequence after the other.
fn attended<T: Real>(sequences: &[Latents], axes: &Axes, k_scale: f32, arithmetic: Arithmetic) -> Values {
    let parameters = parameters(axes, k_scale);
    let mut out = Vec::new();
    for matrices in sequences.iter().map(|sequence| sequence.matrices::<T>(axes)) {
        if matrices.q.nrows() > 0 {
            out.extend(reference(&matrices.inputs(), &parameters, arithmetic).context);
        }
    }
    T::own(out)
}
