//! Ragged batches over pages in a random order.

use kernels::launch::Extent;

use super::calls::Argument;
use super::draw::{Draw, indices};

/// New tokens of a sequence, and its length with them.
pub(super) type Sequence = (usize, usize);

/// At least one token; now and then a sequence without new ones, and one that is empty. `single`: one new token at most.
pub(super) fn batch(single: bool, draw: &mut Draw) -> Vec<Sequence> {
    let sequences = draw.within(1, 4);
    let mut batch: Vec<Sequence> = (0..sequences)
        .map(|_| {
            let new = if single { draw.within(0, 3).min(1) } else { [0, 1, 5, 20][draw.within(0, 3)] };
            let new = draw.within(new.min(1), new);
            (new, new + [0, 3, 40][draw.within(0, 2)])
        })
        .collect();
    if batch.iter().all(|(new, _)| *new == 0) {
        batch.push((1, draw.within(1, 50)));
    }
    batch
}

/// A batch for whoever reads of it.
pub(super) fn name(batch: &[Sequence]) -> String {
    batch.iter().map(|(new, length)| format!("{new}/{length}")).collect::<Vec<_>>().join("+")
}

/// What a shape is bound to by a batch.
pub(super) fn extent(batch: &[Sequence]) -> Extent {
    Extent {
        tokens: tokens(batch) as u64,
        batch: batch.len() as u64,
        max_kv: batch.iter().map(|(_, length)| *length).max().unwrap_or(0) as u64,
    }
}

/// New tokens of all sequences.
pub(super) fn tokens(batch: &[Sequence]) -> usize {
    batch.iter().map(|(new, _)| new).sum()
}

/// Where the sequences of a batch lie: one page is nobody's.
pub(super) struct Paged {
    /// Slots of all pages.
    pub(super) slots: usize,
    /// Those of the keys of the sequences.
    pub(super) own: Vec<usize>,
    /// `qo_indptr`, `kv_page_indptr`, `kv_page_indices`, `kv_len` and the number of sequences.
    pub(super) arguments: [Argument; 5],
}

impl Paged {
    /// Over pages of so many tokens.
    pub(super) fn new(batch: &[Sequence], page_size: usize, draw: &mut Draw) -> Self {
        let pages_of = |length: usize| length.div_ceil(page_size);
        let pages = batch.iter().map(|(_, length)| pages_of(*length)).sum::<usize>() + 1;
        let mut order = draw.order(pages).into_iter();
        let (mut qo_indptr, mut kv_page_indptr, mut kv_page_indices) = (vec![0], vec![0], Vec::new());
        let mut own = Vec::new();
        for (new, length) in batch {
            let pages: Vec<usize> = order.by_ref().take(pages_of(*length)).collect();
            own.extend((0..*length).map(|key| pages[key / page_size] * page_size + key % page_size));
            qo_indptr.push(qo_indptr.last().unwrap() + new);
            kv_page_indices.extend(pages);
            kv_page_indptr.push(kv_page_indices.len());
        }
        let lengths: Vec<usize> = batch.iter().map(|(_, length)| *length).collect();
        let [qo_indptr, kv_page_indptr, kv_page_indices, lengths] =
            [qo_indptr, kv_page_indptr, kv_page_indices, lengths]
                .map(|values| Argument::Input(indices(&values)));
        let count = Argument::Number(batch.len());
        Self {
            slots: pages * page_size,
            own,
            arguments: [qo_indptr, kv_page_indptr, kv_page_indices, lengths, count],
        }
    }
}
