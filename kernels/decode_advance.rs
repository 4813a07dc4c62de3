//! The inputs of the next decode step, made from the tokens that this one chose.
//!
//! With the names of FlashInfer and vLLM. A decode step that is followed by this op needs nothing from the host: the
//! next step can be launched at once.

use crate::{Declaration, Dtype, OpInfo};

/// Registry entry.
pub static OP: OpInfo = OpInfo {
    name: "decode_advance",
    summary: "the inputs of the next decode step, from the tokens that this one chose",
    declares,
};

fn declares(activation: Dtype) -> Declaration {
    Declaration { input: activation, accumulator: Dtype::F32, intermediate: Dtype::F32, output: activation }
}

/// What a decode step reads, and what was decoded so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The token of each sequence: `[batch]`.
    pub input_ids: Vec<i32>,
    /// Its position: `[batch]`.
    pub positions: Vec<i32>,
    /// The row of the pages that it goes to, -1 for nowhere: `[batch]`.
    pub slot_mapping: Vec<i32>,
    /// The length of each sequence with it: `[batch]`.
    pub kv_len: Vec<i32>,
    /// The tokens that were chosen, one row a step: `[history, batch]`.
    pub decoded: Vec<i32>,
    /// How many steps were made.
    pub steps: i32,
}

/// The state for the step after one that chose `next [batch]`; -1 where nothing follows. Sequence `b` has the pages
/// `kv_page_indices[kv_page_indptr[b] .. kv_page_indptr[b + 1]]`. Steps beyond the rows of `decoded` are counted and
/// not kept.
#[must_use]
pub fn reference(
    state: &State,
    next: &[i32],
    kv_page_indptr: &[i32],
    kv_page_indices: &[i32],
    page_size: usize,
) -> State {
    let mut after = state.clone();
    let row = usize::try_from(state.steps).ok().and_then(|step| step.checked_mul(next.len()));
    if let Some(row) = row.and_then(|first| after.decoded.get_mut(first..first + next.len())) {
        row.copy_from_slice(next);
    }
    after.steps += 1;
    after.input_ids = next.iter().map(|&token| token.max(0)).collect();
    after.positions.iter_mut().for_each(|position| *position += 1);
    after.kv_len.iter_mut().for_each(|length| *length += 1);
    after.slot_mapping = (state.kv_len.iter().zip(kv_page_indptr.windows(2)))
        .map(|(&length, pages)| slot(length, pages, kv_page_indices, page_size).unwrap_or(-1))
        .collect();
    after
}

/// The row of the pages for the token at position `at`.
fn slot(at: i32, pages: &[i32], kv_page_indices: &[i32], page_size: usize) -> Option<i32> {
    let at = usize::try_from(at).ok()?;
    let &[first, end] = pages else { return None };
    let own = kv_page_indices.get(usize::try_from(first).ok()?..usize::try_from(end).ok()?)?;
    let page = usize::try_from(*own.get(at.checked_div(page_size)?)?).ok()?;
    i32::try_from(page * page_size + at % page_size).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_token_goes_behind_the_last_one() {
        let state = State {
            input_ids: vec![7, 8],
            positions: vec![3, 0],
            slot_mapping: vec![23, 4],
            kv_len: vec![4, 1],
            decoded: vec![0; 4],
            steps: 1,
        };
        let after = reference(&state, &[9, -1], &[0, 2, 3], &[5, 2, 1], 4);
        let expected = State {
            input_ids: vec![9, 0],
            positions: vec![4, 1],
            // The first begins its second page, 2; the second stays in its only one, 1.
            slot_mapping: vec![8, 5],
            kv_len: vec![5, 2],
            decoded: vec![0, 0, 9, -1],
            steps: 2,
        };
        assert_eq!(after, expected);
    }

    #[test]
    fn a_full_history_and_full_pages_are_left_alone() {
        let state = State {
            input_ids: vec![7],
            positions: vec![3],
            slot_mapping: vec![3],
            kv_len: vec![4],
            decoded: vec![1, 2],
            steps: 2,
        };
        let after = reference(&state, &[9], &[0, 1], &[0], 4);
        assert_eq!((after.slot_mapping, after.decoded, after.steps), (vec![-1], vec![1, 2], 3));
    }
}
