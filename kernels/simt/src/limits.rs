//! What a launch must stay within, by compute capability.

/// What every device of a compute capability allows (CUDA C++ Programming Guide 13.0, section 20.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Compute capability: 9 of 9.0.
    pub major: u32,
    /// 0 of 9.0.
    pub minor: u32,
    /// Blocks along x, y and z.
    pub max_grid: [u32; 3],
    /// Threads of a block along x, y and z.
    pub max_block: [u32; 3],
    /// Threads of a block.
    pub max_threads_per_block: u32,
    /// Shared memory of a block, static and dynamic together, in bytes, that a kernel can ask for.
    pub max_shared_bytes: u32,
    /// The same without asking (`cuFuncSetAttribute`).
    pub default_shared_bytes: u32,
    /// Shared memory of a multiprocessor, in bytes.
    pub shared_bytes_per_multiprocessor: u32,
    /// Threads of a multiprocessor.
    pub max_threads_per_multiprocessor: u32,
    /// Blocks of a multiprocessor.
    pub max_blocks_per_multiprocessor: u32,
    /// 32-bit registers of a block.
    pub registers_per_block: u32,
    /// Multiprocessors of the smallest full device of this kind that is sold for computing.
    pub multiprocessors: u32,
    /// Bytes of parameters of a kernel.
    pub max_parameter_bytes: u32,
    /// Constant memory of a module, in bytes.
    pub max_const_bytes: u32,
    /// Local memory of a thread, in bytes.
    pub max_local_bytes: u32,
}

impl Limits {
    /// Of a compute capability. One that is not known has the limits of the next lower one that is.
    #[must_use]
    pub const fn of(major: u32, minor: u32) -> Self {
        let (shared, per_sm, threads, blocks, sms) = match (major, minor) {
            (8, 0) => (163, 164, 2048, 32, 108),
            (8, 7) => (163, 164, 1536, 16, 16),
            (8, _) => (99, 100, 1536, 24, 58),
            (9, _) => (227, 228, 2048, 32, 132),
            (10, _) => (227, 228, 2048, 32, 148),
            (11 | 12, _) => (99, 100, 1536, 24, 170),
            _ => (48, 64, 1024, 16, 40),
        };
        Self {
            major,
            minor,
            max_grid: [2_147_483_647, 65_535, 65_535],
            max_block: [1024, 1024, 64],
            max_threads_per_block: 1024,
            max_shared_bytes: shared << 10,
            default_shared_bytes: 48 << 10,
            shared_bytes_per_multiprocessor: per_sm << 10,
            max_threads_per_multiprocessor: threads,
            max_blocks_per_multiprocessor: blocks,
            registers_per_block: 65_536,
            multiprocessors: sms,
            // CUDA 12.1 and later on 7.0 and later: 32,764 bytes.
            max_parameter_bytes: 32_764,
            max_const_bytes: 64 << 10,
            max_local_bytes: 512 << 10,
        }
    }
}
