//! What repeats of the same work say.

use serde::Serialize;

/// Times of the same work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sample {
    /// The middle one, in seconds.
    pub median: f64,
    /// The difference of the longest and the shortest, as a share of the median.
    pub spread: f64,
    /// All of them, in seconds, in the order in which they were measured.
    pub seconds: Vec<f64>,
}

impl Sample {
    /// Of these times.
    #[must_use]
    pub fn of(seconds: Vec<f64>) -> Self {
        let mut sorted = seconds.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            1 => at(middle),
            _ => f64::midpoint(at(middle.wrapping_sub(1)), at(middle)),
        };
        let spread = (at(sorted.len().wrapping_sub(1)) - at(0)) / median;
        Self { median, spread, seconds }
    }

    /// How much of something that each of them did is done in a second.
    #[must_use]
    pub fn rate(&self, of_each: f64) -> f64 {
        of_each / self.median
    }

    /// The shortest.
    #[must_use]
    pub fn shortest(&self) -> f64 {
        self.seconds.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_counts_and_the_ends_say_how_far() {
        let sample = Sample::of(vec![3.0, 1.0, 2.0]);
        assert_eq!((sample.median, sample.spread, sample.shortest()), (2.0, 1.0, 1.0));
        assert_eq!(sample.rate(10.0), 5.0);
        assert_eq!(Sample::of(vec![1.0, 2.0]).median, 1.5);
        assert!(Sample::of(Vec::new()).median.is_nan() && Sample::of(Vec::new()).spread.is_nan());
        // A clock that stands still says nothing, which no limit accepts.
        assert!(Sample::of(vec![0.0, 0.0]).spread.is_nan());
    }
}
