//! What follows a decode step where nobody but the device looks at its logits: the largest one is chosen, and becomes
//! the input of the next step.

use kernels::Dtype;
use kernels::launch::{Expr, argmax_advance, argmax_split};

use super::{BufferId, Element, Input, Operand, Plan, PlanBuffer, Role, State, Step};
use crate::device::PoolLayout;
use crate::stage::StageName;

/// Steps whose tokens a device keeps before the host has to look.
pub(crate) const HISTORY: usize = 256;

/// Two steps over the buffers of a decode plan, whose ids they keep; `None` where the plan stores no logits.
pub(crate) fn advance(decode: &Plan, layout: &PoolLayout, activation: Dtype) -> Option<Plan> {
    let mut buffers = decode.buffers.clone();
    let role = |role: Role| decode.buffers.iter().position(|buffer| buffer.role == role).map(BufferId);
    let logits = role(Role::Stage(StageName::model("lm_head")))?;
    let features = decode.buffer(logits)?.width;
    let mut state = |state: State, rows: Expr| {
        let (name, role) = (state.to_string(), Role::State(state));
        buffers.push(PlanBuffer { name, element: Element::I32, rows, width: 1, role, slot: None });
        BufferId(buffers.len() - 1)
    };
    let decoded = state(State::Decoded, Expr::Batch * HISTORY);
    let steps = state(State::Steps, 1.into());
    let inputs = [Input::InputIds, Input::Positions, Input::SlotMapping, Input::KvLen];
    let pages = [Input::KvPageIndptr, Input::KvPageIndices];
    let all: Option<Vec<BufferId>> =
        inputs.iter().chain(&pages).map(|input| role(Role::Input(*input))).collect();
    let all = all?;
    let (inputs, pages) = all.split_at_checked(inputs.len())?;
    let axes = argmax_split::Axes::new(features, activation);
    // Behind the slots of the decode plan: its logits lie in one of them.
    let slots = decode.buffers.iter().filter_map(|buffer| buffer.slot).max().map_or(0, |slot| slot + 1);
    let mut scratch = |name: &str, element: Element, slot: usize| {
        let (rows, width, role) = (Expr::Batch, axes.splits(), Role::Scratch);
        buffers.push(PlanBuffer { name: name.to_owned(), element, rows, width, role, slot: Some(slot) });
        BufferId(buffers.len() - 1)
    };
    let largest = scratch("largest of each slice", Element::Float(Dtype::F32), slots);
    let index = scratch("index of the largest of each slice", Element::I32, slots + 1);
    let buffer = Operand::Buffer;
    let choose = Step {
        covers: Vec::new(),
        spec: argmax_split::spec(&axes),
        shape: argmax_split::shape(&axes, Expr::Batch),
        arguments: vec![buffer(largest), buffer(index), buffer(logits), Operand::Number(Expr::Batch)],
        library: None,
    };
    let named = inputs.iter().copied().chain([decoded, steps, largest, index]).chain(pages.iter().copied());
    let (splits, page_size) = (axes.splits(), layout.page_size);
    let put = Step {
        covers: Vec::new(),
        spec: argmax_advance::spec(&argmax_advance::Axes { splits, page_size, history: HISTORY }),
        shape: argmax_advance::shape(),
        arguments: named.map(buffer).chain([Operand::Number(Expr::Batch)]).collect(),
        library: None,
    };
    Some(Plan { phase: decode.phase, buffers, steps: vec![choose, put], notes: Vec::new() })
}
