//! What each kernel demands of the buffers that it is passed, from its axes alone: how many elements, of which format.

use kernels::Dtype;
use kernels::jit::KernelSpec;
use kernels::launch::tap_statistics_all::{ENTRY, RESULTS};
use kernels::launch::{Expr, find, sample};

use super::{Element, StepProblem};

/// How many elements a buffer has.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Count {
    /// Exactly so many.
    Exactly(Expr),
    /// At least so many.
    AtLeast(Expr),
    /// Whole rows of so many.
    RowsOf(u64),
}

/// What is demanded of one buffer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Demand {
    pub(super) parameter: &'static str,
    pub(super) count: Count,
    pub(super) element: Element,
}

/// The demands of a kernel on its buffers, in the order of its parameters; `number` is its number. A new kernel has to
/// be added here: one that is not is an error, never a pass.
pub(super) fn demands(spec: &KernelSpec, number: &Expr) -> Result<Vec<Demand>, StepProblem> {
    let kernel = find(&spec.kernel).ok_or(StepProblem::UnknownKernel)?;
    let int = |axis: &'static str| spec.int(axis).ok_or(StepProblem::Axis(axis));
    let float = |axis: &'static str| spec.dtype(axis).map(Element::Float).ok_or(StepProblem::Axis(axis));
    let each =
        |width: u64| Ok(Count::Exactly(Expr::Mul(Box::new(number.clone()), Box::new(Expr::Const(width)))));
    let of_tokens =
        |width: u64| Count::Exactly(Expr::Mul(Box::new(Expr::Tokens), Box::new(Expr::Const(width))));
    let product = |a: u64, b: u64| a.checked_mul(b).ok_or(StepProblem::Axis("a product of axes"));
    let vector = |width: u64| Count::Exactly(Expr::Const(width));
    let demand = |parameter: &'static str| -> Result<(Count, Element), StepProblem> {
        let act = || float("ACT_DTYPE");
        Ok(match (kernel.name, parameter) {
            ("embedding", "table") => (Count::RowsOf(int("FEATURES")?), float("TABLE_DTYPE")?),
            (_, "input_ids" | "positions" | "slot_mapping") => (each(1)?, Element::I32),
            (
                "embedding" | "bias" | "residual_add" | "silu_and_mul",
                "out" | "x" | "residual" | "gate" | "up",
            )
            | ("rmsnorm" | "add_rmsnorm", "out" | "x" | "residual" | "residual_out")
            | ("argmax", "x") => (each(int("FEATURES")?)?, act()?),
            ("argmax", "out") => (each(1)?, Element::I32),
            ("sample", "logits") => (each(int("FEATURES")?)?, act()?),
            ("sample", "next") => (each(1)?, Element::I32),
            ("sample", "sampling") => (each(sample::WORDS as u64)?, Element::I32),
            ("argmax_split", "x") => (each(int("FEATURES")?)?, act()?),
            ("argmax_split" | "argmax_advance", "largest") => {
                (each(int("SPLITS")?)?, Element::Float(Dtype::F32))
            }
            ("argmax_split" | "argmax_advance", "index") => (each(int("SPLITS")?)?, Element::I32),
            ("bias", "bias") => (vector(int("FEATURES")?), float("BIAS_DTYPE")?),
            ("rmsnorm" | "add_rmsnorm", "weight") => (vector(int("FEATURES")?), float("WEIGHT_DTYPE")?),
            ("rope", "out" | "x") => (each(product(int("NUM_HEADS")?, int("HEAD_DIM")?)?)?, act()?),
            (
                "matvec"
                | "matmul"
                | "matmul_simt"
                | "matvec_stream"
                | "matvec_add"
                | "norm_matvec"
                | "norm_gate_up_matvec",
                "out" | "residual",
            ) => (each(int("OUT_FEATURES")?)?, act()?),
            (
                "matvec"
                | "matmul"
                | "matmul_simt"
                | "matvec_stream"
                | "matvec_add"
                | "norm_matvec"
                | "norm_gate_up_matvec"
                | "norm_qkv_matvec"
                | "norm_qkv_bias_matvec",
                "x",
            ) => (each(int("IN_FEATURES")?)?, act()?),
            (
                "matvec"
                | "matmul"
                | "matmul_simt"
                | "matvec_stream"
                | "matvec_add"
                | "norm_matvec"
                | "norm_gate_up_matvec",
                "weight" | "gate_weight" | "up_weight",
            ) => (vector(product(int("OUT_FEATURES")?, int("IN_FEATURES")?)?), float("WEIGHT_DTYPE")?),
            (_, "norm_weight") => (vector(int("IN_FEATURES")?), float("NORM_DTYPE")?),
            ("norm_qkv_matvec" | "norm_qkv_bias_matvec", parameter) => {
                let rows = int(if parameter.starts_with('q') { "Q_FEATURES" } else { "KV_FEATURES" })?;
                match parameter {
                    "q_out" | "k_out" | "v_out" => (each(rows)?, act()?),
                    "q_bias" | "k_bias" | "v_bias" => (vector(rows), float("BIAS_DTYPE")?),
                    _ => (vector(product(rows, int("IN_FEATURES")?)?), float("WEIGHT_DTYPE")?),
                }
            }
            ("rope_kv_write" | "norm_rope_kv_write", parameter) => {
                let of = |heads: &'static str| product(int(heads)?, int("HEAD_DIM")?);
                match parameter {
                    "q_out" | "q" => (each(of("NUM_ATTENTION_HEADS")?)?, act()?),
                    "k" | "v" => (each(of("NUM_KEY_VALUE_HEADS")?)?, act()?),
                    "k_pages" | "v_pages" => (Count::RowsOf(of("NUM_KEY_VALUE_HEADS")?), float("KV_DTYPE")?),
                    _ => (vector(int("HEAD_DIM")?), float("WEIGHT_DTYPE")?),
                }
            }
            ("moe_gate" | "moe_norm_gate" | "moe_route" | "moe_route_bias", "logits" | "routing") => {
                (each(int("EXPERTS")?)?, Element::Float(Dtype::F32))
            }
            ("moe_gate" | "moe_norm_gate", "weight") => {
                (vector(product(int("EXPERTS")?, int("IN_FEATURES")?)?), float("WEIGHT_DTYPE")?)
            }
            ("moe_gate" | "moe_norm_gate", _) => (each(int("IN_FEATURES")?)?, act()?),
            ("moe_route" | "moe_route_bias" | "moe_down_matvec", "experts") => {
                (each(int("TOP_K")?)?, Element::I32)
            }
            ("moe_route" | "moe_route_bias" | "moe_down_matvec" | "moe_combine", "weights") => {
                (each(int("TOP_K")?)?, Element::Float(Dtype::F32))
            }
            ("moe_route_bias", _) => (vector(int("EXPERTS")?), float("BIAS_DTYPE")?),
            ("moe_align" | "moe_grouped_matmul" | "moe_grouped_matmul_simt", "offsets") => {
                (vector(int("EXPERTS")?.saturating_add(1)), Element::I32)
            }
            (
                "moe_align" | "moe_grouped_matmul" | "moe_grouped_matmul_simt" | "moe_gate_up_matvec",
                "experts" | "slots",
            ) => (each(1)?, Element::I32),
            (
                "moe_grouped_matmul" | "moe_grouped_matmul_simt" | "moe_gate_up_matvec" | "moe_down_matvec",
                "out" | "residual",
            ) => (each(int("OUT_FEATURES")?)?, act()?),
            ("moe_grouped_matmul" | "moe_grouped_matmul_simt" | "moe_gate_up_matvec", "x") => {
                // Consecutive slots share a row.
                let each_row = if kernel.name == "moe_gate_up_matvec" { "TOP_K" } else { "SLOTS_PER_ROW" };
                let Count::Exactly(all) = each(int("IN_FEATURES")?)? else {
                    return Err(StepProblem::Axis("IN_FEATURES"));
                };
                (Count::Exactly(Expr::CeilDiv(Box::new(all), int(each_row)?)), act()?)
            }
            ("moe_down_matvec", "x") => (each(product(int("TOP_K")?, int("IN_FEATURES")?)?)?, act()?),
            (
                "moe_grouped_matmul" | "moe_grouped_matmul_simt" | "moe_gate_up_matvec" | "moe_down_matvec",
                _,
            ) => {
                let matrix = product(int("OUT_FEATURES")?, int("IN_FEATURES")?)?;
                (vector(product(int("EXPERTS")?, matrix)?), float("WEIGHT_DTYPE")?)
            }
            ("moe_combine", "out") => (each(int("FEATURES")?)?, act()?),
            ("moe_combine", _) => (each(product(int("TOP_K")?, int("FEATURES")?)?)?, act()?),
            ("kv_write", "k" | "v") => (each(int("WIDTH")?)?, act()?),
            ("kv_write", "k_pages" | "v_pages") => (Count::RowsOf(int("WIDTH")?), float("KV_DTYPE")?),
            (
                "attention_wgmma" | "attention_flash" | "attention_prefill" | "attention_plain"
                | "attention_decode" | "attention_split",
                "out" | "q" | "k_pages" | "v_pages" | "qo_indptr" | "kv_page_indptr" | "kv_page_indices"
                | "kv_len",
            ) => {
                let (head_dim, page_size) = (int("HEAD_DIM")?, int("PAGE_SIZE")?);
                let pages = Expr::CeilDiv(Box::new(Expr::MaxKv), page_size);
                match parameter {
                    "out" | "q" => {
                        let width = product(int("NUM_ATTENTION_HEADS")?, head_dim)?;
                        (of_tokens(width), act()?)
                    }
                    "k_pages" | "v_pages" => {
                        let row = product(int("NUM_KEY_VALUE_HEADS")?, head_dim)?;
                        (Count::RowsOf(product(page_size, row)?), float("KV_DTYPE")?)
                    }
                    "qo_indptr" | "kv_page_indptr" => {
                        (Count::Exactly(number.clone() + 1.into()), Element::I32)
                    }
                    "kv_page_indices" => {
                        let count = Expr::Mul(Box::new(number.clone()), Box::new(pages));
                        (Count::AtLeast(count), Element::I32)
                    }
                    _ => (each(1)?, Element::I32),
                }
            }
            ("rmsnorm_slice", "out") => (each(int("FEATURES")?)?, act()?),
            ("rmsnorm_slice", "x") => (each(int("STRIDE")?)?, act()?),
            ("rmsnorm_slice", "weight") => (vector(int("FEATURES")?), float("WEIGHT_DTYPE")?),
            (kernel, parameter) if kernel.starts_with("mla_") => latent(spec, number, parameter)?,
            ("decode_advance" | "argmax_advance", "decoded") => (each(int("HISTORY")?)?, Element::I32),
            ("decode_advance" | "argmax_advance", "steps") => (vector(1), Element::I32),
            ("decode_advance" | "argmax_advance", "kv_len" | "next") => (each(1)?, Element::I32),
            ("decode_advance" | "argmax_advance", "kv_page_indptr") => {
                (Count::Exactly(number.clone() + 1.into()), Element::I32)
            }
            ("decode_advance" | "argmax_advance", _) => {
                let pages = Expr::CeilDiv(Box::new(Expr::MaxKv), int("PAGE_SIZE")?);
                (Count::AtLeast(Expr::Mul(Box::new(number.clone()), Box::new(pages))), Element::I32)
            }
            ("attention_split" | "attention_merge", "largest" | "total" | "context") => {
                let parts = product(int("NUM_ATTENTION_HEADS")?, int("SPLITS")?)?;
                let width = if parameter == "context" { product(parts, int("HEAD_DIM")?)? } else { parts };
                (of_tokens(width), Element::Float(Dtype::F32))
            }
            ("attention_merge", "out") => {
                (of_tokens(product(int("NUM_ATTENTION_HEADS")?, int("HEAD_DIM")?)?), act()?)
            }
            ("attention_merge", "qo_indptr") => (Count::Exactly(number.clone() + 1.into()), Element::I32),
            ("attention_merge", "kv_len") => (each(1)?, Element::I32),
            ("read_bandwidth", "out") => (vector(int("BLOCKS")?), Element::I32),
            ("read_bandwidth", "x") => (Count::AtLeast(number.clone()), float("X_DTYPE")?),
            ("random_fill", "out") => (each(1)?, float("OUT_DTYPE")?),
            ("empty", "out") => (Count::AtLeast(number.clone()), Element::I32),
            ("tap_statistics_all", "out") => {
                (each(product(int("STAGES")?, RESULTS as u64)?)?, Element::Float(Dtype::F64))
            }
            ("tap_statistics_all", "stages") => {
                (vector(product(int("STAGES")?, ENTRY as u64)?), Element::I32)
            }
            // Where the first stage is; what is read of it and of the others, the table says.
            ("tap_statistics_all", _) => (Count::AtLeast(number.clone()), act()?),
            ("tap_statistics", "out") => (vector(8), Element::Float(Dtype::F64)),
            ("tap_statistics", _) => (each(1)?, act()?),
            _ => return Err(StepProblem::UnknownKernel),
        })
    };
    let pointers = kernel.parameters.iter().filter(|parameter| parameter.access.is_pointer());
    pointers
        .map(|parameter| {
            let (count, element) = demand(parameter.name)?;
            Ok(Demand { parameter: parameter.name, count, element })
        })
        .collect()
}

