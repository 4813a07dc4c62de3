//! Cases of `attention`: its kernels over head dimensions, groupings, windows, page sizes, formats of the cache, with scales
//! where it is E4M3, and ragged batches.
//!
//! Pages lie in a random order, and every slot that no sequence owns holds NaN: a key that is read but not there, or
//! not masked, shows.

use engine::trace::Tensor;
use kernels::attention::{Parameters, reference};
use kernels::jit::KernelSpec;
use kernels::launch::attention_prefill::Axes;
use kernels::launch::{
    Expr, Extent, LaunchShape, attention_decode, attention_flash, attention_plain, attention_prefill,
    attention_wgmma,
};
use kernels::real::Values;
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{count, indices, input, matrix, page_scale, passed, rows};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

/// How a kernel is specialised and launched.
#[derive(Clone, Copy)]
struct Kernel {
    name: &'static str,
    spec: fn(&Axes) -> KernelSpec,
    shape: fn(&Axes) -> LaunchShape,
    head_dims: &'static [usize],
    dtypes: &'static [(Dtype, &'static [Dtype])],
    batches: &'static [&'static [Sequence]],
    page_sizes: &'static [usize],
}

/// New tokens of a sequence, and its length with them.
pub(super) type Sequence = (usize, usize);

const KERNELS: &[Kernel] = &[
    Kernel {
        name: "attention_plain",
        spec: attention_plain::spec,
        shape: |axes| attention_plain::shape(axes, Expr::Tokens),
        head_dims: &[8, 12, 20, 32, 48, 64, 80, 96, 128, 192, 256],
        dtypes: DTYPES,
        batches: RAGGED,
        page_sizes: PAGE_SIZES,
    },
    Kernel {
        name: "attention_prefill",
        spec: attention_prefill::spec,
        shape: |axes| attention_prefill::shape(axes, Expr::Tokens, Expr::Batch),
        head_dims: &[32, 48, 64, 80, 96, 128, 192, 256],
        dtypes: DTYPES,
        batches: RAGGED,
        page_sizes: PAGE_SIZES,
    },
    Kernel {
        name: "attention_flash",
        spec: |axes| attention_flash::spec(&flash(axes)),
        shape: |axes| attention_flash::shape(&flash(axes), Expr::Tokens, Expr::Batch),
        head_dims: &[32, 48, 64, 80, 96, 112, 128, 144, 192, 256],
        dtypes: &[(Dtype::F16, &[Dtype::F16]), (Dtype::BF16, &[Dtype::BF16])],
        batches: TILED,
        page_sizes: PAGE_SIZES,
    },
    Kernel {
        name: "attention_wgmma",
        spec: |axes| attention_wgmma::spec(&warpgroups(axes)),
        shape: |axes| attention_wgmma::shape(&warpgroups(axes), Expr::Tokens, Expr::Batch),
        head_dims: &[64, 128],
        dtypes: &[(Dtype::F16, &[Dtype::F16]), (Dtype::BF16, &[Dtype::BF16])],
        batches: LONG,
        page_sizes: &[16, 8, 64, 24, 128],
    },
    Kernel {
        name: "attention_decode",
        spec: attention_decode::spec,
        shape: |axes| attention_decode::shape(axes, Expr::Batch),
        head_dims: &[8, 12, 20, 32, 48, 64, 80, 96, 128, 192, 256],
        dtypes: DTYPES,
        batches: SINGLE,
        page_sizes: PAGE_SIZES,
    },
];

/// One token; one prompt; a prompt beside a decode step; chunks, an empty sequence and prompts of whole tiles and one
/// more; a late chunk.
const RAGGED: &[&[Sequence]] = &[
    &[(1, 1)],
    &[(33, 33)],
    &[(17, 17), (1, 70)],
    &[(3, 10), (0, 7), (16, 40), (17, 20), (0, 0)],
    &[(9, 90)],
];

/// The same, with prompts and pasts that are longer than a tile of queries or of keys.
const TILED: &[&[Sequence]] = &[
    &[(1, 1), (70, 70)],
    &[(130, 130)],
    &[(17, 17), (1, 140)],
    &[(3, 10), (0, 7), (16, 40), (64, 129), (0, 0)],
    &[(9, 90)],
    &[(40, 170)],
];

