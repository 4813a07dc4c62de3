//! What the compiler made of a spec.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::KernelSpec;

/// A compiled kernel.
#[derive(Clone, PartialEq)]
pub struct Artifact {
    /// The digest that names it, in hexadecimal.
    pub key: String,
    /// What it was compiled from.
    pub spec: KernelSpec,
    /// PTX, as text.
    pub ptx: String,
    /// Machine code for the target.
    pub cubin: Vec<u8>,
    /// What it takes on the target.
    pub resources: Resources,
}

impl fmt::Debug for Artifact {
    /// Sizes in place of the code, which is long.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (ptx, cubin) = (self.ptx.len(), self.cubin.len());
        write!(f, "{} {} ({ptx} bytes of PTX, {cubin} of cubin, {:?})", self.key, self.spec, self.resources)
    }
}

/// What a kernel takes on its target, as the assembler says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    /// Registers of a thread.
    pub registers: u32,
    /// Bytes that spilled registers are stored to.
    pub spill_stores: u32,
    /// Bytes that spilled registers are loaded from.
    pub spill_loads: u32,
    /// Bytes of shared memory that the kernel declares itself.
    pub shared: u32,
    /// Bytes of local memory of a thread.
    pub stack: u32,
}
