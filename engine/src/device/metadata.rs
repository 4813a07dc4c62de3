//! What the host fills before each run: tokens, positions, slots and page tables.

use kernels::launch::Extent;
use kernels::seam::Point;

use super::PoolLayout;
use crate::plan::{Input, Phase, PlanError};

/// The inputs of one run, by the names of FlashInfer and vLLM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// Which plan it is for.
    pub phase: Phase,
    /// Tokens that each sequence had before.
    pub past: Vec<usize>,
    /// New tokens of all sequences: `[tokens]`.
    pub input_ids: Vec<i32>,
    /// The position of each in its sequence: `[tokens]`.
    pub positions: Vec<i32>,
    /// The row of the pages that each one's keys and values go to: `[tokens]`.
    pub slot_mapping: Vec<i32>,
    /// Where each sequence's new tokens begin: `[batch + 1]`.
    pub qo_indptr: Vec<i32>,
    /// Where each sequence's pages begin: `[batch + 1]`.
    pub kv_page_indptr: Vec<i32>,
    /// The pages of each sequence: `[pages in all]`.
    pub kv_page_indices: Vec<i32>,
    /// The length of each sequence, its new tokens included: `[batch]`.
    pub kv_len: Vec<i32>,
}

/// Where a mutant can rewrite the inputs of a run. What it makes of them is checked like what was there: wrong is
/// possible, out of bounds is not.
#[derive(Debug)]
pub struct MetadataPoint;

impl Point for MetadataPoint {
    const NAME: &'static str = "metadata";
    type Value<'a> = Metadata;
}

/// The part of one sequence in a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'a> {
    /// Tokens that it had before.
    pub(super) past: usize,
    /// New ones.
    pub(super) tokens: &'a [u32],
    /// Its pages in order, those of the new tokens included.
    pub(super) pages: &'a [i32],
    /// Tokens behind the new ones that later steps of the same call will bring: their pages are named too.
    pub(super) ahead: usize,
}

/// As an index on the device. Everything that comes here was held to what fits; a number that does not becomes -1,
/// which the check refuses.
fn index(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(-1)
}

