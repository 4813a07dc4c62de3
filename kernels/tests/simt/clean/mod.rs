//! The kernels of the engine in random calls: nothing is found in them, and they write what they must.
//!
//! | file | what |
//! |---|---|
//! | `draw` | numbers that are the same wherever they are drawn |
//! | `calls` | a random call of each kernel |
//! | `attention` | the same for attention |
//! | `decode` | the same for what follows a decode step |
//! | `mla` | the same for latent attention |
//! | `moe` | the same for mixtures of experts |
//! | `ragged` | batches of sequences, and the pages that they lie on |

mod attention;
mod calls;
mod decode;
pub(crate) mod draw;
mod mla;
mod moe;
mod ragged;

use std::sync::Arc;

use kernels::device::Target;
use kernels::jit::{Jit, JitOptions, KernelSpec, Nvrtc};
use kernels::launch::{Access, KERNELS, find};
use kernels::seam::Seam;
use rayon::prelude::*;
use simt::{Device, Launch, Options};

use calls::{Argument, Call};
use draw::Draw;

/// Random calls of all kernels together.
const CALLS: usize = 500;

#[test]
fn nothing_is_found_in_random_calls_of_the_kernels() {
    let specs: Vec<KernelSpec> = KERNELS
        .iter()
        .filter(|kernel| kernel.only_for().is_none())
        .flat_map(|kernel| (kernel.variants)())
        .collect();
    // Who gets no call is not held to anything.
    assert!(specs.len() <= CALLS, "{} variants share {CALLS} calls", specs.len());
    let nvrtc = Nvrtc::find().unwrap_or_else(|error| panic!("{error}"));
    let jit = Jit::new(
        Box::new(nvrtc),
        Target::new(9, 0),
        JitOptions { cache: None, seam: Arc::new(Seam::empty()) },
    );
    let problems: Vec<String> = specs
        .par_iter()
        .enumerate()
        .flat_map_iter(|(number, spec)| {
            // The calls of a variant, which are dealt out like cards.
            let seeds = (number..CALLS).step_by(specs.len());
            let ptx = &jit.artifact(spec).unwrap().ptx;
            problems(spec, ptx, seeds)
        })
        .collect();
    crate::hold(CALLS, &problems);
}

/// What goes wrong in calls of one variant.
fn problems(spec: &KernelSpec, ptx: &str, seeds: impl Iterator<Item = usize>) -> Vec<String> {
    let device = Device::new(Options::default());
    let function = match device.load(ptx) {
        Ok(module) => module.function(&spec.kernel),
        Err(error) => return vec![format!("{spec}: {error}")],
    };
    let Some(function) = function else { return vec![format!("{spec}: it has no entry of its name")] };
    let mut problems = Vec::new();
    for seed in seeds {
        let call = call(spec, &mut Draw(seed as u64));
        if let Err(problem) = launch(&device, &function, &call) {
            problems.push(format!("{spec} {} (seed {seed}): {problem}", call.name));
        }
    }
    problems
}

/// A random call. The scales of pages are the last parameters: about 1, and far from it.
fn call(spec: &KernelSpec, draw: &mut Draw) -> Call {
    let mut call = calls::call(spec, draw);
    let parameters = find(&spec.kernel).unwrap().parameters;
    let scales = parameters.iter().filter(|parameter| parameter.access == Access::F32);
    let scale = |_| Argument::Real(draw.within(1, 3000) as f32 / 700.0);
    call.arguments.extend(scales.map(scale).collect::<Vec<_>>());
    call
}

fn launch(device: &Device, function: &simt::Function, call: &Call) -> Result<(), String> {
    let (mut parameters, mut buffers) = (Vec::new(), Vec::new());
    for (number, argument) in call.arguments.iter().enumerate() {
        let (bytes, pieces) = match argument {
            Argument::Number(value) => {
                parameters.extend((*value as u32).to_le_bytes());
                continue;
            }
            Argument::Real(value) => {
                parameters.extend(value.to_le_bytes());
                continue;
            }
            Argument::Output(bytes) => (*bytes, Vec::new()),
            Argument::Input(bytes) => (bytes.len(), vec![(0, bytes)]),
            Argument::Pieces(bytes, pieces) => {
                (*bytes, pieces.iter().map(|(offset, bytes)| (*offset, bytes)).collect())
            }
        };
        let address = device.allocate(&format!("argument {number}"), bytes as u64).map_err(text)?;
        for (offset, bytes) in pieces {
            device.write(address + offset as u64, bytes).map_err(text)?;
        }
        parameters.resize(parameters.len().next_multiple_of(8), 0);
        parameters.extend(address.to_le_bytes());
        buffers.push(address);
    }
    let grid = call.shape.grid.clone().map(|blocks| blocks.at(call.extent).unwrap() as u32);
    let launch = Launch {
        grid,
        block: call.shape.block,
        shared: call.shape.shared,
        cooperative: false,
        max_dynamic_shared: None,
    };
    let report = device.launch(function, &launch, &parameters).map_err(text)?;
    for address in buffers {
        device.free(address).map_err(text)?;
    }
    if report.written_bytes != call.written as u64 {
        return Err(format!("{} bytes were written, and it must be {}", report.written_bytes, call.written));
    }
    Ok(())
}

fn text(error: simt::Error) -> String {
    error.to_string()
}
