//! A program that knows nothing of the virtual device: `y = a * x + y` by cudarc. With `--beyond` it launches a block
//! too many of a kernel that checks no bounds.
//!
//! docs/guides/check-your-own-kernels.md shows it on the virtual device.

use std::process::ExitCode;

use cudarc::driver::{CudaContext, DriverError, LaunchConfig, PushKernelArg};
use cudarc::nvrtc::Ptx;

const COUNT: u32 = 1000;

fn run(beyond: bool) -> Result<(), DriverError> {
    let context = CudaContext::new(0)?;
    println!("{}", context.name()?);
    let stream = context.default_stream();
    let module = context.load_module(Ptx::from_src(include_str!("../tests/driver/kernels.ptx")))?;
    let kernel = module.load_function(if beyond { "unbounded" } else { "saxpy" })?;
    let numbers: Vec<f32> = (0..COUNT).map(|number| number as f32).collect();
    let x = stream.clone_htod(&numbers)?;
    let mut y = stream.clone_htod(&numbers)?;
    let config =
        LaunchConfig { grid_dim: (COUNT.div_ceil(128), 1, 1), block_dim: (128, 1, 1), shared_mem_bytes: 0 };
    let mut launch = stream.launch_builder(&kernel);
    launch.arg(&mut y).arg(&x).arg(&3f32).arg(&COUNT);
    // SAFETY: the arguments are those of the kernel; with `--beyond` it goes past its buffer, which is what is to be
    // seen.
    unsafe { launch.launch(config) }?;
    let result = stream.clone_dtoh(&y)?;
    println!("y[1] = {}, y[999] = {}", result[1], result[999]);
    Ok(())
}

fn main() -> ExitCode {
    match run(std::env::args().any(|argument| argument == "--beyond")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}
