//! Device code from the outside: how each kernel is specialised, launched and called. One kernel a file.
//!
//! A kernel is a `.cu` file beside the CPU reference of its op, with one entry point of the same name. The file
//! here of the same name makes its [`KernelSpec`] from parameters, and its [`LaunchShape`] from what varies. Nothing
//! here is shared with a reference: both read the same configuration, and each says for itself what follows.

pub mod add_rmsnorm;
pub mod argmax;
pub mod argmax_advance;
pub mod argmax_split;
pub mod attention_decode;
pub mod attention_flash;
pub mod attention_merge;
pub mod attention_plain;
pub mod attention_prefill;
pub mod attention_split;
pub mod attention_wgmma;
pub mod bias;
pub mod decode_advance;
pub mod embedding;
pub mod empty;
mod expr;
pub mod kv_write;
pub mod matmul;
pub mod matmul_simt;
pub mod matvec;
pub mod matvec_add;
pub mod matvec_stream;
pub mod mla_absorb_matmul;
pub mod mla_absorb_matvec;
pub mod mla_attention_flash;
pub mod mla_attention_plain;
pub mod mla_attention_split;
pub mod mla_rope;
pub mod mla_unabsorbed;
pub mod mla_value_up_matmul;
pub mod mla_value_up_matvec;
pub mod mla_write;
pub mod moe_align;
pub mod moe_combine;
pub mod moe_down_matvec;
pub mod moe_gate;
pub mod moe_gate_up_matvec;
pub mod moe_grouped_matmul;
pub mod moe_grouped_matmul_simt;
pub mod moe_norm_gate;
pub mod moe_route;
pub mod moe_route_bias;
pub mod norm_gate_up_matvec;
pub mod norm_matvec;
pub mod norm_qkv_bias_matvec;
pub mod norm_qkv_matvec;
pub mod norm_rope_kv_write;
pub mod random_fill;
pub mod read_bandwidth;
pub mod residual_add;
pub mod rmsnorm;
pub mod rmsnorm_slice;
pub mod rope;
pub mod rope_kv_write;
pub mod sample;
pub mod silu_and_mul;
pub mod stream;
pub mod tap_statistics;
pub mod tap_statistics_all;
pub mod tiles;

use crate::device::Target;
use crate::jit::KernelSpec;
use crate::jit::source::expanded;

pub use expr::{Expr, Extent};

/// A kernel, as the registry knows it.
#[derive(Debug)]
pub struct KernelInfo {
    /// Name: entry point and stem of the `.cu` file.
    pub name: &'static str,
    /// The op it implements, a member of [`crate::OPS`].
    pub op: &'static str,
    /// One sentence on how it computes.
    pub summary: &'static str,
    /// The text of the `.cu` file.
    pub source: &'static str,
    /// The parameters of the entry point, in order.
    pub parameters: &'static [Parameter],
    /// Specs that stand for the axes a plan can ask for: compiled for every target in CI.
    pub variants: fn() -> Vec<KernelSpec>,
}

impl KernelInfo {
    /// Whether it may be started before the kernel that it depends on has ended: its text waits for that one itself,
    /// with `wait_for_predecessor()` of `dependent.cuh`, before it touches what others write.
    #[must_use]
    pub fn waits(&self) -> bool {
        expanded(self).contains("wait_for_predecessor();")
    }

    /// The only compute capability that it is for, where it uses instructions which that one has for itself: its text includes
    /// `warpgroup.cuh`. It is compiled for `sm_90a` then, and by no other target.
    #[must_use]
    pub fn only_for(&self) -> Option<Target> {
        self.source.contains("#include \"warpgroup.cuh\"\n").then_some(Target::new(9, 0))
    }

    /// Whether it can be compiled for a target.
    #[must_use]
    pub fn compiles_for(&self, target: Target) -> bool {
        self.only_for().is_none_or(|only| only == target)
    }

    /// Whether it lets the kernel that depends on it start before its end.
    #[must_use]
    pub fn lets_successor_start(&self) -> bool {
        expanded(self).contains("let_successor_start();")
    }
}

/// A parameter of an entry point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name in the `.cu` file.
    pub name: &'static str,
    /// What is passed.
    pub access: Access,
}

/// What is passed for a parameter, and what the kernel does with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A pointer that is only read.
    Read,
    /// A pointer to what is written in full before anyone reads it.
    Write,
    /// A pointer to what is read and written, or written in part: a cache.
    Update,
    /// A 32-bit unsigned number.
    U32,
    /// A 32-bit floating-point number.
    F32,
}

impl Access {
    /// Whether a pointer is passed.
    #[must_use]
    pub const fn is_pointer(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::Update)
    }
}

/// A pointer that is only read.
const fn read(name: &'static str) -> Parameter {
    Parameter { name, access: Access::Read }
}

/// A pointer to what is written in full.
const fn write(name: &'static str) -> Parameter {
    Parameter { name, access: Access::Write }
}

/// A pointer to what is written in part.
const fn update(name: &'static str) -> Parameter {
    Parameter { name, access: Access::Update }
}

