//! Cases for single kernels: inputs, a launch, and what the op's reference makes of the same inputs. One op a file.
//!
//! A [`Group`] is what one attempt runs: the cases of one kernel in one dtype. Inputs are drawn from the name of the
//! case, so that the same case has the same inputs wherever it runs.

mod add_rmsnorm;
pub mod agreement;
mod argmax;
mod argmax_advance;
mod argmax_split;
mod arrays;
mod attention;
mod attention_merge;
mod attention_split;
mod bias;
mod decode_advance;
mod draw;
mod embedding;
mod empty;
mod experts;
mod kv_write;
mod linear;
mod linear_add;
mod mla;
mod mla_absorb;
mod mla_attention;
mod mla_attention_split;
mod mla_rope;
mod mla_unabsorbed;
mod mla_value_up;
mod mla_write;
mod moe_align;
mod moe_combine;
mod moe_down;
mod moe_gate;
mod moe_gate_up;
mod moe_grouped_linear;
mod moe_norm_gate;
mod moe_route;
mod norm_gate_up;
mod norm_linear;
mod norm_qkv;
pub(crate) mod place;
mod random_fill;
mod read_bandwidth;
mod residual_add;
mod rmsnorm;
mod rope;
mod rope_kv_write;
mod sample;
mod silu_and_mul;
mod streamed;
mod tap_statistics;
#[cfg(test)]
mod tests;

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::jit::KernelSpec;
use kernels::launch::{Extent, LaunchShape};
use kernels::{Arithmetic, Dtype};

pub use draw::{Draw, decode, encode};

/// The cases of one kernel that share a storage format.
pub struct Group {
    /// The kernel.
    pub kernel: &'static str,
    /// How activations are stored.
    pub activation: Dtype,
    /// The cases, each with a name that is unique in the group: `rows=3,features=256`.
    pub cases: Vec<OpCase>,
}

impl Group {
    /// Whether the kernel is for one compute capability alone. The virtual device runs none of those.
    #[must_use]
    pub fn of_one_capability(&self) -> bool {
        kernels::launch::find(self.kernel).is_some_and(|kernel| kernel.only_for().is_some())
    }
}

/// One launch to be held to a reference.
pub struct OpCase {
    /// Its axes.
    pub name: String,
    /// Draws the inputs and says the rest.
    pub make: Box<dyn Fn(&mut Draw) -> OpRun + Send + Sync>,
}

impl OpCase {
    /// A case.
    pub fn new(name: impl Into<String>, make: impl Fn(&mut Draw) -> OpRun + Send + Sync + 'static) -> Self {
        Self { name: name.into(), make: Box::new(make) }
    }
}

/// Everything about one launch.
pub struct OpRun {
    /// What is compiled.
    pub spec: KernelSpec,
    /// How it is launched.
    pub shape: LaunchShape,
    /// What the shape is bound to.
    pub extent: Extent,
    /// What is passed, in the order of the kernel's parameters.
    pub arguments: Vec<OpArgument>,
    /// What the op's reference makes of the same inputs: one tensor for each output, in the order of the arguments.
    pub reference: Box<dyn Fn(Arithmetic) -> Vec<Tensor> + Send + Sync>,
}

/// What is passed for a parameter.
pub enum OpArgument {
    /// What is only read.
    Input(Vec<u8>),
    /// What is written in full: it holds NaN before.
    Output {
        /// Axes, outermost first.
        shape: Vec<usize>,
        /// How its elements are stored.
        element: Element,
    },
    /// What is written in part: it holds `bytes` before.
    Update {
        /// Its content before the launch.
        bytes: Vec<u8>,
        /// Axes, outermost first.
        shape: Vec<usize>,
        /// How its elements are stored.
        element: Element,
    },
    /// A 32-bit unsigned number.
    Number(u32),
    /// What codes of pages of E4M3 are multiplied by.
    Scale(f32),
}

/// Lists the groups of an op.
pub type Groups = fn() -> Vec<Group>;

/// Every op that has cases, with the function that lists them.
pub static CASES: &[(&str, Groups)] = &[
    ("add_rmsnorm", add_rmsnorm::groups),
    ("argmax", argmax::groups),
    ("argmax_advance", argmax_advance::groups),
    ("argmax_split", argmax_split::groups),
    ("attention", attention::groups),
    ("attention_merge", attention_merge::groups),
    ("attention_split", attention_split::groups),
    ("bias", bias::groups),
    ("decode_advance", decode_advance::groups),
    ("embedding", embedding::groups),
    ("empty", empty::groups),
    ("kv_write", kv_write::groups),
    ("linear", linear::groups),
    ("linear_add", linear_add::groups),
    ("mla_absorb", mla_absorb::groups),
    ("mla_attention", mla_attention::groups),
    ("mla_attention_split", mla_attention_split::groups),
    ("mla_rope", mla_rope::groups),
    ("mla_unabsorbed", mla_unabsorbed::groups),
    ("mla_value_up", mla_value_up::groups),
    ("mla_write", mla_write::groups),
    ("moe_align", moe_align::groups),
    ("moe_combine", moe_combine::groups),
    ("moe_down", moe_down::groups),
    ("moe_gate", moe_gate::groups),
    ("moe_gate_up", moe_gate_up::groups),
    ("moe_grouped_linear", moe_grouped_linear::groups),
    ("moe_norm_gate", moe_norm_gate::groups),
    ("moe_route", moe_route::groups),
    ("norm_gate_up", norm_gate_up::groups),
    ("norm_linear", norm_linear::groups),
    ("norm_qkv", norm_qkv::groups),
    ("random_fill", random_fill::groups),
    ("read_bandwidth", read_bandwidth::groups),
    ("residual_add", residual_add::groups),
    ("rmsnorm", rmsnorm::groups),
    ("rope", rope::groups),
    ("rope_kv_write", rope_kv_write::groups),
    ("sample", sample::groups),
    ("silu_and_mul", silu_and_mul::groups),
    ("tap_statistics", tap_statistics::groups),
];

/// The groups of an op; `None` where there is no such op.
#[must_use]
pub fn groups(op: &str) -> Option<Vec<Group>> {
    CASES.iter().find(|(name, _)| *name == op).map(|(_, cases)| cases())
}
