//! NVRTC, the compiler library of the CUDA toolkit, as a [`Compiler`].
//!
//! | file | what |
//! |---|---|
//! | `find` | where it is looked for |
//! | `api` | the functions of the library that are used |
//!
//! The library is opened by its absolute path and its functions are bound by name, so that it is always known which
//! file compiles, and a missing one is an error.

mod api;
mod find;

use std::path::Path;

use super::{Compiled, Compiler, JitError, Version, ptxas};
use api::Api;

/// A loaded NVRTC. It stays loaded until the process ends.
pub struct Nvrtc {
    api: Api,
    version: Version,
    path: String,
}

impl Nvrtc {
    /// The first NVRTC in this order:
    ///
    /// 1. the folder `TOUCHSTONE_NVRTC` names; an error if there is none in it;
    /// 2. `target/nvrtc` of the current folder, of the folder of the program, or of any folder above either; and
    ///    `nvrtc` beside the program or one folder up, where a bundle has it;
    /// 3. the system: what the dynamic loader finds as `libnvrtc.so.13`, `libnvrtc.so.12` or `libnvrtc.so`, then
    ///    `/usr/local/cuda/lib64`.
    ///
    /// The error names every place and what was wrong with it.
    pub fn find() -> Result<Self, JitError> {
        find::find(&find::Places::of_process())
    }

    /// The one in this folder, which must hold `libnvrtc.so.N` and the `libnvrtc-builtins.so.N.M` of its version.
    pub fn in_folder(folder: &Path) -> Result<Self, JitError> {
        find::in_folder(folder).map_err(|searched| JitError::NoCompiler { searched })
    }

    /// The file that was loaded, or the name under which the dynamic loader found it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl std::fmt::Debug for Nvrtc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NVRTC {} ({})", self.version, self.path)
    }
}

impl Compiler for Nvrtc {
    fn version(&self) -> Version {
        self.version
    }

    /// Compiles for a real architecture (`sm_90`): NVRTC then gives the PTX and what its assembler makes of it.
    fn compile(
        &self,
        name: &str,
        entry: &str,
        source: &str,
        options: &[String],
    ) -> Result<Compiled, JitError> {
        let failed = |message: String| JitError::Compiler(format!("{name}: {message}"));
        let program = self.api.program(name, source).map_err(failed)?;
        let outcome = program.compile(options).map_err(failed)?;
        let log = readable(&program.log().map_err(failed)?);
        if let Err(refusal) = outcome {
            let log = if log.trim().is_empty() { refusal } else { log };
            return Err(JitError::Compile { spec: format!("{entry} {}", options.join(" ")), log });
        }
        if log.contains("warning") {
            tracing::warn!("{name} compiles with warnings:\n{log}");
        }
        let resources = ptxas::resources(&log, entry).ok_or_else(|| {
            failed(format!(
                "the assembler does not say what `{entry}` takes; the file needs `extern \"C\" __global__ void \
                 {entry}`, and the options `--ptxas-options=-v`. Its log:\n{log}"
            ))
        })?;
        Ok(Compiled {
            ptx: program.ptx().map_err(failed)?,
            cubin: program.cubin().map_err(failed)?,
            resources,
        })
    }
}

/// The log with paths as from the root of the repository. What is compiled is called `/kernels/NAME.cu`: a relative
/// name would be joined with the current folder, and the artifact would depend on that.
fn readable(log: &str) -> String {
    log.replace("/kernels/", "kernels/")
}

#[cfg(test)]
mod tests;