impl Metadata {
    /// The inputs of a run over some sequences, one after the other.
    pub(super) fn new(phase: Phase, page_size: usize, parts: &[Part<'_>]) -> Self {
        let mut all = Self {
            phase,
            past: parts.iter().map(|part| part.past).collect(),
            input_ids: Vec::new(),
            positions: Vec::new(),
            slot_mapping: Vec::new(),
            qo_indptr: vec![0],
            kv_page_indptr: vec![0],
            kv_page_indices: Vec::new(),
            kv_len: Vec::new(),
        };
        for part in parts {
            let total = part.past + part.tokens.len();
            let page_size = page_size.max(1);
            for (offset, &token) in part.tokens.iter().enumerate() {
                let position = part.past + offset;
                let page = part.pages.get(position / page_size).and_then(|&page| usize::try_from(page).ok());
                let slot = page.map(|page| page * page_size + position % page_size);
                all.input_ids.push(i32::try_from(token).unwrap_or(-1));
                all.positions.push(index(position));
                all.slot_mapping.push(slot.map_or(-1, index));
            }
            let pages = part.pages.iter().take((total + part.ahead).div_ceil(page_size));
            all.kv_page_indices.extend(pages);
            all.qo_indptr.push(index(all.input_ids.len()));
            all.kv_page_indptr.push(index(all.kv_page_indices.len()));
            all.kv_len.push(index(total));
        }
        all
    }

    /// What is copied for an input.
    #[must_use]
    pub fn input(&self, input: Input) -> &[i32] {
        match input {
            Input::InputIds => &self.input_ids,
            Input::Positions => &self.positions,
            Input::SlotMapping => &self.slot_mapping,
            Input::QoIndptr => &self.qo_indptr,
            Input::KvPageIndptr => &self.kv_page_indptr,
            Input::KvPageIndices => &self.kv_page_indices,
            Input::KvLen => &self.kv_len,
        }
    }

    /// How large the run is.
    pub(super) fn extent(&self) -> Extent {
        let longest = self.kv_len.iter().copied().max().unwrap_or(0);
        Extent {
            tokens: self.input_ids.len() as u64,
            batch: self.past.len() as u64,
            max_kv: u64::try_from(longest).unwrap_or(0),
        }
    }

    /// Nothing in it leads a kernel out of a buffer.
    pub(super) fn check(&self, layout: &PoolLayout, vocab_size: usize) -> Result<(), PlanError> {
        let refused = |input: Input, problem: String| PlanError::Input { phase: self.phase, input, problem };
        let (tokens, batch) = (self.input_ids.len(), self.past.len());
        let lengths = [
            (Input::Positions, tokens),
            (Input::SlotMapping, tokens),
            (Input::QoIndptr, batch + 1),
            (Input::KvPageIndptr, batch + 1),
            (Input::KvLen, batch),
        ];
        for (input, expected) in lengths {
            let found = self.input(input).len();
            if found != expected {
                return Err(refused(input, format!("{found} entries, and {expected} are needed")));
            }
        }
        let (slots, pages) = (layout.num_pages.saturating_mul(layout.page_size), layout.num_pages);
        let ranges = [
            (Input::InputIds, 0, vocab_size),
            (Input::Positions, 0, usize::MAX),
            (Input::SlotMapping, -1, slots),
            (Input::KvPageIndices, 0, pages),
        ];
        for (input, least, below) in ranges {
            let fits = |&value: &i32| value >= least && usize::try_from(value).is_ok_and(|v| v < below);
            // A slot of -1 is skipped by the kernel.
            let skipped = |value: i32| least < 0 && value == least;
            if let Some(value) = self.input(input).iter().find(|&value| !fits(value) && !skipped(*value)) {
                return Err(refused(input, format!("{value} is out of range; it has to be below {below}")));
            }
        }
        for (input, end) in [(Input::QoIndptr, tokens), (Input::KvPageIndptr, self.kv_page_indices.len())] {
            let list = self.input(input);
            let rising = list.is_sorted() && list.first() == Some(&0) && list.last() == Some(&index(end));
            if !rising {
                return Err(refused(input, format!("{list:?} does not rise from 0 to {end}")));
            }
        }
        let between = |list: &[i32], at: usize| match list.get(at..at + 2) {
            Some([from, to]) => usize::try_from(to - from).unwrap_or(0),
            _ => 0,
        };
        for (sequence, &len) in self.kv_len.iter().enumerate() {
            let new = between(&self.qo_indptr, sequence);
            let room = between(&self.kv_page_indptr, sequence) * layout.page_size;
            if !usize::try_from(len).is_ok_and(|len| (new..=room).contains(&len)) {
                let problem = format!(
                    "sequence {sequence} has length {len}, with {new} new tokens and pages for {room}"
                );
                return Err(refused(Input::KvLen, problem));
            }
            if self.phase == Phase::Decode && new != 1 {
                return Err(refused(
                    Input::QoIndptr,
                    format!("sequence {sequence} has {new} new tokens, not 1"),
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Metadata {
        let (a, b) = ([7, 8, 9], [5]);
        let parts = [
            Part { past: 3, tokens: &a, pages: &[4, 1], ahead: 0 },
            Part { past: 0, tokens: &b, pages: &[2, 0], ahead: 0 },
        ];
        Metadata::new(Phase::Prefill, 4, &parts)
    }

    fn layout() -> PoolLayout {
        PoolLayout { dtypes: vec![], page_size: 4, num_pages: 5 }
    }

    #[test]
    fn tokens_go_to_their_pages() {
        let all = parts();
        assert_eq!(all.positions, [3, 4, 5, 0]);
        assert_eq!(all.slot_mapping, [4 * 4 + 3, 4, 5, 2 * 4]);
        assert_eq!(
            (all.qo_indptr.as_slice(), all.kv_len.as_slice()),
            ([0, 3, 4].as_slice(), [6, 1].as_slice())
        );
        // A page beyond the length is not named.
        assert_eq!(
            (all.kv_page_indptr.as_slice(), all.kv_page_indices.as_slice()),
            ([0, 2, 3].as_slice(), [4, 1, 2].as_slice())
        );
        assert_eq!(all.extent(), Extent { tokens: 4, batch: 2, max_kv: 6 });
        all.check(&layout(), 10).unwrap();
    }

    #[test]
    fn whatever_would_leave_a_buffer_is_refused() {
        type Fault = fn(&mut Metadata);
        let faults: [(Input, Fault); 10] = [
            (Input::InputIds, |m| m.input_ids[0] = 10),
            (Input::Positions, |m| m.positions[0] = -1),
            (Input::Positions, |m| m.positions.truncate(1)),
            (Input::SlotMapping, |m| m.slot_mapping[1] = 20),
            (Input::SlotMapping, |m| m.slot_mapping[1] = -2),
            (Input::KvPageIndices, |m| m.kv_page_indices[0] = 5),
            (Input::QoIndptr, |m| m.qo_indptr[1] = 5),
            (Input::KvPageIndptr, |m| m.kv_page_indptr[2] = 4),
            (Input::KvLen, |m| m.kv_len[0] = 9),
            (Input::KvLen, |m| m.kv_len[0] = 2),
        ];
        for (input, fault) in faults {
            let mut all = parts();
            fault(&mut all);
            let error = all.check(&layout(), 10).unwrap_err();
            assert!(matches!(&error, PlanError::Input { input: found, .. } if *found == input), "{error}");
        }
        let mut all = parts();
        all.slot_mapping[1] = -1;
        all.check(&layout(), 10).unwrap();
        all.phase = Phase::Decode;
        assert!(all.check(&layout(), 10).is_err());
    }
}
