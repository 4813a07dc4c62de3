//! Specs, keys and the cache, with a compiler of the tests' own: no NVRTC and no device is needed.
//!
//! | file | what |
//! |---|---|
//! | `fake` | that compiler |
//! | `keys` | what tells two kernels apart |
//! | `memory` | one `Jit`: hits, threads, pre-warming |
//! | `disk` | the folder of compiled kernels, whole and damaged |
//! | `processes` | several processes and killed ones |

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod disk;
mod fake;
mod keys;
mod memory;
mod processes;
