//! The forward pass of a device, as data.
//!
//! A [`Plan`] is a list of [`Step`]s over named buffers: each step launches one kernel. It is a template over
//! [`Extent`]: tokens, batch and the longest sequence. What a step reads and writes follows
//! from its arguments and from what the kernel says of its parameters, so that the two cannot disagree.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the types |
//! | `advance` | from the logits of a decode step to the inputs of the next |
//! | [`builder`] | what templates are written with |
//! | [`build`](build()) | from a configuration to checked plans |
//! | `fusion` | the residual stream and its norm in one step |
//! | `memory` | which values share memory |
//! | `page_scale` | what codes of pages of E4M3 are multiplied by |
//! | [`check`](check()) | what has to hold before anything is launched |
//! | `control` | reads that only cost time, for the bench |
//! | `demands` | what each kernel demands of its buffers |
//! | `eager` | launching one step after the other |
//! | `aside` | the same while stages are recorded |
//! | `counted` | the same of a prefill while the device counts what its stages hold |
//! | `graph` | launching all of them at once |
//! | `library` | which products are a library's |
//! | `taps` | statistics of every stage, as the last step of a decode plan |

mod advance;
mod aside;
mod build;
pub mod builder;
mod check;
mod control;
mod counted;
mod demands;
pub(crate) mod eager;
mod error;
mod fusion;
mod graph;
mod library;
mod memory;
mod page_scale;
mod taps;

use std::fmt;

use kernels::Dtype;
use kernels::device::Product;
use kernels::jit::KernelSpec;
use kernels::launch::{Access, Expr, Extent, LaunchShape, find};
use kernels::seam::Point;

use crate::stage::StageName;

pub(crate) use advance::{Choice, HISTORY};
pub(crate) use aside::needed;
pub use build::build;
pub(crate) use build::{Built, assemble, maximum};
pub use check::check;
pub(crate) use check::{launch, number, shared};
pub use control::ExtraReads;
pub(crate) use counted::{Counting, TABLE, results, specs as counted};
pub use error::{PlanError, StepProblem};
pub(crate) use graph::Replayable;
pub use graph::{GraphPoint, GraphValue};
pub use page_scale::{PageScaleError, PageScaleProblem, PageScales};
pub use taps::Tap;
pub(crate) use taps::{table, tapped};

/// What a plan is for. The two differ in the kernels they choose, never in what they compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Any number of new tokens a sequence.
    Prefill,
    /// One new token a sequence.
    Decode,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefill => "prefill",
            Self::Decode => "decode",
        })
    }
}

/// A forward pass.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What it is for.
    pub phase: Phase,
    /// Everything that steps read and write.
    pub buffers: Vec<PlanBuffer>,
    /// What is launched, in this order.
    pub steps: Vec<Step>,
    /// What was chosen for a reason that a user should know, such as a slower kernel.
    pub notes: Vec<String>,
}

/// An index into [`Plan::buffers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BufferId(pub usize);

/// Something that steps read or write.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanBuffer {
    /// Its name: a tensor of the checkpoint, a stage, or an input.
    pub name: String,
    /// How its elements are stored.
    pub element: Element,
    /// Rows.
    pub rows: Expr,
    /// Elements of a row.
    pub width: usize,
    /// What it is.
    pub role: Role,
    /// Where its memory is: buffers of one slot share it, one after the other.
    pub slot: Option<usize>,
}

impl PlanBuffer {
    /// How many elements it has; `None` where the number does not fit 64 bits.
    #[must_use]
    pub fn elements(&self, extent: Extent) -> Option<u64> {
        self.rows.at(extent)?.checked_mul(self.width as u64)
    }

    /// How many bytes it has; `None` where the number does not fit 64 bits.
    #[must_use]
    pub fn bytes(&self, extent: Extent) -> Option<u64> {
        self.elements(extent)?.checked_mul(self.element.size() as u64)
    }
}

/// How the elements of a buffer are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Element {
    /// Numbers.
    Float(Dtype),
    /// Indices.
    I32,
}

impl Element {
    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Float(dtype) => dtype.size(),
            Self::I32 => 4,
        }
    }
}

/// What a buffer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A tensor of the checkpoint, uploaded once. Its name is the tensor's.
    Weight,
    /// Filled by the host before each run.
    Input(Input),
    /// The keys of a layer, in pages.
    Keys(usize),
    /// The values of a layer, in pages.
    Values(usize),
    /// The latents of a layer and its turned keys, which all heads share, in pages: both keys and values are made from them.
    Latents(usize),
    /// The value of a stage, between the steps of one run.
    Stage(StageName),
    /// What a device keeps from step to step of a decode.
    State(State),
    /// What one step leaves for a later one and no reference knows of, such as the splits of an attention. It is written,
    /// read and given memory as a stage is, and no tap sees it.
    Scratch,
    /// Written and never read: what a step leaves that only reads.
    Unread(usize),
    /// What taps in a graph need and leave.
    Tap(Tap),
}

