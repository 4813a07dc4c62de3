//! Cases of `rope_kv_write`: heads of every size with and without norms, every rescaling, groupings, padding, and pages of
//! every format, with scales where they are E4M3.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::launch::{Expr, norm_rope_kv_write, rope, rope_kv_write};
use kernels::rope::{Parameters, Scaling};
use kernels::rope_kv_write::{Inputs, reference};
use kernels::{Arithmetic, Dtype, Real};

use super::arrays::{ACTIVATIONS, count, indices, input, matrix, page_scale, passed, rows, tokens, vector};
use super::attention::pick;
use super::rope::launched;
use super::{Draw, Group, OpArgument, OpCase, OpRun, encode};

const HEAD_DIMS: &[usize] = &[2, 8, 10, 16, 32, 64, 80, 96, 128, 256, 320];
/// Query heads, and key and value heads: less than a block takes, as many, more, and no whole number of blocks.
const HEADS: &[(usize, usize)] = &[(4, 2), (1, 1), (14, 2), (9, 3), (5, 5)];
const FORMATS: [Dtype; 4] = [Dtype::BF16, Dtype::E4M3, Dtype::F32, Dtype::F16];
/// The far end, the beginning, and both sides of a power of two.
const POSITIONS: &[usize] = &[131_071, 0, 1, 777, 8191, 8192, 100_003];
const EPS: f64 = 1e-6;

/// All of them.
pub(super) fn groups() -> Vec<Group> {
    let mut groups = Vec::new();
    for normed in [false, true] {
        let kernel = if normed { norm_rope_kv_write::KERNEL.name } else { rope_kv_write::KERNEL.name };
        for activation in ACTIVATIONS {
            let cases = (0..2 * HEAD_DIMS.len()).map(|at| case(at, activation, normed)).collect();
            groups.push(Group { kernel, activation, cases });
        }
    }
    groups
}

/// What a case is of.
#[derive(Clone, Copy)]
struct Heads {
    parameters: Parameters,
    query: usize,
    key: usize,
    num: usize,
    padded: bool,
    activation: Dtype,
    kv: Dtype,
    block: usize,
    normed: bool,
}

fn case(at: usize, activation: Dtype, normed: bool) -> OpCase {
    let llama3 = Scaling::Llama3 {
        factor: 8.0,
        low_freq_factor: 1.0,
        high_freq_factor: 4.0,
        original_max_position_embeddings: 8192.0,
    };
    let scaling = pick(&[Scaling::Default, llama3, Scaling::Linear { factor: 2.5 }], at, Scaling::Default);
    let head_dim = pick(HEAD_DIMS, at, 8);
    let (query, key) = pick(HEADS, at, (1, 1));
    let blocks = [rope_kv_write::HEADS_OF_FEW, rope_kv_write::HEADS_OF_MANY];
    let heads = Heads {
        parameters: Parameters { head_dim, theta: 1e6, scaling },
        query,
        key,
        num: pick(&[1, 7, 3], at + at / 3, 1),
        padded: at % 4 == 3,
        activation,
        kv: pick(&FORMATS, at, activation),
        block: pick(&blocks, at + at / 2, 8),
        normed,
    };
    let name = format!(
        "tokens={},head_dim={head_dim},heads={query}:{key},scaling={},block={},padded={},kv={}",
        heads.num,
        at % 3,
        heads.block,
        heads.padded,
        heads.kv,
    );
    OpCase::new(name, move |draw| run(heads, draw))
}

