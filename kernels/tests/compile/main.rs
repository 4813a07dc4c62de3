//! What NVRTC makes of the kernels. Needs an NVRTC, and no device: `make nvrtc` fetches the pinned one.
//!
//! | file | what |
//! |---|---|
//! | `compiler` | positions in errors, determinism, options |
//! | `every_kernel` | every variant of every kernel, for every target |

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking, in its helpers too")]

mod compiler;
mod every_kernel;

use std::sync::Arc;

use kernels::device::Target;
use kernels::jit::{Jit, JitOptions, Nvrtc};
use kernels::seam::Seam;

/// NVRTC, or a failure that says where it was looked for. Its absence is no pass.
fn nvrtc() -> Nvrtc {
    match Nvrtc::find() {
        Ok(nvrtc) => nvrtc,
        Err(error) => panic!("{error}"),
    }
}

/// A JIT for a target, with nothing kept on disk.
fn jit(target: Target, seam: Seam) -> Jit {
    Jit::new(Box::new(nvrtc()), target, JitOptions { cache: None, seam: Arc::new(seam) })
}
