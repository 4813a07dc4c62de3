//! What compiles a kernel.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{JitError, Resources};

/// The version of a compiler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// 13 of 13.0.
    pub major: u32,
    /// 0 of 13.0.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What a compiler gives back.
#[derive(Debug, Clone, PartialEq)]
pub struct Compiled {
    /// PTX, as text.
    pub ptx: String,
    /// Machine code.
    pub cubin: Vec<u8>,
    /// What it takes.
    pub resources: Resources,
}

/// Compiles CUDA C++ at run time.
pub trait Compiler: Send + Sync {
    /// Its version, which is part of every key.
    fn version(&self) -> Version;

    /// Compiles `source`, which errors call `name`, with exactly these options. `entry` is the kernel in it.
    fn compile(
        &self,
        name: &str,
        entry: &str,
        source: &str,
        options: &[String],
    ) -> Result<Compiled, JitError>;
}