/// The same, around tiles of 128 keys and of 128 and 192 queries.
const LONG: &[&[Sequence]] = &[
    &[(1, 1), (70, 70)],
    &[(129, 129)],
    &[(17, 17), (1, 300)],
    &[(3, 10), (0, 7), (130, 260), (64, 129), (0, 0)],
    &[(9, 290)],
    &[(200, 200)],
];

/// The first token; one short and one long sequence; several, of which one is not run.
const SINGLE: &[&[Sequence]] =
    &[&[(1, 1)], &[(1, 45)], &[(1, 3), (1, 300)], &[(1, 32), (0, 7), (1, 33), (1, 1), (1, 97)], &[(1, 129)]];

/// Query heads, and key and value heads.
const HEADS: &[(usize, usize)] = &[(14, 2), (1, 1), (7, 1), (8, 2), (4, 4)];
pub(super) const WINDOWS: &[Option<usize>] = &[None, Some(24), Some(1), None, Some(33), Some(5), Some(1000)];
pub(super) const PAGE_SIZES: &[usize] = &[16, 1, 5, 64];

/// Formats of the cache beside each format of activations.
pub(super) const DTYPES: &[(Dtype, &[Dtype])] = &[
    (Dtype::F32, &[Dtype::F32, Dtype::BF16, Dtype::E4M3, Dtype::F16]),
    (Dtype::F16, &[Dtype::F16, Dtype::E4M3]),
    (Dtype::BF16, &[Dtype::BF16, Dtype::E4M3]),
];

/// The tiles of a head_dim take turns.
fn flash(axes: &Axes) -> attention_flash::Axes {
    let tiles = attention_flash::Tile::all(axes.head_dim);
    let otherwise = attention_flash::Tile { queries: 64, keys: 32, warps: 4, blocks: 2 };
    let tile = pick(tiles, axes.num_attention_heads + axes.page_size, otherwise);
    attention_flash::Axes { attention: *axes, tile }
}

/// The same of products of warpgroups.
fn warpgroups(axes: &Axes) -> attention_wgmma::Axes {
    let tiles = attention_wgmma::Tile::all(axes.head_dim);
    let otherwise = attention_wgmma::Tile { groups: 2, keys: 64, stages: 2 };
    let tile = pick(tiles, axes.num_attention_heads + axes.page_size / 8, otherwise);
    attention_wgmma::Axes { attention: *axes, tile }
}

/// Cases of each head_dim, every one with other options.
const ROUNDS: usize = 2;

/// What is special about the inputs.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Inputs {
    /// Nothing.
    Plain,
    /// Large scores: the largest changes often, and most keys weigh next to nothing.
    Peaked,
    /// The first and the newest value of each sequence hold a NaN, which reaches who sees it and nobody else.
    NanValue,
    /// The first value of each sequence is infinite, and the newest infinite in the other direction.
    InfiniteValue,
}

impl Inputs {
    /// What the name of a case says of them.
    pub(super) const fn special(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Peaked => ",peaked",
            Self::NanValue => ",nan_value",
            Self::InfiniteValue => ",infinite_value",
        }
    }
}

#[derive(Clone, Copy)]
struct Options {
    axes: Axes,
    batch: &'static [Sequence],
    inputs: Inputs,
}

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    for kernel in KERNELS {
        for &(activation, kv_dtypes) in kernel.dtypes {
            let mut cases = Vec::new();
            let head_dims = kernel.head_dims.iter().flat_map(|&head_dim| [head_dim; ROUNDS]);
            for (at, head_dim) in head_dims.enumerate() {
                let inputs = if at % ROUNDS == 1 { Inputs::Peaked } else { Inputs::Plain };
                cases.push(case(*kernel, head_dim, (activation, kv_dtypes), at, inputs));
            }
            let narrow = if kernel.head_dims.contains(&32) { 32 } else { 64 };
            for at in 0..WINDOWS.len() {
                cases.push(case(*kernel, narrow, (activation, kv_dtypes), at, Inputs::NanValue));
            }
            if ["attention_flash", "attention_wgmma"].contains(&kernel.name) {
                let cases_of = |at| case(*kernel, narrow, (activation, kv_dtypes), at, Inputs::InfiniteValue);
                cases.extend((0..WINDOWS.len()).map(cases_of));
            }
            groups.push(Group { kernel: kernel.name, activation, cases });
        }
    }
    groups
}

