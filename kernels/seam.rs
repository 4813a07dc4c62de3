//! The one place through which a mutant can rewrite what the engine does.
//!
//! A *point* is a place in the engine where a value passes that a mutant may rewrite. It is a type declared
//! beside the value, so that this file needs to know none of them:
//!
//! | point | the value that passes | declared in |
//! |---|---|---|
//! | `config` | the parsed configuration | `engine::config` |
//! | `weights` | the inventory of a checkpoint, and each tensor as it is decoded | `engine::weights` |
//! | `positions` | the positions of a chunk of tokens | `engine::models` |
//! | `stage` | the value of a stage of the reference forward | `engine::trace` |
//! | `cache` | the keys and values of a layer after an append | `engine::kv_cache` |
//! | `template` | the source of the chat template | `engine::chat` |
//! | `sampler` | the logits that a token is chosen from | `engine::generate` |
//! | `source`, `spec`, `key` | what a kernel is compiled from, and what names it in the cache | `kernels::jit` |
//! | `library` | what a library of matrix products is asked for | `kernels::device` |
//! | `plan`, `graph` | the forward pass as data, and its graph | `engine::plan` |
//! | `pool` | how pages of keys and values are stored and shared | `engine::device` |
//! | `metadata` | positions, slots and page tables of a run on a device | `engine::device` |
//! | `bench` | what a bench counts and asks for | `engine::bench` |
//! | `evidence` | a run's record before it is written | `falsifiers::today` |
//!
//! [`POINTS`] is that list. The empty seam costs one branch at each point. There is no other test hook in the
//! engine.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of every point, those whose values arrive with the device engine included.
pub static POINTS: &[&str] = &[
    "config",
    "weights",
    "positions",
    "stage",
    "cache",
    "template",
    "sampler",
    "source",
    "spec",
    "key",
    "library",
    "plan",
    "graph",
    "pool",
    "metadata",
    "bench",
    "evidence",
];

/// A place where a value passes that a mutant may rewrite.
pub trait Point: 'static {
    /// Its name, one of [`POINTS`].
    const NAME: &'static str;
    /// The value that passes.
    type Value<'a>: ?Sized;
}

/// A rewrite of the values at point `P`: changes the value in place, and says whether it changed anything.
type Rewrite<P> = Box<dyn for<'a> Fn(&mut <P as Point>::Value<'a>) -> bool + Send + Sync>;

/// The rewrites in force, none by default.
#[derive(Default)]
pub struct Seam {
    rewrites: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    applied: AtomicU64,
}

impl Seam {
    /// A seam that rewrites nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a rewrite at `P`; rewrites at one point run in the order in which they were added.
    #[must_use]
    pub fn with<P: Point>(
        mut self,
        rewrite: impl for<'a> Fn(&mut P::Value<'a>) -> bool + Send + Sync + 'static,
    ) -> Self {
        debug_assert!(POINTS.contains(&P::NAME), "point `{}` is not listed", P::NAME);
        let slot =
            self.rewrites.entry(TypeId::of::<P>()).or_insert_with(|| Box::new(Vec::<Rewrite<P>>::new()));
        if let Some(rewrites) = slot.downcast_mut::<Vec<Rewrite<P>>>() {
            rewrites.push(Box::new(rewrite));
        }
        self
    }

    /// Whether any rewrite waits at `P`; lets a caller skip preparing the value.
    #[must_use]
    pub fn is_active<P: Point>(&self) -> bool {
        self.rewrites.contains_key(&TypeId::of::<P>())
    }

    /// Passes `value` through the rewrites at `P`.
    pub fn apply<P: Point>(&self, value: &mut P::Value<'_>) {
        let Some(slot) = self.rewrites.get(&TypeId::of::<P>()) else { return };
        let Some(rewrites) = slot.downcast_ref::<Vec<Rewrite<P>>>() else { return };
        for rewrite in rewrites {
            if rewrite(value) {
                self.applied.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// How many values were changed so far. A mutant that changed none was never planted.
    #[must_use]
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Seam {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seam")
            .field("points", &self.rewrites.len())
            .field("applied", &self.applied())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Number;
    impl Point for Number {
        const NAME: &'static str = "config";
        type Value<'a> = i32;
    }
    struct Slice;
    impl Point for Slice {
        const NAME: &'static str = "stage";
        type Value<'a> = [f32];
    }

    #[test]
    fn an_empty_seam_changes_nothing() {
        let seam = Seam::empty();
        let mut value = 3;
        seam.apply::<Number>(&mut value);
        assert_eq!((value, seam.applied(), seam.is_active::<Number>()), (3, 0, false));
    }

    #[test]
    fn rewrites_of_one_point_run_in_order_and_only_there() {
        let seam = Seam::empty()
            .with::<Number>(|value| {
                *value += 1;
                true
            })
            .with::<Number>(|value| {
                *value *= 10;
                true
            });
        let mut value = 3;
        seam.apply::<Number>(&mut value);
        let mut slice = [1.0f32];
        seam.apply::<Slice>(&mut slice[..]);
        assert_eq!((value, slice[0], seam.applied()), (40, 1.0, 2));
    }

    #[test]
    fn a_rewrite_that_finds_nothing_to_change_does_not_count() {
        let seam = Seam::empty().with::<Number>(|_| false);
        seam.apply::<Number>(&mut 1);
        assert_eq!(seam.applied(), 0);
    }
}
