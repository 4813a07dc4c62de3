//! A random call of each kernel. Buffers are as large as they have to be and no larger.

use kernels::Dtype;
use kernels::jit::KernelSpec;
use kernels::launch::stream::Geometry;
use kernels::launch::{self, Expr, Extent, LaunchShape};

use super::draw::{Draw, indices};
use super::{attention, decode, mla, moe};

/// What is passed for a parameter.
pub(super) enum Argument {
    /// What is written in full: nothing has written it before.
    Output(usize),
    /// What is only read.
    Input(Vec<u8>),
    /// Memory of `bytes` bytes, of which these pieces are written before, each from an offset on.
    Pieces(usize, Vec<(usize, Vec<u8>)>),
    /// A number.
    Number(usize),
    /// A floating-point number.
    Real(f32),
}

/// One launch.
pub(super) struct Call {
    /// What is special about it, for the one who reads of it.
    pub(super) name: String,
    /// The grid, the block and the shared memory.
    pub(super) shape: LaunchShape,
    /// What the shape is bound to.
    pub(super) extent: Extent,
    /// What is passed, in order.
    pub(super) arguments: Vec<Argument>,
    /// Bytes that it must write.
    pub(super) written: usize,
}

/// An axis that is a whole number.
pub(super) fn int(spec: &KernelSpec, axis: &str) -> usize {
    spec.int(axis).unwrap() as usize
}

/// An axis that is a storage format.
pub(super) fn dtype(spec: &KernelSpec, axis: &str) -> Dtype {
    spec.dtype(axis).unwrap()
}

/// A random call of a kernel with these axes, but for the scales of its pages.
pub(super) fn call(spec: &KernelSpec, draw: &mut Draw) -> Call {
    if spec.kernel == "attention_merge" {
        return attention::merge(spec, draw);
    }
    if spec.kernel.starts_with("attention") {
        return attention::call(spec, draw);
    }
    if spec.kernel.starts_with("moe_") {
        return moe::call(spec, draw);
    }
    if spec.kernel.starts_with("mla_") || spec.kernel == "rmsnorm_slice" {
        return mla::call(spec, draw);
    }
    if matches!(spec.kernel.as_str(), "argmax_split" | "argmax_advance" | "decode_advance" | "sample") {
        return decode::call(spec, draw);
    }
    if ["empty", "random_fill", "read_bandwidth"].contains(&spec.kernel.as_str()) {
        return of_memory(spec, draw);
    }
    let activation = dtype(spec, "ACT_DTYPE");
    // Often few, sometimes more than one tile.
    let most = [3, 20, 150][draw.within(0, 2)];
    let tokens = draw.within(1, most);
    let expr = Expr::Tokens;
    let (shape, arguments) = match spec.kernel.as_str() {
        "residual_add" | "silu_and_mul" => {
            let all = tokens * int(spec, "FEATURES");
            let [a, b] = [0; 2].map(|_| Argument::Input(draw.values(all, activation)));
            let shape = if spec.kernel == "residual_add" {
                launch::residual_add::shape(expr)
            } else {
                launch::silu_and_mul::shape(expr)
            };
            (shape, vec![output(all, activation), a, b, Argument::Number(tokens)])
        }
        "add_rmsnorm" => {
            let features = int(spec, "FEATURES");
            let all = tokens * features;
            let [a, b] = [0; 2].map(|_| Argument::Input(draw.values(all, activation)));
            let weight = Argument::Input(draw.values(features, dtype(spec, "WEIGHT_DTYPE")));
            let [first, second] = [0; 2].map(|_| output(all, activation));
            (launch::add_rmsnorm::shape(expr), vec![first, second, a, b, weight, Argument::Number(tokens)])
        }
        "rmsnorm" | "bias" => {
            let features = int(spec, "FEATURES");
            let x = Argument::Input(draw.values(tokens * features, activation));
            let (axis, shape) = if spec.kernel == "bias" {
                ("BIAS_DTYPE", launch::bias::shape(expr))
            } else {
                ("WEIGHT_DTYPE", launch::rmsnorm::shape(expr))
            };
            let weight = Argument::Input(draw.values(features, dtype(spec, axis)));
            (shape, vec![output(tokens * features, activation), x, weight, Argument::Number(tokens)])
        }
        "argmax" => {
            let x = Argument::Input(draw.values(tokens * int(spec, "FEATURES"), activation));
            (launch::argmax::shape(expr), vec![Argument::Output(4 * tokens), x, Argument::Number(tokens)])
        }
        "embedding" => {
            let (features, vocabulary) = (int(spec, "FEATURES"), draw.within(1, 40));
            let table = Argument::Input(draw.values(vocabulary * features, dtype(spec, "TABLE_DTYPE")));
            let ids: Vec<usize> = (0..tokens).map(|_| draw.within(0, vocabulary - 1)).collect();
            let ids = Argument::Input(indices(&ids));
            let out = output(tokens * features, activation);
            (launch::embedding::shape(expr), vec![out, table, ids, Argument::Number(tokens)])
        }
        "rope" => {
            let all = tokens * int(spec, "NUM_HEADS") * int(spec, "HEAD_DIM");
            let x = Argument::Input(draw.values(all, activation));
            let positions: Vec<usize> = (0..tokens).map(|_| draw.within(0, 131_071)).collect();
            let positions = Argument::Input(indices(&positions));
            (launch::rope::shape(expr), vec![output(all, activation), x, positions, Argument::Number(tokens)])
        }
        "kv_write" => return kv_write(spec, tokens, draw),
        "rope_kv_write" | "norm_rope_kv_write" => return rope_kv_write(spec, tokens, draw),
        "matmul" | "matmul_simt" | "matvec" => {
            let (out_features, in_features) = (int(spec, "OUT_FEATURES"), int(spec, "IN_FEATURES"));
            let weight = draw.values(out_features * in_features, dtype(spec, "WEIGHT_DTYPE"));
            let x = draw.values(tokens * in_features, activation);
            let shape = match spec.kernel.as_str() {
                "matmul" => launch::matmul::shape(expr, out_features),
                "matmul_simt" => launch::matmul_simt::shape(expr, out_features),
                _ => launch::matvec::shape(expr, out_features),
            };
            let out = output(tokens * out_features, activation);
            (shape, vec![out, Argument::Input(weight), Argument::Input(x), Argument::Number(tokens)])
        }
        name if name.contains("matvec") => return streamed(spec, tokens.min(4), draw),
        "tap_statistics" => {
            let count = draw.within(1, 5000);
            let x = Argument::Input(draw.values(count, activation));
            (launch::tap_statistics::shape(), vec![Argument::Output(64), x, Argument::Number(count)])
        }
        "tap_statistics_all" => {
            let (stages, rows) = (int(spec, "STAGES"), tokens.min(3));
            let (mut table, mut count) = (Vec::new(), 0);
            for _ in 0..stages {
                let width = draw.within(1, 200_000 / (rows * stages));
                let entry = launch::tap_statistics_all::entry(count as i64, width as u32);
                table.extend(entry.map(|word| word as usize));
                count += rows * width;
            }
            let axes = launch::tap_statistics_all::Axes { activation, stages };
            let x = Argument::Input(draw.values(count, activation));
            let out = Argument::Output(64 * rows * stages);
            let table = Argument::Input(indices(&table));
            (
                launch::tap_statistics_all::shape(&axes, rows.into()),
                vec![out, x, table, Argument::Number(rows)],
            )
        }
        other => panic!("{other} is a kernel without random calls; add it here"),
    };
    of_tokens(tokens, shape, arguments)
}

