//! What follows a decode step where nobody but the device looks at its logits: a token of each sequence is chosen, and
//! becomes the input of the next step.

use kernels::Dtype;
use kernels::jit::KernelSpec;
use kernels::launch::{Expr, LaunchShape, argmax_advance, argmax_split, decode_advance, sample};

use super::{BufferId, Element, Input, Operand, Plan, PlanBuffer, Role, State, Step};
use crate::device::PoolLayout;
use crate::stage::StageName;

/// Steps whose tokens a device keeps before the host has to look.
pub(crate) const HISTORY: usize = 256;

/// Which token is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Choice {
    /// That of the largest logit.
    Greedy,
    /// One that is drawn.
    Drawn,
}

/// A plan over the buffers of a decode plan, whose ids it keeps, that is being made.
struct After<'a> {
    decode: &'a Plan,
    plan: Plan,
}

impl After<'_> {
    fn of(&self, role: Role) -> Option<BufferId> {
        self.decode.buffers.iter().position(|buffer| buffer.role == role).map(BufferId)
    }

    fn buffer(&mut self, buffer: PlanBuffer) -> BufferId {
        self.plan.buffers.push(buffer);
        BufferId(self.plan.buffers.len() - 1)
    }

    fn state(&mut self, state: State, rows: Expr, width: usize) -> BufferId {
        let (name, role) = (state.to_string(), Role::State(state));
        self.buffer(PlanBuffer { name, element: Element::I32, rows, width, role, slot: None })
    }

    /// What one step leaves for the next, in a slot behind those of the decode plan: its logits lie in one of them.
    fn scratch(&mut self, name: &str, element: Element, width: usize) -> BufferId {
        let slot = self.plan.buffers.iter().filter_map(|buffer| buffer.slot).max().map_or(0, |slot| slot + 1);
        let (name, rows, role) = (name.to_owned(), Expr::Batch, Role::Scratch);
        self.buffer(PlanBuffer { name, element, rows, width, role, slot: Some(slot) })
    }

    /// A step over some buffers of every sequence.
    fn step(&mut self, spec: KernelSpec, shape: LaunchShape, buffers: &[BufferId]) {
        let buffers = buffers.iter().copied().map(Operand::Buffer);
        let arguments = buffers.chain([Operand::Number(Expr::Batch)]).collect();
        self.plan.steps.push(Step { covers: Vec::new(), spec, shape, arguments, library: None });
    }
}

/// Two steps: one that looks at the logits, and one that makes the inputs of the next step. `None` where the plan stores
/// no logits, or lacks an input.
pub(crate) fn advance(decode: &Plan, layout: &PoolLayout, activation: Dtype, choice: Choice) -> Option<Plan> {
    let buffers = decode.buffers.clone();
    let plan = Plan { phase: decode.phase, buffers, steps: Vec::new(), notes: Vec::new() };
    let mut after = After { decode, plan };
    let logits = after.of(Role::Stage(StageName::model("lm_head")))?;
    let features = decode.buffer(logits)?.width;
    let input = |after: &After<'_>, input: Input| after.of(Role::Input(input));
    let positions = input(&after, Input::Positions)?;
    let (slots, lengths) = (input(&after, Input::SlotMapping)?, input(&after, Input::KvLen)?);
    let mut updated = vec![input(&after, Input::InputIds)?, positions, slots, lengths];
    let pages = [input(&after, Input::KvPageIndptr)?, input(&after, Input::KvPageIndices)?];
    updated.push(after.state(State::Decoded, Expr::Batch * HISTORY, 1));
    updated.push(after.state(State::Steps, 1.into(), 1));
    let page_size = layout.page_size;
    match choice {
        Choice::Greedy => {
            let axes = argmax_split::Axes::new(features, activation);
            let splits = axes.splits();
            let largest = after.scratch("largest of each slice", Element::Float(Dtype::F32), splits);
            let index = after.scratch("index of the largest of each slice", Element::I32, splits);
            let shape = argmax_split::shape(&axes, Expr::Batch);
            after.step(argmax_split::spec(&axes), shape, &[largest, index, logits]);
            updated.extend([largest, index]);
            updated.extend(pages);
            let axes = argmax_advance::Axes { splits, page_size, history: HISTORY };
            after.step(argmax_advance::spec(&axes), argmax_advance::shape(), &updated);
        }
        Choice::Drawn => {
            let next = after.state(State::Next, Expr::Batch, 1);
            let sampling = after.state(State::Sampling, Expr::Batch, sample::WORDS);
            let spec = sample::spec(&sample::Axes { features, activation });
            after.step(spec, sample::shape(Expr::Batch), &[next, logits, sampling, positions]);
            updated.push(next);
            updated.extend(pages);
            let axes = decode_advance::Axes { page_size, history: HISTORY };
            after.step(decode_advance::spec(&axes), decode_advance::shape(), &updated);
        }
    }
    Some(after.plan)
}