fn run(heads: Heads, draw: &mut Draw) -> OpRun {
    let Heads { parameters, query, key, num, padded, activation, kv, block, normed } = heads;
    let head_dim = parameters.head_dim;
    let (q_width, kv_width) = (query * head_dim, key * head_dim);
    let q = draw.values(num * q_width, 1.0, activation);
    let scales = [page_scale(kv, draw), page_scale(kv, draw)];
    let [k_scale, v_scale] = scales.map(f64::from);
    let k = draw.values(num * kv_width, 2.0 * k_scale, activation);
    let v = draw.values(num * kv_width, v_scale, activation);
    // A norm forgets how large keys were, and its weights say how large they become.
    let weights = [draw.values(head_dim, 1.0, activation), draw.values(head_dim, k_scale, activation)];
    let slots = num + 5;
    let pages = [draw.values(slots * kv_width, 1.0, kv), draw.values(slots * kv_width, 1.0, kv)];
    let slot_mapping: Vec<i32> = draw
        .order(slots)
        .into_iter()
        .take(num)
        .enumerate()
        .map(|(at, slot)| if padded && at % 3 == 1 { -1 } else { i32::try_from(slot).unwrap_or(-1) })
        .collect();
    let positions: Vec<usize> = (0..num).map(|at| pick(POSITIONS, at + head_dim, 0)).collect();
    let at: Vec<i32> = positions.iter().map(|&at| i32::try_from(at).unwrap_or(i32::MAX)).collect();

    let rotation = rope::Axes {
        head_dim,
        num_heads: query,
        theta: parameters.theta,
        scaling: launched(parameters.scaling),
        activation,
    };
    let axes = rope_kv_write::Axes { rope: rotation, num_key_value_heads: key, kv, heads: block };
    let plain = rope_kv_write::spec(&axes);
    let update = |pages: &[f64]| OpArgument::Update {
        bytes: encode(pages, kv),
        shape: vec![slots, kv_width],
        element: Element::Float(kv),
    };
    let mut arguments = vec![
        update(&pages[0]),
        update(&pages[1]),
        rows(num, q_width, activation),
        input(&q, activation),
        input(&k, activation),
        input(&v, activation),
    ];
    if normed {
        arguments.extend(weights.iter().map(|weight| input(weight, activation)));
    }
    arguments.extend([indices(&at), indices(&slot_mapping), count(num)]);
    arguments.extend(scales.map(|scale| passed(kv, scale)));
    let drawn = Drawn { q, k, v, weights, pages, positions, slot_mapping, scales };
    OpRun {
        spec: if normed { norm_rope_kv_write::of(plain, EPS, activation) } else { plain },
        shape: rope_kv_write::shape(query + 2 * key, block, Expr::Tokens),
        extent: tokens(num),
        arguments,
        reference: Box::new(move |arithmetic| match arithmetic {
            Arithmetic::F64 => outputs::<f64>(&drawn, &heads, arithmetic),
            _ => outputs::<f32>(&drawn, &heads, arithmetic),
        }),
    }
}

struct Drawn {
    q: Vec<f64>,
    k: Vec<f64>,
    v: Vec<f64>,
    weights: [Vec<f64>; 2],
    pages: [Vec<f64>; 2],
    positions: Vec<usize>,
    slot_mapping: Vec<i32>,
    scales: [f32; 2],
}

fn outputs<T: Real>(drawn: &Drawn, heads: &Heads, arithmetic: Arithmetic) -> Vec<Tensor> {
    let head_dim = heads.parameters.head_dim;
    let (q_width, kv_width) = (heads.query * head_dim, heads.key * head_dim);
    let q = matrix::<T>(&drawn.q, q_width);
    let [k, v] = [&drawn.k, &drawn.v].map(|x| matrix::<T>(x, kv_width));
    let [k_pages, v_pages] = drawn.pages.each_ref().map(|pages| matrix::<T>(pages, kv_width));
    let weights = drawn.weights.each_ref().map(|weight| vector::<T>(weight));
    let inputs = Inputs {
        q: q.view(),
        k: k.view(),
        v: v.view(),
        weights: heads.normed.then(|| weights.each_ref().map(|weight| weight.view())),
        pages: [k_pages.view(), v_pages.view()],
        positions: &drawn.positions,
        slot_mapping: &drawn.slot_mapping,
        scales: drawn.scales,
    };
    let written = reference(&inputs, EPS, &heads.parameters, heads.kv, arithmetic);
    vec![Tensor::of(&written.k_pages), Tensor::of(&written.v_pages), Tensor::of(&written.q)]
}