/// A call of a kernel that is about memory and not about tokens.
fn of_memory(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let count = draw.within(1, 5000);
    let (shape, arguments) = match spec.kernel.as_str() {
        "empty" => {
            let blocks = draw.within(1, 200);
            let written = count.min(blocks);
            (
                launch::empty::shape(blocks.into()),
                vec![Argument::Output(4 * written), Argument::Number(written)],
            )
        }
        "random_fill" => {
            let out = output(count, dtype(spec, "OUT_DTYPE"));
            let seed = draw.within(0, u32::MAX as usize);
            (
                launch::random_fill::shape(count.into()),
                vec![out, Argument::Number(seed), Argument::Number(count)],
            )
        }
        _ => {
            let x = dtype(spec, "X_DTYPE");
            let (threads, loads) = (int(spec, "THREADS") as u32, int(spec, "LOADS"));
            let axes = launch::read_bandwidth::Axes { x, blocks: int(spec, "BLOCKS"), threads, loads };
            let words = Argument::Input(draw.values(count, x));
            let out = Argument::Output(4 * axes.blocks);
            (launch::read_bandwidth::shape(&axes), vec![out, words, Argument::Number(count)])
        }
    };
    let written = outputs(&arguments);
    Call { name: format!("count={count}"), shape, extent: extent(1), written, arguments }
}

/// A call for so many tokens, which writes all of its outputs.
pub(super) fn of_tokens(tokens: usize, shape: LaunchShape, arguments: Vec<Argument>) -> Call {
    let written = outputs(&arguments);
    Call { name: format!("tokens={tokens}"), shape, extent: extent(tokens), arguments, written }
}

/// Bytes of all outputs.
pub(super) fn outputs(arguments: &[Argument]) -> usize {
    let bytes = |argument: &Argument| if let Argument::Output(bytes) = argument { *bytes } else { 0 };
    arguments.iter().map(bytes).sum()
}

pub(super) fn output(count: usize, dtype: Dtype) -> Argument {
    Argument::Output(count * dtype.size())
}

