//! Random calls of the kernels of latent attention. Of every row only what a kernel is about is written: whoever looks at
//! what lies beside it, or at a slot that is no sequence's, reads what nobody wrote.

use kernels::Dtype;
use kernels::jit::{Axis, KernelSpec};
use kernels::launch::{self, Expr};

use super::calls::{Argument, Call, dtype, extent, int, of_tokens, output, outputs};
use super::draw::{Draw, indices};
use super::ragged::{self, Paged, Sequence};

/// A random call of a kernel of latent attention.
pub(super) fn call(spec: &KernelSpec, draw: &mut Draw) -> Call {
    match spec.kernel.as_str() {
        "rmsnorm_slice" => norm(spec, draw),
        "mla_rope" => rope(spec, draw),
        "mla_write" => write(spec, draw),
        "mla_absorb_matvec" | "mla_absorb_matmul" | "mla_value_up_matvec" | "mla_value_up_matmul" => {
            product(spec, draw)
        }
        "mla_attention_plain" | "mla_attention_flash" | "mla_attention_split" | "mla_unabsorbed" => {
            attention(spec, draw)
        }
        other => panic!("{other} is a kernel of latent attention without random calls; add it here"),
    }
}

/// Rows of `width` elements, of which so many are written from `first` on.
fn parts(
    rows: usize,
    width: usize,
    (first, count): (usize, usize),
    dtype: Dtype,
    draw: &mut Draw,
) -> Argument {
    slots(rows * width, (0..rows).map(|row| row * width + first), count, dtype, draw)
}

/// So many elements, of which `count` are written from each of these on.
fn slots(
    elements: usize,
    from: impl Iterator<Item = usize>,
    count: usize,
    dtype: Dtype,
    draw: &mut Draw,
) -> Argument {
    let pieces = from.map(|first| (first * dtype.size(), draw.values(count, dtype))).collect();
    Argument::Pieces(elements * dtype.size(), pieces)
}

/// Often few, sometimes more than one tile.
fn some_tokens(draw: &mut Draw) -> usize {
    let most = [3, 20, 150][draw.within(0, 2)];
    draw.within(1, most)
}

fn norm(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (features, stride, tokens) = (int(spec, "FEATURES"), int(spec, "STRIDE"), some_tokens(draw));
    let activation = dtype(spec, "ACT_DTYPE");
    let arguments = vec![
        output(tokens * features, activation),
        parts(tokens, stride, (0, features), activation, draw),
        Argument::Input(draw.values(features, dtype(spec, "WEIGHT_DTYPE"))),
        Argument::Number(tokens),
    ];
    of_tokens(tokens, launch::rmsnorm_slice::shape(Expr::Tokens), arguments)
}

fn rope(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (rank, turned) = (int(spec, "KV_LORA_RANK"), int(spec, "QK_ROPE_HEAD_DIM"));
    let (activation, tokens) = (dtype(spec, "ACT_DTYPE"), some_tokens(draw));
    let q = tokens * int(spec, "NUM_ATTENTION_HEADS") * (int(spec, "QK_NOPE_HEAD_DIM") + turned);
    let positions: Vec<usize> = (0..tokens).map(|_| draw.within(0, 131_071)).collect();
    let arguments = vec![
        output(q, activation),
        output(tokens * turned, activation),
        Argument::Input(draw.values(q, activation)),
        parts(tokens, rank + turned, (rank, turned), activation, draw),
        Argument::Input(indices(&positions)),
        Argument::Number(tokens),
    ];
    of_tokens(tokens, launch::mla_rope::shape(Expr::Tokens), arguments)
}

/// Tokens to slots in a random order, among slots that nothing was written to. Now and then one is padding, whose latent
/// nobody wrote.
fn write(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (rank, turned) = (int(spec, "KV_LORA_RANK"), int(spec, "QK_ROPE_HEAD_DIM"));
    let (activation, kv) = (dtype(spec, "ACT_DTYPE"), dtype(spec, "KV_DTYPE"));
    let (tokens, width) = (some_tokens(draw), rank + turned);
    let all = tokens + draw.within(0, 20);
    let order = draw.order(all).into_iter().take(tokens);
    // As an i32 it is -1.
    let mapping: Vec<usize> =
        order.map(|slot| if draw.within(0, 7) == 0 { usize::MAX } else { slot }).collect();
    let kept: Vec<usize> = (0..tokens).filter(|token| mapping[*token] != usize::MAX).collect();
    let latent = slots(tokens * rank, kept.iter().map(|token| token * rank), rank, activation, draw);
    let k_pe = slots(tokens * turned, kept.iter().map(|token| token * turned), turned, activation, draw);
    Call {
        name: format!("tokens={tokens},kept={},slots={all}", kept.len()),
        shape: launch::mla_write::shape(Expr::Tokens),
        extent: extent(tokens),
        arguments: vec![
            Argument::Pieces(all * width * kv.size(), Vec::new()),
            latent,
            k_pe,
            Argument::Input(indices(&mapping)),
            Argument::Number(tokens),
        ],
        written: kept.len() * width * kv.size(),
    }
}