/// An option of a list, taken in turns.
pub(super) fn pick<T: Copy>(list: &[T], at: usize, otherwise: T) -> T {
    list.get(at % list.len().max(1)).copied().unwrap_or(otherwise)
}

fn case(
    kernel: Kernel,
    head_dim: usize,
    (activation, kv_dtypes): (Dtype, &[Dtype]),
    at: usize,
    inputs: Inputs,
) -> OpCase {
    // The lists have lengths without a common divisor, or are entered elsewhere in each round through them, so that
    // every option meets every other.
    let (num_attention_heads, num_key_value_heads) = pick(HEADS, at, (1, 1));
    let axes = Axes {
        head_dim,
        num_attention_heads,
        num_key_value_heads,
        scale: (head_dim as f64).powf(-0.5),
        window: pick(WINDOWS, at, None),
        page_size: pick(kernel.page_sizes, at, 16),
        activation,
        kv: pick(kv_dtypes, at + at / 4, activation),
    };
    let options = Options { axes, batch: pick(kernel.batches, at + at / 5 + 1, &[]), inputs };
    let sequences: Vec<String> = options.batch.iter().map(|(q, kv)| format!("{q}/{kv}")).collect();
    let special = inputs.special();
    let name = format!(
        "head_dim={head_dim},heads={num_attention_heads}:{num_key_value_heads},window={},page_size={},kv={},batch={}{special}",
        axes.window.unwrap_or(0),
        axes.page_size,
        axes.kv,
        sequences.join("+"),
    );
    OpCase::new(name, move |draw| run(kernel, options, draw))
}

/// Everything that attention over pages is passed, and what the pages hold of each sequence.
pub(super) struct Drawn {
    pub(super) tokens: usize,
    pub(super) extent: Extent,
    /// `q`, `k_pages`, `v_pages`, `qo_indptr`, `kv_page_indptr`, `kv_page_indices`, `kv_len` and `batch`.
    pub(super) arguments: Vec<OpArgument>,
    /// New queries of each sequence, and all of its keys and values, as the pages hold them.
    pub(super) sequences: Vec<(Vec<f64>, Vec<f64>, Vec<f64>)>,
    /// What those of keys and of values are multiplied by.
    pub(super) scales: [f32; 2],
}

/// Draws a batch.
pub(super) fn drawn(axes: &Axes, batch: &[Sequence], inputs: Inputs, draw: &mut Draw) -> Drawn {
    let (q_width, kv_width) =
        (axes.num_attention_heads * axes.head_dim, axes.num_key_value_heads * axes.head_dim);
    let tokens: usize = batch.iter().map(|(q, _)| q).sum();
    let max_kv = batch.iter().map(|(_, kv)| *kv).max().unwrap_or(0);
    let scales = [page_scale(axes.kv, draw), page_scale(axes.kv, draw)];
    // Of a size with which scores do not depend on the scale of keys.
    let size = if inputs == Inputs::Peaked { 4.0 } else { 1.0 } / f64::from(scales[0]);
    let q = draw.values(tokens * q_width, size, axes.activation);

    // Two pages more than are needed.
    let order = draw.order(batch.iter().map(|(_, kv)| kv.div_ceil(axes.page_size)).sum::<usize>() + 2);
    let mut k_pages = vec![f64::NAN; order.len() * axes.page_size * kv_width];
    let mut v_pages = k_pages.clone();
    let (mut qo_indptr, mut kv_page_indptr, mut kv_page_indices, mut kv_len) =
        (vec![0], vec![0], Vec::new(), Vec::new());
    let mut sequences = Vec::new();
    let (mut token, mut pages) = (0, order.into_iter());
    for &(q_len, length) in batch {
        let k = draw.values(length * kv_width, 1.0, axes.kv);
        let mut v = draw.values(length * kv_width, 1.0, axes.kv);
        let ends = match inputs {
            Inputs::NanValue => Some((f64::NAN, f64::NAN)),
            Inputs::InfiniteValue => Some((f64::INFINITY, f64::NEG_INFINITY)),
            Inputs::Plain | Inputs::Peaked => None,
        };
        if let Some((first, newest)) = ends.filter(|_| length > 0) {
            v[0] = first;
            v[(length - 1) * kv_width] = newest;
        }
        let own: Vec<usize> = pages.by_ref().take(length.div_ceil(axes.page_size)).collect();
        for key in 0..length {
            let slot = own[key / axes.page_size] * axes.page_size + key % axes.page_size;
            let (from, to) = (key * kv_width, slot * kv_width);
            k_pages[to..to + kv_width].copy_from_slice(&k[from..from + kv_width]);
            v_pages[to..to + kv_width].copy_from_slice(&v[from..from + kv_width]);
        }
        let rows = token * q_width..(token + q_len) * q_width;
        sequences.push((q[rows].to_vec(), k, v));
        token += q_len;
        kv_page_indices.extend(own);
        qo_indptr.push(token);
        kv_page_indptr.push(kv_page_indices.len());
        kv_len.push(length);
    }
    // A list without pages is no buffer.
    kv_page_indices.push(0);

    Drawn {
        tokens,
        extent: Extent { tokens: tokens as u64, batch: batch.len() as u64, max_kv: max_kv as u64 },
        arguments: vec![
            input(&q, axes.activation),
            input(&k_pages, axes.kv),
            input(&v_pages, axes.kv),
            numbers(&qo_indptr),
            numbers(&kv_page_indptr),
            numbers(&kv_page_indices),
            numbers(&kv_len),
            count(batch.len()),
        ],
        sequences,
        scales,
    }
}

