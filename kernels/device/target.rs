//! GPU generations that kernels are compiled for, and what the weakest member of each allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A compute capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Target {
    /// 9 of 9.0.
    pub major: u32,
    /// 0 of 9.0.
    pub minor: u32,
}

impl Target {
    /// Every target that kernels are held to compile for.
    pub const ALL: &'static [Target] =
        &[Self::new(8, 0), Self::new(8, 9), Self::new(9, 0), Self::new(10, 0), Self::new(12, 0)];

    /// The oldest that can run them: the instructions used are those of 8.0.
    pub const OLDEST: Target = Self::new(8, 0);

    /// A compute capability.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// What every device of this capability allows. Values: CUDA C++ Programming Guide 13.0, section 20.2, table
    /// "Technical Specifications per Compute Capability".
    #[must_use]
    pub const fn limits(self) -> Limits {
        let max_shared_bytes = match (self.major, self.minor) {
            (8, 0) | (8, 7) => 163 << 10,
            (9 | 10, _) => 227 << 10,
            _ => 99 << 10,
        };
        Limits {
            max_grid: [2_147_483_647, 65_535, 65_535],
            max_block: [1024, 1024, 64],
            max_threads_per_block: 1024,
            max_shared_bytes,
            warpgroup_products: self.major == 9 && self.minor == 0,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sm_{}{}", self.major, self.minor)
    }
}

/// What is wrong with the name of a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no target; write sm_80, sm_89, sm_90, sm_100 or sm_120")]
pub struct NoTarget(String);

impl FromStr for Target {
    type Err = NoTarget;

    fn from_str(text: &str) -> Result<Self, NoTarget> {
        let number: Option<u32> = text.strip_prefix("sm_").and_then(|digits| digits.parse().ok());
        match number {
            Some(number) if (10..1000).contains(&number) => Ok(Self::new(number / 10, number % 10)),
            _ => Err(NoTarget(text.to_owned())),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl TryFrom<String> for Target {
    type Error = NoTarget;

    fn try_from(text: String) -> Result<Self, NoTarget> {
        text.parse()
    }
}

/// What a launch must stay within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Blocks along x, y and z.
    pub max_grid: [u64; 3],
    /// Threads of a block along x, y and z.
    pub max_block: [u32; 3],
    /// Threads of a block.
    pub max_threads_per_block: u32,
    /// Shared memory of a block, static and dynamic together, in bytes.
    pub max_shared_bytes: u32,
    /// Whether kernels can have what compute capability 9.0 has for itself (`sm_90a`): products of warpgroups, and what goes
    /// with them. Not on a virtual device.
    pub warpgroup_products: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for target in Target::ALL {
            assert_eq!(target.to_string().parse::<Target>().unwrap(), *target);
        }
        for text in ["", "sm_", "90", "sm_9", "sm_x", "sm_99999"] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
