//! Buffers that a kernel reads by tensor map: which they are, and in which boxes.
//!
//! Such a parameter is passed as every other buffer is. The device makes a tensor map of it (CUDA Driver API 13.0, section
//! 6.29), and passes that, with the address behind it, in its place: the `struct Tiles` of `warpgroup.cuh`. So plans, graphs
//! and cases know nothing of it.

use crate::jit::KernelSpec;

/// Bytes of the parameter: a tensor map of 128, an address, and what rounds them up to a multiple of 64.
pub const PARAMETER_BYTES: u32 = 192;

/// A buffer of rows `[rows, heads, head_dim]` of 16-bit elements, of which boxes of `[tokens, 1, columns]` are copied to shared
/// memory with the swizzle of 128 bytes. As many rows as the buffer holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tiles {
    /// Elements of a row of one head; a multiple of 8.
    pub head_dim: u64,
    /// Heads of a row.
    pub heads: u64,
    /// Rows of a box, from 1 to 256.
    pub tokens: u32,
    /// Elements of a row of a box: 64 at most, which are 128 bytes.
    pub columns: u32,
}

impl Tiles {
    /// Bytes of a row of all heads.
    #[must_use]
    pub const fn row_bytes(&self) -> u64 {
        self.head_dim.saturating_mul(self.heads).saturating_mul(2)
    }
}

/// How a kernel reads a parameter, if it is by tensor map.
#[must_use]
pub fn of(spec: &KernelSpec, parameter: &str) -> Option<Tiles> {
    match (spec.kernel.as_str(), parameter) {
        ("attention_wgmma", "k_pages" | "v_pages") => super::attention_wgmma::tiles(spec),
        _ => None,
    }
}

/// The same of every parameter of a kernel, in order; none of a kernel that is not registered.
#[must_use]
pub fn all(spec: &KernelSpec) -> Vec<Option<Tiles>> {
    let parameters = super::find(&spec.kernel).map_or(&[][..], |kernel| kernel.parameters);
    parameters.iter().map(|parameter| of(spec, parameter.name)).collect()
}
