//! What follows a decode step where nobody but the device looks at its logits: the largest one is chosen, and becomes
//! the input of the next step.

use kernels::Dtype;
use kernels::launch::{Expr, argmax, decode_advance};

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
    let next = state(State::Next, Expr::Batch);
    let decoded = state(State::Decoded, Expr::Batch * HISTORY);
    let steps = state(State::Steps, 1.into());
    let inputs = [Input::InputIds, Input::Positions, Input::SlotMapping, Input::KvLen];
    let pages = [Input::KvPageIndptr, Input::KvPageIndices];
    let all: Option<Vec<BufferId>> =
        inputs.iter().chain(&pages).map(|input| role(Role::Input(*input))).collect();
    let all = all?;
    let (inputs, pages) = all.split_at_checked(inputs.len())?;
    let buffer = Operand::Buffer;
    let choose = Step {
        covers: Vec::new(),
        spec: argmax::spec(&argmax::Axes { features, activation }),
        shape: argmax::shape(Expr::Batch),
        arguments: vec![buffer(next), buffer(logits), Operand::Number(Expr::Batch)],
        library: None,
    };
    let named = inputs.iter().copied().chain([decoded, steps, next]).chain(pages.iter().copied());
    let put = Step {
        covers: Vec::new(),
        spec: decode_advance::spec(&decode_advance::Axes { page_size: layout.page_size, history: HISTORY }),
        shape: decode_advance::shape(),
        arguments: named.map(buffer).chain([Operand::Number(Expr::Batch)]).collect(),
        library: None,
    };
    Some(Plan { phase: decode.phase, buffers, steps: vec![choose, put], notes: Vec::new() })
}
