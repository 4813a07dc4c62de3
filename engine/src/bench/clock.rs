//! What time it is.

use std::time::{Duration, Instant};

/// Tells the time. A test has one of its own, so that what is made of times can be seen without a device.
pub trait Clock: Sync {
    /// Time since some moment that stays the same.
    fn now(&self) -> Duration;
}

/// The clock of the machine: monotonic, with a resolution far below anything that is timed.
#[derive(Debug)]
pub struct Wall(Instant);

impl Wall {
    /// A clock that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for Wall {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for Wall {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
