//! Ops: what a decoder computes, one op a file.
//!
//! Each op file holds the op's parameters, the dtypes that its device code declares to compute in, and
//! `reference()`: the paper's equation on the CPU, over [`ndarray`] views. References share with device code
//! the parameters and nothing else: no helper, no constant, no table.
//!
//! | file | op |
//! |---|---|
//! | [`embedding`] | rows of the embedding table |
//! | [`rmsnorm`] | root mean square layer normalisation |
//! | [`linear`] | matrix product with a transposed weight |
//! | [`bias`] | one bias per feature |
//! | [`rope`] | rotary position embedding, with its scalings |
//! | [`rope_kv_write`] | heads normed and turned, and keys and values written to their pages |
//! | [`attention`] | scaled dot-product attention with grouped queries, causal, with an optional window |
//! | [`attention_split`] | the same over splits of the keys, each by itself |
//! | [`attention_merge`] | attention from what the splits give |
//! | [`silu_and_mul`] | the gated activation of the MLP |
//! | [`residual_add`] | the residual stream |
//! | [`add_rmsnorm`] | the residual stream and the norm of it |
//! | [`linear_add`] | matrix product, added to the residual stream |
//! | [`norm_linear`] | matrix product of the norm of rows |
//! | [`norm_qkv`] | queries, keys and values of the norm of rows |
//! | [`norm_gate_up`] | the gated activation of the norm of rows |
//! | [`kv_write`] | keys and values of new tokens, written to their pages |
//! | [`mla_rope`] | the rotary part of latent attention, with YaRN and scaling of queries |
//! | [`mla_write`] | latents and shared keys of new tokens, written to their pages |
//! | [`mla_absorb`], [`mla_value_up`] | queries into the space of latents, and values out of it |
//! | [`mla_attention`], [`mla_attention_split`] | attention in that space, whole and over splits of the latents |
//! | [`mla_unabsorbed`] | the same with a key and a value of every head |
//! | [`moe_gate`] | router logits |
//! | [`moe_norm_gate`] | the norm of rows, and router logits of it |
//! | [`moe_route`] | which experts a token is sent to, and how much each counts |
//! | [`moe_align`] | the slots of each expert |
//! | [`moe_grouped_linear`] | rows times the matrix of their expert |
//! | [`moe_gate_up`] | the gated activation of rows, with the matrices of their experts |
//! | [`moe_combine`] | what the experts of a token gave, weighed and added |
//! | [`moe_down`] | the products of the experts of a token, weighed, and added to the residual stream |
//! | [`random_fill`] | numbers that follow from a seed and their place |
//! | [`read_bandwidth`], [`empty`] | reading memory, and nothing: what a bench compares with |
//! | [`argmax`] | the index of the largest element of each row |
//! | [`argmax_split`] | the largest element of each slice of a row, and its index |
//! | [`argmax_advance`] | the token of each sequence from those, and the inputs of the next decode step |
//! | [`decode_advance`] | the inputs of the next decode step |
//! | [`sample`] | a token drawn from logits |
//! | [`tap_statistics`] | statistics of a stage |
//!
//! [`arithmetic`] says in which number format a reference computes, [`seam`] is the one place through which a
//! mutant can rewrite what the engine does.
//!
//! Device code is one `.cu` file a kernel, compiled at run time:
//!
//! | module | what |
//! |---|---|
//! | [`launch`] | how each kernel is specialised, launched and called |
//! | [`jit`] | specs, keys, the compiler and its cache |
//! | [`device`] | what kernels run on |
//!
//! Of the other crates here it sees the virtual device, `simt`, and nothing else. In particular it cannot see a tolerance.

pub mod add_rmsnorm;
pub mod argmax;
pub mod argmax_advance;
pub mod argmax_split;
pub mod arithmetic;
pub mod attention;
pub mod attention_merge;
pub mod attention_split;
pub mod bias;
pub mod decode_advance;
pub mod device;
pub mod dtype;
pub mod embedding;
pub mod empty;
pub mod jit;
pub mod kv_write;
pub mod launch;
pub mod linear;
pub mod linear_add;
pub mod mla_absorb;
pub mod mla_attention;
pub mod mla_attention_split;
pub mod mla_rope;
pub mod mla_unabsorbed;
pub mod mla_value_up;
pub mod mla_write;
pub mod moe_align;
pub mod moe_combine;
pub mod moe_down;
pub mod moe_gate;
pub mod moe_gate_up;
pub mod moe_grouped_linear;
pub mod moe_norm_gate;
pub mod moe_route;
pub mod norm_gate_up;
pub mod norm_linear;
pub mod norm_qkv;
pub mod random_fill;
pub mod read_bandwidth;
pub mod real;
pub mod residual_add;
pub mod rmsnorm;
pub mod rope;
pub mod rope_kv_write;
pub mod sample;
pub mod seam;
pub mod silu_and_mul;
pub mod tap_statistics;

pub use arithmetic::{Arithmetic, Declaration};
pub use dtype::Dtype;
pub use real::Real;

/// One op, as the registry names it.
#[derive(Debug, Clone, Copy)]
pub struct OpInfo {
    /// Name, equal to the file stem.
    pub name: &'static str,
    /// One sentence on what it computes.
    pub summary: &'static str,
    /// The dtypes that its device code computes in, given the dtype of the activations.
    pub declares: fn(Dtype) -> Declaration,
}

/// Every op. A structure test holds this list to the files of the folder.
pub static OPS: &[&OpInfo] = &[
    &add_rmsnorm::OP,
    &argmax::OP,
    &argmax_advance::OP,
    &argmax_split::OP,
    &attention::OP,
    &attention_merge::OP,
    &attention_split::OP,
    &bias::OP,
    &decode_advance::OP,
    &embedding::OP,
    &empty::OP,
    &kv_write::OP,
    &linear::OP,
    &linear_add::OP,
    &mla_absorb::OP,
    &mla_attention::OP,
    &mla_attention_split::OP,
    &mla_rope::OP,
    &mla_unabsorbed::OP,
    &mla_value_up::OP,
    &mla_write::OP,
    &moe_align::OP,
    &moe_combine::OP,
    &moe_down::OP,
    &moe_gate::OP,
    &moe_gate_up::OP,
    &moe_grouped_linear::OP,
    &moe_norm_gate::OP,
    &moe_route::OP,
    &norm_gate_up::OP,
    &norm_linear::OP,
    &norm_qkv::OP,
    &random_fill::OP,
    &read_bandwidth::OP,
    &residual_add::OP,
    &rmsnorm::OP,
    &rope::OP,
    &rope_kv_write::OP,
    &sample::OP,
    &silu_and_mul::OP,
    &tap_statistics::OP,
];