/// A product with the rows of every head: those of keys, of which the queries' first features are multiplied, or those of
/// values.
fn product(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let axes = launch::mla_absorb_matmul::Axes {
        num_attention_heads: int(spec, "NUM_ATTENTION_HEADS"),
        kv_lora_rank: int(spec, "KV_LORA_RANK"),
        qk_nope_head_dim: int(spec, "QK_NOPE_HEAD_DIM"),
        // Only queries have it.
        qk_rope_head_dim: spec.int("QK_ROPE_HEAD_DIM").unwrap_or(0) as usize,
        v_head_dim: int(spec, "V_HEAD_DIM"),
        weight: dtype(spec, "WEIGHT_DTYPE"),
        activation: dtype(spec, "ACT_DTYPE"),
    };
    let (heads, rank, nope, v) =
        (axes.num_attention_heads, axes.kv_lora_rank, axes.qk_nope_head_dim, axes.v_head_dim);
    let expr = Expr::Tokens;
    let tokens = some_tokens(draw);
    let (shape, tokens) = match spec.kernel.as_str() {
        "mla_absorb_matmul" => (launch::mla_absorb_matmul::shape(&axes, expr), tokens),
        "mla_absorb_matvec" => (launch::mla_absorb_matvec::shape(&axes, expr), tokens.min(20)),
        "mla_value_up_matmul" => (launch::mla_value_up_matmul::shape(&axes, expr), tokens),
        _ => (launch::mla_value_up_matvec::shape(&axes, expr), tokens.min(20)),
    };
    let rows = tokens * heads;
    let absorb = spec.kernel.starts_with("mla_absorb");
    let (out, x, part) = if absorb {
        let width = nope + axes.qk_rope_head_dim;
        (rows * rank, parts(rows, width, (0, nope), axes.activation, draw), (0, nope * rank))
    } else {
        let x = Argument::Input(draw.values(rows * rank, axes.activation));
        (rows * v, x, (nope * rank, v * rank))
    };
    let weight = parts(heads, (nope + v) * rank, part, axes.weight, draw);
    let arguments = vec![output(out, axes.activation), x, weight, Argument::Number(tokens)];
    of_tokens(tokens, shape, arguments)
}

/// What attention is specialised for.
fn axes(spec: &KernelSpec) -> launch::mla_attention_plain::Axes {
    let Some(Axis::Float(scale)) = spec.axes.get("SCALE") else { panic!("{spec} has no scale") };
    launch::mla_attention_plain::Axes {
        num_attention_heads: int(spec, "NUM_ATTENTION_HEADS"),
        kv_lora_rank: int(spec, "KV_LORA_RANK"),
        qk_nope_head_dim: int(spec, "QK_NOPE_HEAD_DIM"),
        qk_rope_head_dim: int(spec, "QK_ROPE_HEAD_DIM"),
        scale: *scale,
        page_size: int(spec, "PAGE_SIZE"),
        activation: dtype(spec, "ACT_DTYPE"),
        kv: dtype(spec, "KV_DTYPE"),
    }
}

/// A batch whose prefills are short where there are many heads.
fn batch(spec: &KernelSpec, draw: &mut Draw) -> Vec<Sequence> {
    let batch = ragged::batch(spec.kernel == "mla_attention_split", draw);
    let most = if int(spec, "NUM_ATTENTION_HEADS") > 30 { 3 } else { 20 };
    batch.into_iter().map(|(new, length)| (new.min(most), length - (new - new.min(most)))).collect()
}

/// Attention in the space of latents, or with a key and a value of every head.
fn attention(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let axes = axes(spec);
    let (activation, kv) = (axes.activation, axes.kv);
    let (heads, rank, turned) = (axes.num_attention_heads, axes.kv_lora_rank, axes.qk_rope_head_dim);
    let q_width = axes.qk_nope_head_dim + turned;
    let width = rank + turned;
    let batch = batch(spec, draw);
    let rows = ragged::tokens(&batch) * heads;
    let paged = Paged::new(&batch, axes.page_size, draw);
    let of_pages = |from: usize, draw: &mut Draw| {
        let own = paged.own.iter().map(|slot| slot * width + from);
        slots(paged.slots * width, own, width - from, kv, draw)
    };

    let (shape, mut arguments) = if spec.kernel == "mla_unabsorbed" {
        let v_head_dim = int(spec, "V_HEAD_DIM");
        let unabsorbed = launch::mla_unabsorbed::Axes { attention: axes, v_head_dim };
        let expanded = heads * (axes.qk_nope_head_dim + v_head_dim);
        let own = paged.own.iter().map(|slot| slot * expanded);
        let arguments = vec![
            output(rows * v_head_dim, activation),
            Argument::Input(draw.values(rows * q_width, activation)),
            slots(paged.slots * expanded, own, expanded, activation, draw),
            of_pages(rank, draw),
        ];
        (launch::mla_unabsorbed::shape(&unabsorbed, Expr::Tokens), arguments)
    } else {
        let (shape, mut arguments) = match spec.kernel.as_str() {
            "mla_attention_split" => {
                let (tile, splits) = (int(spec, "TILE"), int(spec, "SPLITS"));
                let split = launch::mla_attention_split::Axes { attention: axes, tile, splits };
                let parts = rows * splits;
                let outputs = [parts, parts, parts * rank].map(|count| output(count, Dtype::F32));
                (launch::mla_attention_split::shape(&split, Expr::Batch), outputs.into())
            }
            "mla_attention_flash" => {
                let flash = launch::mla_attention_flash::Axes { attention: axes, rows: int(spec, "ROWS") };
                let shape = launch::mla_attention_flash::shape(&flash, Expr::Tokens, Expr::Batch);
                (shape, vec![output(rows * rank, activation)])
            }
            _ => {
                let shape = launch::mla_attention_plain::shape(&axes, Expr::Tokens);
                (shape, vec![output(rows * rank, activation)])
            }
        };
        arguments.extend([
            Argument::Input(draw.values(rows * rank, activation)),
            parts(rows, q_width, (axes.qk_nope_head_dim, turned), activation, draw),
            of_pages(0, draw),
        ]);
        (shape, arguments)
    };
    arguments.extend(paged.arguments);
    Call {
        name: ragged::name(&batch),
        shape,
        extent: ragged::extent(&batch),
        written: outputs(&arguments),
        arguments,
    }
}
