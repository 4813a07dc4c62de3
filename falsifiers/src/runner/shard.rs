//! Which claims belong to which part of a run that is split over several machines.

use std::cmp::Reverse;
use std::str::FromStr;

/// One of several parts of a run, counted from one: `2/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which part.
    index: u32,
    /// Of how many.
    of: u32,
}

/// Why a text names no part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a shard is K/N with K from 1 to N and N at most {MOST}, such as 2/3")]
pub struct ShardError;

/// The most parts.
const MOST: u32 = 9999;

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let number = |digits: &str| match digits.bytes().all(|byte| byte.is_ascii_digit()) {
            true => digits.parse::<u32>().map_err(|_| ShardError),
            false => Err(ShardError),
        };
        let (index, of) = text.split_once('/').ok_or(ShardError)?;
        let (index, of) = (number(index)?, number(of)?);
        if (1..=of).contains(&index) && of <= MOST { Ok(Self { index, of }) } else { Err(ShardError) }
    }
}

impl Shard {
    /// Which part, from one.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// Of how many.
    #[must_use]
    pub const fn of(self) -> u32 {
        self.of
    }

    /// The items of this part, by their places in the whole, in order.
    ///
    /// Every item weighs something, at least one, and goes to the part that weighs least by then, the heaviest item
    /// first; equal weights keep their order. So the parts depend on the weights and on nothing else, no item is in
    /// two or in none, and no part is empty while there are as many items as parts.
    #[must_use]
    pub fn part(self, weights: &[u64]) -> Vec<usize> {
        let mut order: Vec<(usize, u64)> =
            weights.iter().map(|weight| (*weight).max(1)).enumerate().collect();
        order.sort_by_key(|(at, weight)| (Reverse(*weight), *at));
        let mut loads: Vec<u64> = (0..self.of).map(|_| 0).collect();
        let mut mine = Vec::new();
        for (at, weight) in order {
            let lightest = (0..self.of).zip(&mut loads).min_by_key(|(part, load)| (**load, *part));
            if let Some((part, load)) = lightest {
                *load = load.saturating_add(weight);
                if part + 1 == self.index {
                    mine.push(at);
                }
            }
        }
        mine.sort_unstable();
        mine
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_shard() {
        for bad in
            ["", "1", "/", "1/", "/2", "0/2", "3/2", "0/0", "1/0", "-1/2", "+1/2", "1/2/3", "a/b", "1 / 2"]
        {
            assert_eq!(bad.parse::<Shard>(), Err(ShardError), "{bad}");
        }
        assert_eq!("1/10000".parse::<Shard>(), Err(ShardError));
        assert_eq!("1/99999999999".parse::<Shard>(), Err(ShardError));
        let good: Shard = "2/3".parse().unwrap();
        assert_eq!((good.index(), good.of()), (2, 3));
    }

    #[test]
    fn the_heavy_are_spread() {
        let part = |index, of| Shard { index, of }.part(&[54, 2, 2, 24, 14, 6, 14, 2]);
        assert_eq!(part(1, 2), [0, 1, 2, 7]);
        assert_eq!(part(2, 2), [3, 4, 5, 6]);
        assert_eq!(part(9, 9), Vec::<usize>::new(), "eight items leave one of nine parts empty");
    }

    proptest! {
        #[test]
        fn parts_are_a_partition_and_balanced(
            weights in proptest::collection::vec(0u64..60, 0..40),
            of in 1u32..9,
        ) {
            let parts: Vec<Vec<usize>> = (1..=of).map(|index| Shard { index, of }.part(&weights)).collect();
            let mut all: Vec<usize> = parts.concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..weights.len()).collect::<Vec<_>>());
            let loads = parts.iter().map(|part| part.iter().map(|at| weights[*at].max(1)).sum::<u64>());
            let (least, most) = (loads.clone().min().unwrap(), loads.max().unwrap());
            let heaviest = weights.iter().copied().max().unwrap_or(0).max(1);
            prop_assert!(most - least <= heaviest, "{} {}", least, most);
            if weights.len() >= of as usize {
                prop_assert!(parts.iter().all(|part| !part.is_empty()));
            }
        }
    }
}
