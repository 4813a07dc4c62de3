//! An index that is one too large. Except at the end of the buffer it reads what is there, from the next row.

use kernels::jit::SourcePoint;
use kernels::seam::Seam;

use super::Mutant;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "kernel@one-element-beyond",
    defect: "one input of a kernel is read one element too far, or its output written where it has none",
    point: "source",
    kinds: &["memory_safety"],
    seam,
};

/// What is rewritten in each kernel.
const PIECES: &[(&str, &str, &str)] = &[
    ("add_rmsnorm", "Act::load(x[start + i])", "Act::load(x[start + i + 1])"),
    ("argmax", "load(x[start + i])", "load(x[start + i + 1])"),
    ("argmax_advance", "Candidate{largest[at], index[at]}", "Candidate{largest[at], index[at + 1]}"),
    ("argmax_split", "x + (u64)row * FEATURES;", "x + (u64)(row + 1) * FEATURES;"),
    ("attention_decode", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("attention_flash", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("attention_merge", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("attention_plain", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("attention_prefill", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("attention_split", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("bias", "Act::load(x[start + i])", "Act::load(x[start + i + 1])"),
    ("decode_advance", "next[sequence];", "next[sequence + 1];"),
    ("embedding", "input_ids[token]", "input_ids[token + 1]"),
    ("kv_write", "slot_mapping[token]", "slot_mapping[token + 1]"),
    ("mla_absorb_matmul", "first_row + row < rows;", "first_row + row < rows + 1;"),
    ("mla_absorb_matvec", "column[n * KV_LORA_RANK]", "column[(n + V_HEAD_DIM + 1) * KV_LORA_RANK]"),
    ("mla_attention_flash", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("mla_attention_plain", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("mla_attention_split", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("mla_rope", "Act::load(x[second])", "Act::load(x[second + 1])"),
    ("mla_unabsorbed", "= kv_len[sequence];", "= kv_len[sequence + 1];"),
    ("mla_value_up_matmul", "first_row + row < rows;", "first_row + row < rows + 1;"),
    ("mla_value_up_matvec", "weight_row[r]", "weight_row[r + 1]"),
    ("mla_write", "slot_mapping[token]", "slot_mapping[token + 1]"),
    ("moe_align", "? experts[base + lane] :", "? experts[base + lane + 1] :"),
    ("moe_combine", "weights[slot + place]", "weights[slot + place + 1]"),
    ("moe_down_matvec", "weights[token * TOP_K + place]", "weights[token * TOP_K + place + 1]"),
    ("moe_gate", "weight + (u64)expert * IN_FEATURES", "weight + (u64)(expert + 1) * IN_FEATURES"),
    ("moe_gate_up_matvec", "(u64)experts[slot]", "(u64)experts[slot + 1]"),
    ("moe_grouped_matmul", "(u32)slots[tile.first + i]", "(u32)slots[tile.first + i + 1]"),
    ("moe_grouped_matmul_simt", "(u32)slots[tile.first + i]", "(u32)slots[tile.first + i + 1]"),
    ("moe_norm_gate", "weight + (u64)expert * IN_FEATURES", "weight + (u64)(expert + 1) * IN_FEATURES"),
    ("moe_route", "row[expert] :", "row[expert + 1] :"),
    ("moe_route_bias", "row[expert] :", "row[expert + 1] :"),
    ("norm_rope_kv_write", "slot_mapping[token]", "slot_mapping[token + 1]"),
    ("empty", "out[blockIdx.x] =", "out[blockIdx.x + 1] ="),
    ("random_fill", "out[i] =", "out[i + 1] ="),
    ("read_bandwidth", "(u64)whole * EACH + threadIdx.x", "(u64)whole * EACH + threadIdx.x + 1"),
    ("residual_add", "Act::load(x[start + i])", "Act::load(x[start + i + 1])"),
    ("rmsnorm", "float value = Storage<ACT>::load(x[i]);", "float value = Storage<ACT>::load(x[i + 1]);"),
    ("rmsnorm_slice", "(u64)row * STRIDE", "(u64)(row + 1) * STRIDE"),
    ("rope", "Act::load(x[high])", "Act::load(x[high + 1])"),
    ("rope_kv_write", "slot_mapping[token]", "slot_mapping[token + 1]"),
    ("sample", "{logits + (u64)at * FEATURES", "{logits + (u64)(at + 1) * FEATURES"),
    ("silu_and_mul", "up[start + i]", "up[start + i + 1]"),
    ("tap_statistics", "Storage<DTYPE>::load(x[i])", "Storage<DTYPE>::load(x[i + 1])"),
    ("tap_statistics_all", "Storage<DTYPE>::load(x[i])", "Storage<DTYPE>::load(x[i + 1])"),
];

fn seam() -> Seam {
    Seam::empty().with::<SourcePoint>(|source| {
        let kernel = source.kernel;
        PIECES.iter().any(|(of, from, to)| *of == kernel && source.replace(from, to))
    })
}