fn run(kernel: Kernel, options: Options, draw: &mut Draw) -> OpRun {
    let Options { axes, batch, inputs } = options;
    let q_width = axes.num_attention_heads * axes.head_dim;
    let Drawn { tokens, extent, mut arguments, sequences, scales } = drawn(&axes, batch, inputs, draw);
    arguments.insert(0, rows(tokens, q_width, axes.activation));
    // Those that read no pages of E4M3 are told no scale.
    if !["attention_flash", "attention_wgmma"].contains(&kernel.name) {
        arguments.extend(scales.map(|scale| passed(axes.kv, scale)));
    }
    let parameters = parameters(&axes, scales);
    OpRun {
        spec: (kernel.spec)(&axes),
        shape: (kernel.shape)(&axes),
        extent,
        arguments,
        reference: Box::new(move |arithmetic| {
            let values = match arithmetic {
                Arithmetic::F64 => attended::<f64>(&sequences, &parameters, arithmetic),
                _ => attended::<f32>(&sequences, &parameters, arithmetic),
            };
            vec![Tensor { shape: vec![tokens, q_width], values }]
        }),
    }
}

/// Numbers below 2^31, as i32.
pub(super) fn numbers(values: &[usize]) -> OpArgument {
    indices(&values.iter().map(|&value| value as i32).collect::<Vec<_>>())
}

/// What the reference is told.
pub(super) fn parameters(axes: &Axes, scales: [f32; 2]) -> Parameters {
    let [k_scale, v_scale] = scales.map(f64::from);
    Parameters {
        num_attention_heads: axes.num_attention_heads,
        num_key_value_heads: axes.num_key_value_heads,
        head_dim: axes.head_dim,
        scale: axes.scale,
        window: axes.window,
        k_scale,
        v_scale,
    }
}

/// Queries, keys and values of each sequence, and what its queries make of them, one sequence after the other.
fn attended<T: Real>(
    sequences: &[(Vec<f64>, Vec<f64>, Vec<f64>)],
    parameters: &Parameters,
    arithmetic: Arithmetic,
) -> Values {
    let Parameters { num_attention_heads, num_key_value_heads, head_dim, .. } = *parameters;
    let (q_width, kv_width) = (num_attention_heads * head_dim, num_key_value_heads * head_dim);
    let mut out = Vec::new();
    for (q, k, v) in sequences {
        let (q, k, v) = (matrix::<T>(q, q_width), matrix::<T>(k, kv_width), matrix::<T>(v, kv_width));
        if q.nrows() > 0 {
            out.extend(reference(q.view(), k.view(), v.view(), parameters, arithmetic).context);
        }
    }
    T::own(out)
}
