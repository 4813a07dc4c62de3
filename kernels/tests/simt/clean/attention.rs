//! Random calls of the kernels of attention: ragged batches over pages in a random order. Only the slots of a sequence's
//! own keys are written; whoever looks at another reads what nobody wrote.

use kernels::jit::{Axis, KernelSpec};
use kernels::launch::{self, Expr, LaunchShape};

use super::calls::{Argument, Call, dtype, int};
use super::draw::{Draw, indices};
use super::ragged::{self, Paged, batch};

fn axes(spec: &KernelSpec) -> launch::attention_plain::Axes {
    let Some(Axis::Float(scale)) = spec.axes.get("SCALE") else { panic!("{spec} has no scale") };
    launch::attention_plain::Axes {
        head_dim: int(spec, "HEAD_DIM"),
        num_attention_heads: int(spec, "NUM_ATTENTION_HEADS"),
        num_key_value_heads: int(spec, "NUM_KEY_VALUE_HEADS"),
        scale: *scale,
        window: Some(int(spec, "WINDOW")).filter(|&window| window > 0),
        page_size: int(spec, "PAGE_SIZE"),
        activation: dtype(spec, "ACT_DTYPE"),
        kv: dtype(spec, "KV_DTYPE"),
    }
}

/// How the keys of a split kernel are shared out.
fn split(spec: &KernelSpec, attention: launch::attention_plain::Axes) -> launch::attention_split::Axes {
    launch::attention_split::Axes { attention, tile: int(spec, "TILE"), splits: int(spec, "SPLITS") }
}

/// A random call of the kernel that merges splits: those of single tokens, of which every split has something.
pub(super) fn merge(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let (heads, head_dim, splits) =
        (int(spec, "NUM_ATTENTION_HEADS"), int(spec, "HEAD_DIM"), int(spec, "SPLITS"));
    let activation = dtype(spec, "ACT_DTYPE");
    let batch = batch(true, draw);
    let tokens = ragged::tokens(&batch);
    let mut qo_indptr = vec![0];
    for (new, _) in &batch {
        qo_indptr.push(qo_indptr.last().unwrap() + new);
    }
    let lengths: Vec<usize> = batch.iter().map(|(_, length)| *length).collect();
    let mut values = |count| Argument::Input(draw.values(count, kernels::Dtype::F32));
    let parts = tokens * heads * splits;
    let out = tokens * heads * head_dim * activation.size();
    Call {
        name: ragged::name(&batch),
        shape: LaunchShape { grid: [heads.into(), Expr::Batch, 1.into()], block: [256, 1, 1], shared: 0 },
        extent: ragged::extent(&batch),
        arguments: vec![
            Argument::Output(out),
            values(parts),
            values(parts),
            values(parts * head_dim),
            Argument::Input(indices(&qo_indptr)),
            Argument::Input(indices(&lengths)),
            Argument::Number(batch.len()),
        ],
        written: out,
    }
}

/// A random call of a kernel of attention.
pub(super) fn call(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let axes = axes(spec);
    let batch = batch(["attention_decode", "attention_split"].contains(&spec.kernel.as_str()), draw);
    let shape = match spec.kernel.as_str() {
        "attention_flash" => {
            let tile = launch::attention_flash::Tile {
                queries: int(spec, "QUERIES"),
                keys: int(spec, "KEYS"),
                warps: int(spec, "WARPS"),
                blocks: int(spec, "BLOCKS"),
            };
            let axes = launch::attention_flash::Axes { attention: axes, tile };
            launch::attention_flash::shape(&axes, Expr::Tokens, Expr::Batch)
        }
        "attention_plain" => launch::attention_plain::shape(&axes, Expr::Tokens),
        "attention_prefill" => launch::attention_prefill::shape(&axes, Expr::Tokens, Expr::Batch),
        "attention_decode" => launch::attention_decode::shape(&axes, Expr::Batch),
        "attention_split" => launch::attention_split::shape(&split(spec, axes), Expr::Batch),
        other => panic!("{other} is a kernel of attention without random calls; add it here"),
    };
    let tokens = ragged::tokens(&batch);
    let q = tokens * axes.num_attention_heads * axes.head_dim;
    let slot = axes.num_key_value_heads * axes.head_dim;
    let paged = Paged::new(&batch, axes.page_size, draw);
    let bytes = paged.slots * slot * axes.kv.size();
    let mut pages = || {
        let piece = |at: &usize| (at * slot * axes.kv.size(), draw.values(slot, axes.kv));
        Argument::Pieces(bytes, paged.own.iter().map(piece).collect())
    };
    let (k_pages, v_pages) = (pages(), pages());
    let outputs: Vec<usize> = match spec.kernel.as_str() {
        "attention_split" => {
            let parts = tokens * split(spec, axes).parts();
            vec![4 * parts, 4 * parts, 4 * parts * axes.head_dim]
        }
        _ => vec![q * axes.activation.size()],
    };
    let written = outputs.iter().sum();
    let mut arguments: Vec<Argument> = outputs.into_iter().map(Argument::Output).collect();
    arguments.extend([Argument::Input(draw.values(q, axes.activation)), k_pages, v_pages]);
    arguments.extend(paged.arguments);
    Call { name: ragged::name(&batch), shape, extent: ragged::extent(&batch), arguments, written }
}
