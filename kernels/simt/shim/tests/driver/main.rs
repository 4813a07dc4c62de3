//! Programs of the driver API on the virtual device, through cudarc, which knows nothing of it. Each test runs itself
//! again as such a program, with the library where the loader finds it.
//!
//! | file | what |
//! |---|---|
//! | `kernels` | modules, launches, occupancy |
//! | `memory` | copies, fills, pinned memory, leaks |
//! | `streams` | events, capture, and what cannot be captured |
//! | `graphs` | graphs of nodes |
//! | `faults` | what a kernel breaks, and what is said of it |
//! | `refusals` | wrong arguments, machine code, unknown names |
//! | `example` | the example as a program of its own |

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod example;
mod faults;
mod graphs;
mod kernels;
mod memory;
mod refusals;
mod streams;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaFunction, CudaModule, LaunchConfig, sys};
use cudarc::nvrtc::Ptx;

/// What NVRTC made of `kernels.cu`.
const PTX: &str = include_str!("kernels.ptx");

/// The variable that tells a child which test it is.
const CHILD: &str = "SIMT_CUDA_TEST";

/// The folder with what was built: this executable is in its `deps`.
fn built() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_path_buf()
}

/// A folder in which the loader finds the library as the driver.
fn driver() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let library = built().join("deps/libsimt_cuda.so");
    assert!(library.exists(), "{} is not there", library.display());
    for name in ["libcuda.so", "libcuda.so.1"] {
        std::os::unix::fs::symlink(&library, folder.path().join(name)).unwrap();
    }
    folder
}

/// Runs a program on the virtual device. Variables of whoever runs the tests are not for it.
fn run(program: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    assert!(program.exists(), "{} is not there: cargo test -p simt-cuda builds it", program.display());
    let folder = driver();
    let mut command = Command::new(program);
    for name in ["SIMT_TARGET", "SIMT_CHECKS", "SIMT_FAULTS", "SIMT_MEMORY", "CUDA_LAUNCH_BLOCKING"] {
        command.env_remove(name);
    }
    command.args(arguments).env("LD_LIBRARY_PATH", folder.path()).envs(variables.iter().copied());
    command.output().unwrap()
}

/// In the test: runs it again as a program of the virtual device, and gives what it wrote to standard error. In that
/// program: runs `body`, and gives nothing.
fn program(test: &str, variables: &[(&str, &str)], body: impl FnOnce()) -> Option<String> {
    if std::env::var(CHILD).as_deref() == Ok(test) {
        body();
        return None;
    }
    let with_name: Vec<_> = variables.iter().copied().chain([(CHILD, test)]).collect();
    let output = run(
        &std::env::current_exe().unwrap(),
        &["--exact", test, "--nocapture", "--test-threads=1"],
        &with_name,
    );
    let (said, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(output.status.success() && said.contains("1 passed"), "{test}: {said}\n{errors}");
    Some(errors)
}

/// The device and the tests' kernels.
fn open() -> (Arc<CudaContext>, Arc<CudaModule>) {
    let context = CudaContext::new(0).unwrap();
    let module = context.load_module(Ptx::from_src(PTX)).unwrap();
    (context, module)
}

/// A kernel.
fn kernel(module: &Arc<CudaModule>, name: &str) -> CudaFunction {
    module.load_function(name).unwrap()
}

/// Blocks and threads along x.
fn shape(blocks: u32, threads: u32, shared: u32) -> LaunchConfig {
    LaunchConfig { grid_dim: (blocks, 1, 1), block_dim: (threads, 1, 1), shared_mem_bytes: shared }
}

/// The code of an error.
fn code<T>(outcome: Result<T, cudarc::driver::DriverError>) -> u32 {
    match outcome {
        Ok(_) => 0,
        Err(error) => error.0 as u32,
    }
}

/// A call of `sys` that must succeed.
fn ok(status: sys::CUresult) {
    assert_eq!(status, sys::CUresult::CUDA_SUCCESS);
}
