//! What can go wrong between a spec and an artifact.

use std::path::PathBuf;

use super::Version;

/// Why there is no artifact.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JitError {
    /// No NVRTC was found.
    #[error(
        "no NVRTC: {searched}; install the CUDA toolkit, or run `make nvrtc`, which puts the pinned one under target/nvrtc"
    )]
    NoCompiler {
        /// Where it was looked for, in words.
        searched: String,
    },
    /// The compiler is newer than the driver, which would refuse or misread its output.
    #[error(
        "NVRTC {compiler} is newer than what the driver supports ({driver}); use NVRTC {driver} or older, for instance the pinned one of `make nvrtc`"
    )]
    CompilerTooNew {
        /// The compiler's version.
        compiler: Version,
        /// The newest that the driver knows.
        driver: Version,
    },
    /// The registry has no kernel of this name.
    #[error("no kernel is called `{0}`; `pv list kernels` shows all")]
    UnknownKernel(String),
    /// An axis is no value that a macro can have.
    #[error("{spec}: axis {axis} {problem}")]
    Axis {
        /// The spec.
        spec: String,
        /// The axis.
        axis: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The compiler refused the source. The message names the line of the `.cu` file.
    #[error("{spec} does not compile:\n{log}")]
    Compile {
        /// The spec.
        spec: String,
        /// What the compiler said.
        log: String,
    },
    /// The compiler itself failed.
    #[error("NVRTC: {0}")]
    Compiler(String),
    /// The cache folder cannot be used.
    #[error("kernel cache {}: {message}; name another folder in TOUCHSTONE_KERNEL_CACHE", folder.display())]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// What is wrong.
        message: String,
    },
}
