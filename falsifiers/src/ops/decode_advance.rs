//! Cases of `decode_advance`: pages that are just full and just begun, none left, nothing that follows, a full history.

use engine::plan::Element;
use engine::trace::Tensor;
use kernels::decode_advance::{State, reference};
use kernels::launch::decode_advance;
use kernels::real::Values;

use super::arrays::{count, each_activation, indices, tokens};
use super::{Draw, Group, OpArgument, OpCase, OpRun};

/// All of them. Activations are not looked at; a group for each way to store them would be the same three times.
pub(super) fn groups() -> Vec<Group> {
    each_activation(decode_advance::KERNEL.name, |_| cases()).into_iter().take(1).collect()
}

fn cases() -> Vec<OpCase> {
    let mut cases = Vec::new();
    for batch in [1, 4, 257] {
        for (page_size, history) in [(16, 8), (4, 3), (1, 2), (5, 7)] {
            for steps in [0, history - 1, history] {
                let name = format!("batch={batch},page_size={page_size},history={history},steps={steps}");
                cases.push(OpCase::new(name, move |draw| run(draw, batch, page_size, history, steps)));
            }
        }
    }
    cases
}

fn number(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(-1)
}

/// What a decode step read.
pub(super) struct Drawn {
    pub(super) state: State,
    /// Where each sequence's pages begin: `[batch + 1]`.
    pub(super) indptr: Vec<i32>,
    /// The pages of each sequence.
    pub(super) page_indices: Vec<i32>,
}

/// Sequences whose last page is full, just begun, or anything between, after so many steps.
pub(super) fn drawn(draw: &mut Draw, batch: usize, page_size: usize, history: usize, steps: usize) -> Drawn {
    let mut state = State {
        input_ids: (0..batch).map(|_| number(draw.below(50_000))).collect(),
        positions: Vec::new(),
        slot_mapping: vec![0; batch],
        kv_len: Vec::new(),
        decoded: (0..history * batch).map(|_| number(draw.below(50_000))).collect(),
        steps: number(steps),
    };
    let (mut indptr, mut pages) = (vec![0], 0);
    for sequence in 0..batch {
        // At a page's end, at its begin, anywhere, and at the end of the last page.
        let own = 1 + draw.below(5);
        let length = match sequence % 4 {
            0 => own * page_size,
            1 => (own - 1) * page_size + 1,
            2 => page_size * own.max(2) - page_size,
            _ => 1 + draw.below(own * page_size),
        };
        state.kv_len.push(number(length));
        state.positions.push(number(length - 1));
        pages += own;
        indptr.push(number(pages));
    }
    let page_indices = draw.order(pages + 3).into_iter().take(pages).map(number).collect();
    Drawn { state, indptr, page_indices }
}

/// The state as the arguments of a kernel, in the order of their names.
pub(super) fn updates(state: &State) -> Vec<OpArgument> {
    fields(state)
        .into_iter()
        .map(|values| OpArgument::Update {
            bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            shape: vec![values.len()],
            element: Element::I32,
        })
        .collect()
}

/// The state as outputs, in the same order.
pub(super) fn outputs(state: &State) -> Vec<Tensor> {
    fields(state)
        .into_iter()
        .map(|values| Tensor {
            shape: vec![values.len()],
            values: Values::F32(values.into_iter().map(|value| value as f32).collect()),
        })
        .collect()
}

fn fields(state: &State) -> [Vec<i32>; 6] {
    let State { input_ids, positions, slot_mapping, kv_len, decoded, steps } = state.clone();
    [input_ids, positions, slot_mapping, kv_len, decoded, vec![steps]]
}

fn run(draw: &mut Draw, batch: usize, page_size: usize, history: usize, steps: usize) -> OpRun {
    let Drawn { state, indptr, page_indices } = drawn(draw, batch, page_size, history, steps);
    let next: Vec<i32> =
        (0..batch).map(|sequence| if sequence % 5 == 3 { -1 } else { number(draw.below(150_000)) }).collect();
    let mut arguments = updates(&state);
    arguments.extend([indices(&next), indices(&indptr), indices(&page_indices), count(batch)]);
    OpRun {
        spec: decode_advance::spec(&decode_advance::Axes { page_size, history }),
        shape: decode_advance::shape(),
        extent: tokens(batch),
        arguments,
        reference: Box::new(move |_| outputs(&reference(&state, &next, &indptr, &page_indices, page_size))),
    }
}