pub(super) fn extent(tokens: usize) -> Extent {
    Extent { tokens: tokens as u64, batch: 1, max_kv: tokens as u64 }
}

/// A product with what is before it and after it: every parameter by its name.
fn streamed(spec: &KernelSpec, tokens: usize, draw: &mut Draw) -> Call {
    let (weights, activation) = (dtype(spec, "WEIGHT_DTYPE"), dtype(spec, "ACT_DTYPE"));
    let in_features = int(spec, "IN_FEATURES");
    let features = |name: &str| match name.split('_').next() {
        Some("q") if spec.int("Q_FEATURES").is_some() => int(spec, "Q_FEATURES"),
        Some("k" | "v") => int(spec, "KV_FEATURES"),
        _ => int(spec, "OUT_FEATURES"),
    };
    let mut written = 0;
    let parameters = launch::find(&spec.kernel).unwrap().parameters;
    let arguments = parameters
        .iter()
        .map(|parameter| match parameter.name {
            "tokens" => Argument::Number(tokens),
            name if name.ends_with("out") => {
                written += tokens * features(name) * activation.size();
                output(tokens * features(name), activation)
            }
            "x" => Argument::Input(draw.values(tokens * in_features, activation)),
            "residual" => Argument::Input(draw.values(tokens * features("out"), activation)),
            "norm_weight" => Argument::Input(draw.values(in_features, dtype(spec, "NORM_DTYPE"))),
            name if name.ends_with("bias") => {
                Argument::Input(draw.values(features(name), dtype(spec, "BIAS_DTYPE")))
            }
            name => Argument::Input(draw.values(features(name) * in_features, weights)),
        })
        .collect();
    let shape = Geometry::from_spec(spec).unwrap().shape(Expr::Tokens);
    Call { name: format!("tokens={tokens}"), shape, extent: extent(tokens), written, arguments }
}

/// Heads of tokens that are turned, and go to slots in a random order.
fn rope_kv_write(spec: &KernelSpec, tokens: usize, draw: &mut Draw) -> Call {
    let (head_dim, activation, kv) =
        (int(spec, "HEAD_DIM"), dtype(spec, "ACT_DTYPE"), dtype(spec, "KV_DTYPE"));
    let (heads, kv_heads) = (int(spec, "NUM_ATTENTION_HEADS"), int(spec, "NUM_KEY_VALUE_HEADS"));
    let (q_width, width) = (heads * head_dim, kv_heads * head_dim);
    let slots = tokens + draw.within(0, 20);
    let mapping: Vec<usize> = draw.order(slots).into_iter().take(tokens).collect();
    let positions: Vec<usize> = (0..tokens).map(|_| draw.within(0, 131_071)).collect();
    let mut arguments: Vec<Argument> =
        (0..2).map(|_| Argument::Pieces(slots * width * kv.size(), Vec::new())).collect();
    arguments.push(output(tokens * q_width, activation));
    arguments.extend(
        [q_width, width, width].map(|width| Argument::Input(draw.values(tokens * width, activation))),
    );
    if let Some(weight) = spec.dtype("WEIGHT_DTYPE") {
        arguments.extend([0; 2].map(|_| Argument::Input(draw.values(head_dim, weight))));
    }
    arguments.extend([Argument::Input(indices(&positions)), Argument::Input(indices(&mapping))]);
    arguments.push(Argument::Number(tokens));
    Call {
        name: format!("tokens={tokens},slots={slots}"),
        shape: launch::rope_kv_write::shape(heads + 2 * kv_heads, int(spec, "HEADS"), Expr::Tokens),
        extent: extent(tokens),
        arguments,
        written: 2 * tokens * width * kv.size() + tokens * q_width * activation.size(),
    }
}

/// Tokens to slots in a random order, among slots that nothing was written to.
fn kv_write(spec: &KernelSpec, tokens: usize, draw: &mut Draw) -> Call {
    let (width, kv) = (int(spec, "WIDTH"), dtype(spec, "KV_DTYPE"));
    let slots = tokens + draw.within(0, 20);
    let mapping: Vec<usize> = draw.order(slots).into_iter().take(tokens).collect();
    let [k, v] = [0; 2].map(|_| Argument::Input(draw.values(tokens * width, dtype(spec, "ACT_DTYPE"))));
    let [k_pages, v_pages] = [0; 2].map(|_| Argument::Pieces(slots * width * kv.size(), Vec::new()));
    let mapping = Argument::Input(indices(&mapping));
    Call {
        name: format!("tokens={tokens},slots={slots}"),
        shape: launch::kv_write::shape(Expr::Tokens),
        extent: extent(tokens),
        arguments: vec![k_pages, v_pages, k, v, mapping, Argument::Number(tokens)],
        written: 2 * tokens * width * kv.size(),
    }
}
