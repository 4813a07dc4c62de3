//! From a text to PTX and machine code.

use kernels::jit::{Compiled, Compiler, JitError, Nvrtc};

use super::{Case, Twin};

/// Compiles a twin for sm_90, the way kernels of the engine are compiled.
pub(crate) fn compile(nvrtc: &Nvrtc, case: &Case, twin: Twin) -> Result<Compiled, JitError> {
    let mut options = vec![
        "--gpu-architecture=sm_90".to_owned(),
        "--std=c++17".to_owned(),
        "--fmad=false".to_owned(),
        "--generate-line-info".to_owned(),
        "--ptxas-options=-v".to_owned(),
        "--no-cache".to_owned(),
    ];
    if twin == Twin::Faulty {
        options.push("-DFAULT".to_owned());
    }
    nvrtc.compile(&file_name(case.name), case.name, case.text, &options)
}

/// What the compiler calls a text.
pub(crate) fn file_name(name: &str) -> String {
    format!("/kernels/tests/simt/faults/{name}.cu")
}