impl Role {
    /// Whether it lives between the steps of one run only: written in full by one, read by later ones, in a slot.
    #[must_use]
    pub const fn is_between_steps(self) -> bool {
        matches!(self, Self::Stage(_) | Self::Scratch)
    }
}

/// What a device keeps from step to step of a decode; all i32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// The token that each sequence goes on with where it is drawn, -1 where a logit is not finite: `[batch]`.
    Next,
    /// How each sequence's token is drawn, written by the host before the first step: `[batch, sample::WORDS]`.
    Sampling,
    /// What was chosen since the host looked last: `[HISTORY, batch]`.
    Decoded,
    /// How many steps were made since then: `[1]`.
    Steps,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Next => "next",
            Self::Sampling => "sampling",
            Self::Decoded => "decoded",
            Self::Steps => "steps",
        })
    }
}

/// What the host fills before each run; all i32. The names are those of FlashInfer and vLLM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Input {
    /// New tokens of all sequences, one sequence after the other: `[tokens]`.
    InputIds,
    /// The position of each in its sequence: `[tokens]`.
    Positions,
    /// The row of the pages that each one's keys and values go to: `[tokens]`.
    SlotMapping,
    /// Where each sequence's new tokens begin: `[batch + 1]`.
    QoIndptr,
    /// Where each sequence's pages begin: `[batch + 1]`.
    KvPageIndptr,
    /// The pages of each sequence: `[pages in all]`.
    KvPageIndices,
    /// The length of each sequence, its new tokens included: `[batch]`.
    KvLen,
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InputIds => "input_ids",
            Self::Positions => "positions",
            Self::SlotMapping => "slot_mapping",
            Self::QoIndptr => "qo_indptr",
            Self::KvPageIndptr => "kv_page_indptr",
            Self::KvPageIndices => "kv_page_indices",
            Self::KvLen => "kv_len",
        })
    }
}

/// One launch.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The stages that it computes; the last one is what it is called after. A stage that has no buffer of its own is
    /// fused here.
    pub covers: Vec<StageName>,
    /// What is launched.
    pub spec: KernelSpec,
    /// How.
    pub shape: LaunchShape,
    /// What is passed, in the order of the kernel's parameters.
    pub arguments: Vec<Operand>,
    /// What a library of the device computes in the place of the kernel, from the same arguments. `None` where the kernel is
    /// launched. Only steps of prefill plans have one.
    pub library: Option<Product>,
}

/// What is passed for a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A buffer, from its start.
    Buffer(BufferId),
    /// A 32-bit unsigned number.
    Number(Expr),
    /// What codes of pages of E4M3 are multiplied by, the same in every run.
    Scale(f32),
}

impl Step {
    /// The name of the step: that of the last stage it computes.
    #[must_use]
    pub fn name(&self) -> String {
        self.covers.last().map_or_else(|| self.spec.kernel.clone(), StageName::to_string)
    }

    /// What computes it: a kernel with its axes, or a library in its place.
    #[must_use]
    pub fn computed_by(&self) -> String {
        match self.library {
            Some(_) => format!("library in place of {}", self.spec),
            None => self.spec.to_string(),
        }
    }

    /// The buffers passed for parameters of these accesses.
    fn buffers(&self, accesses: &'static [Access]) -> impl Iterator<Item = BufferId> {
        let parameters = find(&self.spec.kernel).map_or(&[][..], |kernel| kernel.parameters);
        self.arguments.iter().zip(parameters).filter_map(move |(operand, parameter)| match operand {
            Operand::Buffer(id) if accesses.contains(&parameter.access) => Some(*id),
            _ => None,
        })
    }

    /// What it reads.
    pub fn reads(&self) -> impl Iterator<Item = BufferId> {
        self.buffers(&[Access::Read, Access::Update])
    }

    /// What it writes.
    pub fn writes(&self) -> impl Iterator<Item = BufferId> {
        self.buffers(&[Access::Write, Access::Update])
    }
}

impl Plan {
    /// A buffer. Ids come from the plan itself, so there always is one; `None` only for an id of another plan.
    #[must_use]
    pub fn buffer(&self, id: BufferId) -> Option<&PlanBuffer> {
        self.buffers.get(id.0)
    }

    /// The stages that have a buffer, in the order in which they are computed.
    pub fn measured(&self) -> impl Iterator<Item = StageName> + '_ {
        self.steps.iter().flat_map(Step::writes).filter_map(|id| match self.buffer(id)?.role {
            Role::Stage(stage) => Some(stage),
            _ => None,
        })
    }

    /// The stages that are computed inside a step and never stored, each with the name of its step.
    #[must_use]
    pub fn fused(&self) -> Vec<(StageName, String)> {
        let measured: Vec<StageName> = self.measured().collect();
        let steps = self.steps.iter();
        steps
            .flat_map(|step| step.covers.iter().map(move |stage| (*stage, step.name())))
            .filter(|(stage, _)| !measured.contains(stage))
            .collect()
    }
}

/// Where a mutant can rewrite a plan, before it is checked.
#[derive(Debug)]
pub struct PlanPoint;

impl Point for PlanPoint {
    const NAME: &'static str = "plan";
    type Value<'a> = Plan;
}