/// The same of the kernels of latent attention, whose parameters of one name are of one size.
fn latent(spec: &KernelSpec, number: &Expr, parameter: &str) -> Result<(Count, Element), StepProblem> {
    let int = |axis: &'static str| spec.int(axis).ok_or(StepProblem::Axis(axis));
    let float = |axis: &'static str| spec.dtype(axis).map(Element::Float).ok_or(StepProblem::Axis(axis));
    let product = |a: u64, b: u64| a.checked_mul(b).ok_or(StepProblem::Axis("a product of axes"));
    let sum = |a: u64, b: u64| a.checked_add(b).ok_or(StepProblem::Axis("a sum of axes"));
    let of_tokens =
        |width: u64| Count::Exactly(Expr::Mul(Box::new(Expr::Tokens), Box::new(Expr::Const(width))));
    let of_heads = |width: u64| Ok(of_tokens(product(int("NUM_ATTENTION_HEADS")?, width)?));
    let (rank, rope) = (|| int("KV_LORA_RANK"), || int("QK_ROPE_HEAD_DIM"));
    let query = || sum(int("QK_NOPE_HEAD_DIM")?, rope()?);
    let split = spec.kernel == "mla_attention_split";
    let act = || float("ACT_DTYPE");
    let rows = || product(int("NUM_ATTENTION_HEADS")?, sum(int("QK_NOPE_HEAD_DIM")?, int("V_HEAD_DIM")?)?);
    let index = |count: Expr| Ok((Count::Exactly(count), Element::I32));
    Ok(match parameter {
        "largest" | "total" => (of_heads(int("SPLITS")?)?, Element::Float(Dtype::F32)),
        "context" if split => (of_heads(product(int("SPLITS")?, rank()?)?)?, Element::Float(Dtype::F32)),
        "q_latent" | "context" => (of_heads(rank()?)?, act()?),
        "q" => (of_heads(query()?)?, act()?),
        "out" => match spec.kernel.as_str() {
            "mla_rope" => (of_heads(query()?)?, act()?),
            "mla_attention_flash" | "mla_attention_plain" => (of_heads(rank()?)?, act()?),
            _ => (of_heads(int("V_HEAD_DIM")?)?, act()?),
        },
        "k_pe" => (of_tokens(rope()?), act()?),
        "kv_a" => (of_tokens(sum(rank()?, rope()?)?), act()?),
        "latent" => (of_tokens(rank()?), act()?),
        "weight" => (Count::Exactly(Expr::Const(product(rows()?, rank()?)?)), float("WEIGHT_DTYPE")?),
        "kv" => (Count::RowsOf(rows()?), act()?),
        // Who writes to pages is told slots, and knows of no page.
        "latent_pages" => {
            let width = sum(rank()?, rope()?)?;
            let page = spec.int("PAGE_SIZE").unwrap_or(1);
            (Count::RowsOf(product(page, width)?), float("KV_DTYPE")?)
        }
        "positions" | "slot_mapping" | "kv_len" => return index(number.clone()),
        "qo_indptr" | "kv_page_indptr" => return index(number.clone() + 1.into()),
        "kv_page_indices" => {
            let pages = Expr::CeilDiv(Box::new(Expr::MaxKv), int("PAGE_SIZE")?);
            (Count::AtLeast(Expr::Mul(Box::new(number.clone()), Box::new(pages))), Element::I32)
        }
        _ => return Err(StepProblem::UnknownKernel),
    })
}
