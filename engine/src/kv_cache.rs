//! The keys and values that a sequence has computed so far, as the reference keeps them: in its own element
//! type, contiguous, one entry for each layer.

use kernels::Real;
use kernels::real::ValuesMut;
use kernels::seam::{Point, Seam};
use ndarray::{Array2, ArrayView2, Axis};

/// Where a mutant can rewrite what a layer's cache holds, after each append.
#[derive(Debug)]
pub struct CachePoint;

/// The value at [`CachePoint`].
#[derive(Debug)]
pub struct CacheValue<'a> {
    /// Which layer.
    pub layer: usize,
    /// Tokens that were there before the append.
    pub past: usize,
    /// Features of the keys of one token; its values may have others.
    pub width: usize,
    /// Keys: [past + new, width].
    pub keys: ValuesMut<'a>,
    /// Values: [past + new, features of the values of one token].
    pub values: ValuesMut<'a>,
}

impl Point for CachePoint {
    const NAME: &'static str = "cache";
    type Value<'a> = CacheValue<'a>;
}

/// The cache of one layer.
#[derive(Debug, Clone)]
pub struct LayerCache<T> {
    layer: usize,
    keys: Array2<T>,
    values: Array2<T>,
}

impl<T: Real> LayerCache<T> {
    /// An empty cache for rows of so many features of keys, and of values.
    #[must_use]
    pub fn new(layer: usize, [keys, values]: [usize; 2]) -> Self {
        Self { layer, keys: Array2::zeros((0, keys)), values: Array2::zeros((0, values)) }
    }

    /// Tokens held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.nrows()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Appends rows of keys and values: [new, features] each.
    pub fn append(&mut self, keys: ArrayView2<'_, T>, values: ArrayView2<'_, T>, seam: &Seam) {
        let past = self.len();
        // Widths are right by construction: both come from projections of the widths this cache was made for.
        let appended = self.keys.append(Axis(0), keys).and_then(|()| self.values.append(Axis(0), values));
        debug_assert!(appended.is_ok(), "rows of another width");
        if seam.is_active::<CachePoint>() {
            let width = self.keys.ncols();
            if let (Some(keys), Some(values)) = (self.keys.as_slice_mut(), self.values.as_slice_mut()) {
                let (keys, values) = (T::view(keys), T::view(values));
                seam.apply::<CachePoint>(&mut CacheValue { layer: self.layer, past, width, keys, values });
            }
        }
    }

    /// All keys: [len, features].
    #[must_use]
    pub fn keys(&self) -> ArrayView2<'_, T> {
        self.keys.view()
    }

    /// All values: [len, features].
    #[must_use]
    pub fn values(&self) -> ArrayView2<'_, T> {
        self.values.view()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn keeps_rows_in_order_and_lets_a_mutant_see_the_newest() {
        let seam = Seam::empty().with::<CachePoint>(|cache| {
            let first_new = cache.past * cache.width;
            cache.keys.map(|index, x| if index >= first_new { 0.0 } else { x })
        });
        let mut cache = LayerCache::new(0, [2, 3]);
        cache.append(array![[1.0, 2.0]].view(), array![[3.0, 4.0, 4.5]].view(), &Seam::empty());
        cache.append(array![[5.0, 6.0]].view(), array![[7.0, 8.0, 8.5]].view(), &seam);
        assert_eq!(cache.len(), 2);
        assert_eq!(cache.keys(), array![[1.0, 2.0], [0.0, 0.0]]);
        assert_eq!(cache.values(), array![[3.0, 4.0, 4.5], [7.0, 8.0, 8.5]]);
    }
}
