//! The pages of keys and values: how they are laid out, and which sequences have them.

use kernels::Dtype;
use kernels::seam::Point;

use super::DeviceOptions;
use crate::loaded::Loaded;

/// How the pages of every layer are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolLayout {
    /// How the pages of each layer are stored.
    pub dtypes: Vec<Dtype>,
    /// Tokens of a page.
    pub page_size: usize,
    /// Pages of each layer.
    pub num_pages: usize,
}

/// Where a mutant can rewrite how pages are stored and shared.
#[derive(Debug)]
pub struct PoolPoint;

/// The value at [`PoolPoint`].
#[derive(Debug)]
pub enum PoolValue<'a> {
    /// How pages are stored, after it was checked.
    Layout(&'a mut PoolLayout),
    /// How much of a prefix is shared with the sequence that it is adopted from.
    Adopt {
        /// Tokens whose pages are shared: those of whole pages. The rest is copied.
        shared_tokens: &'a mut usize,
        /// Tokens of the prefix.
        tokens: usize,
    },
}

impl Point for PoolPoint {
    const NAME: &'static str = "pool";
    type Value<'a> = PoolValue<'a>;
}

/// What is wrong with the pages that were asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// Not one dtype for each layer.
    #[error(
        "`kv_dtypes` has {found} entries, and the model has {layers} layers; give exactly one dtype for each layer"
    )]
    Layers {
        /// Entries.
        found: usize,
        /// Layers of the model.
        layers: usize,
    },
    /// A dtype that pages cannot be stored in.
    #[error("`kv_dtypes` asks for {dtype} in layer {layer}; pages are stored as F32, F16, BF16 or E4M3")]
    Dtype {
        /// Which layer.
        layer: usize,
        /// What was asked for.
        dtype: Dtype,
    },
    /// The number of pages does not fit 32 bits.
    #[error(
        "{max_batch} sequences of {max_kv} tokens need more pages than can be numbered; lower `max_batch` or `max_kv`"
    )]
    TooMany {
        /// Sequences.
        max_batch: usize,
        /// Tokens of each.
        max_kv: usize,
    },
    /// Not enough pages are free.
    #[error(
        "{needed} pages of {page_size} tokens are needed, and {free} of {total} are free; end a sequence, or load the model with a larger `max_batch` or `max_kv`"
    )]
    OutOfPages {
        /// What is needed.
        needed: usize,
        /// What is free.
        free: usize,
        /// Pages in all.
        total: usize,
        /// Tokens of a page.
        page_size: usize,
    },
}

impl PoolLayout {
    /// The layout that the options ask for, checked, and through the rewrites at [`PoolPoint`]. There is a spare page,
    /// so that a full pool can still copy a page that is shared in part.
    pub(crate) fn new(loaded: &Loaded, options: &DeviceOptions) -> Result<Self, PoolError> {
        let DeviceOptions { max_batch, max_kv, page_size, ref kv_dtypes, .. } = *options;
        let pages = max_batch.checked_mul(max_kv.div_ceil(page_size.max(1))).and_then(|n| n.checked_add(1));
        let too_many = PoolError::TooMany { max_batch, max_kv };
        let num_pages = pages.filter(|&pages| i32::try_from(pages).is_ok()).ok_or(too_many)?;
        let mut layout = Self { dtypes: kv_dtypes.clone(), page_size, num_pages };
        let layers = loaded.config().num_hidden_layers;
        layout.check(layers)?;
        loaded.seam().apply::<PoolPoint>(&mut PoolValue::Layout(&mut layout));
        layout.check(layers)?;
        Ok(layout)
    }

    fn check(&self, layers: usize) -> Result<(), PoolError> {
        if self.dtypes.len() != layers {
            return Err(PoolError::Layers { found: self.dtypes.len(), layers });
        }
        match self.dtypes.iter().enumerate().find(|(_, dtype)| **dtype == Dtype::F64) {
            Some((layer, &dtype)) => Err(PoolError::Dtype { layer, dtype }),
            None => Ok(()),
        }
    }
}

/// The pages of a model, and how many sequences have each. A page holds the same tokens in every layer.
#[derive(Debug)]
pub(super) struct Pool {
    page_size: usize,
    /// How many sequences have each page.
    references: Vec<u32>,
    /// Pages that nobody has; the last one is given next.
    free: Vec<i32>,
}

impl Pool {
    /// All pages free.
    pub(super) fn new(layout: &PoolLayout) -> Self {
        // The layout was held to numbers that fit.
        let pages = i32::try_from(layout.num_pages).unwrap_or(i32::MAX);
        Self {
            page_size: layout.page_size,
            references: vec![0; layout.num_pages],
            free: (0..pages).rev().collect(),
        }
    }

    /// Pages that nobody has.
    pub(super) fn free(&self) -> usize {
        self.free.len()
    }

    /// Takes `count` pages, all or none.
    pub(super) fn take(&mut self, count: usize) -> Result<Vec<i32>, PoolError> {
        let Some(left) = self.free.len().checked_sub(count) else {
            return Err(PoolError::OutOfPages {
                needed: count,
                free: self.free.len(),
                total: self.references.len(),
                page_size: self.page_size,
            });
        };
        let mut pages = self.free.split_off(left);
        pages.reverse();
        self.share(&pages);
        Ok(pages)
    }

    /// One more sequence has these pages.
    pub(super) fn share(&mut self, pages: &[i32]) {
        for page in pages {
            if let Some(count) = usize::try_from(*page).ok().and_then(|page| self.references.get_mut(page)) {
                *count += 1;
            }
        }
    }

    /// One sequence fewer has these pages; those that nobody has are free again.
    pub(super) fn release(&mut self, pages: &[i32]) {
        for page in pages {
            if let Some(count) = usize::try_from(*page).ok().and_then(|page| self.references.get_mut(page))
                && *count > 0
            {
                *count -= 1;
                if *count == 0 {
                    self.free.push(*page);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_free_when_its_last_sequence_leaves() {
        let layout = PoolLayout { dtypes: vec![], page_size: 16, num_pages: 3 };
        let mut pool = Pool::new(&layout);
        let pages = pool.take(2).unwrap();
        assert_eq!((pages.as_slice(), pool.free()), ([0, 1].as_slice(), 1));
        pool.share(&pages[..1]);
        pool.release(&pages);
        assert_eq!(pool.free(), 2);
        pool.release(&pages[..1]);
        assert_eq!(pool.free(), 3);
        let error = pool.take(4).unwrap_err();
        assert_eq!(error, PoolError::OutOfPages { needed: 4, free: 3, total: 3, page_size: 16 });
        assert_eq!(pool.free(), 3, "a refusal takes nothing");
    }
}