/// A 32-bit unsigned number.
const fn number(name: &'static str) -> Parameter {
    Parameter { name, access: Access::U32 }
}

/// The scale of what pages of E4M3 store, in f32: a code times this is the value. Of no meaning to other formats.
const fn page_scale(name: &'static str) -> Parameter {
    Parameter { name, access: Access::F32 }
}

/// How many blocks of how many threads, and how much shared memory beside what the kernel declares itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchShape {
    /// Blocks along x, y and z.
    pub grid: [Expr; 3],
    /// Threads of a block along x, y and z.
    pub block: [u32; 3],
    /// Bytes of dynamic shared memory.
    pub shared: u32,
}

impl LaunchShape {
    /// Blocks along x only.
    #[must_use]
    pub fn line(blocks: Expr, threads: u32) -> Self {
        Self { grid: [blocks, 1.into(), 1.into()], block: [threads, 1, 1], shared: 0 }
    }
}

/// Every kernel. A structure test holds this list to the `.cu` files.
pub static KERNELS: &[&KernelInfo] = &[
    &add_rmsnorm::KERNEL,
    &argmax::KERNEL,
    &argmax_advance::KERNEL,
    &argmax_split::KERNEL,
    &attention_decode::KERNEL,
    &attention_flash::KERNEL,
    &attention_merge::KERNEL,
    &attention_plain::KERNEL,
    &attention_prefill::KERNEL,
    &attention_split::KERNEL,
    &attention_wgmma::KERNEL,
    &bias::KERNEL,
    &decode_advance::KERNEL,
    &embedding::KERNEL,
    &empty::KERNEL,
    &kv_write::KERNEL,
    &matmul::KERNEL,
    &matmul_simt::KERNEL,
    &matvec::KERNEL,
    &matvec_add::KERNEL,
    &matvec_stream::KERNEL,
    &mla_absorb_matmul::KERNEL,
    &mla_absorb_matvec::KERNEL,
    &mla_attention_flash::KERNEL,
    &mla_attention_plain::KERNEL,
    &mla_attention_split::KERNEL,
    &mla_rope::KERNEL,
    &mla_unabsorbed::KERNEL,
    &mla_value_up_matmul::KERNEL,
    &mla_value_up_matvec::KERNEL,
    &mla_write::KERNEL,
    &moe_align::KERNEL,
    &moe_combine::KERNEL,
    &moe_down_matvec::KERNEL,
    &moe_gate::KERNEL,
    &moe_gate_up_matvec::KERNEL,
    &moe_grouped_matmul::KERNEL,
    &moe_grouped_matmul_simt::KERNEL,
    &moe_norm_gate::KERNEL,
    &moe_route::KERNEL,
    &moe_route_bias::KERNEL,
    &norm_gate_up_matvec::KERNEL,
    &norm_matvec::KERNEL,
    &norm_qkv_bias_matvec::KERNEL,
    &norm_qkv_matvec::KERNEL,
    &norm_rope_kv_write::KERNEL,
    &random_fill::KERNEL,
    &read_bandwidth::KERNEL,
    &residual_add::KERNEL,
    &rmsnorm::KERNEL,
    &rmsnorm_slice::KERNEL,
    &rope::KERNEL,
    &rope_kv_write::KERNEL,
    &sample::KERNEL,
    &silu_and_mul::KERNEL,
    &tap_statistics::KERNEL,
    &tap_statistics_all::KERNEL,
];

/// The kernel of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static KernelInfo> {
    KERNELS.iter().find(|kernel| kernel.name == name).copied()
}

/// The headers that `.cu` files include, by name.
pub static HEADERS: &[(&str, &str)] = &[
    ("advance.cuh", include_str!("../advance.cuh")),
    ("attention.cuh", include_str!("../attention.cuh")),
    ("candidate.cuh", include_str!("../candidate.cuh")),
    ("chacha.cuh", include_str!("../chacha.cuh")),
    ("common.cuh", include_str!("../common.cuh")),
    ("dependent.cuh", include_str!("../dependent.cuh")),
    ("eight.cuh", include_str!("../eight.cuh")),
    ("kv_scale.cuh", include_str!("../kv_scale.cuh")),
    ("merge_warps.cuh", include_str!("../merge_warps.cuh")),
    ("mla_product.cuh", include_str!("../mla_product.cuh")),
    ("moe_gate.cuh", include_str!("../moe_gate.cuh")),
    ("moe_grouped.cuh", include_str!("../moe_grouped.cuh")),
    ("moe_route.cuh", include_str!("../moe_route.cuh")),
    ("normed.cuh", include_str!("../normed.cuh")),
    ("qkv.cuh", include_str!("../qkv.cuh")),
    ("rope_kv_write.cuh", include_str!("../rope_kv_write.cuh")),
    ("seen.cuh", include_str!("../seen.cuh")),
    ("statistics.cuh", include_str!("../statistics.cuh")),
    ("stream.cuh", include_str!("../stream.cuh")),
    ("tensor.cuh", include_str!("../tensor.cuh")),
    ("warpgroup.cuh", include_str!("../warpgroup.cuh")),
];
