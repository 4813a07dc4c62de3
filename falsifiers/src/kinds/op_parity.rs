//! `op_parity`: a kernel computes what the op's reference computes.

use contracts::kinds::OpParity;
use contracts::{Lane, Tolerance};
use engine::plan::Element;
use engine::trace::Tensor;
use kernels::arithmetic::SUMMATION_ORDERS;
use kernels::device::Product;
use kernels::real::Values;
use kernels::seam::Seam;
use kernels::{Arithmetic, Dtype};
use rayon::prelude::*;

use super::{Case, Passed, of_op};
use crate::compare::Limit;
use crate::derive::row_limit;
use crate::machine::{Machine, device_stop, jit_stop};
use crate::ops::place::{Placed, Surroundings, bound, chosen};
use crate::ops::{Draw, Group, OpArgument, OpRun, decode};
use crate::stop::{Defect, Stop};
use crate::subject::Subject;
use crate::tally::Tally;

/// Bytes on either side of an output that nothing may write to.
const MARGIN: u64 = 256;
/// What outputs and the memory around them hold before a launch: NaN in every format but E4M3, where 0xff is NaN too.
const POISON: u8 = 0xff;

pub(super) fn cases<'c>(parameters: &'c OpParity, tolerance: Option<&'c Tolerance>) -> Vec<Case<'c>> {
    let OpParity { op, kernels, cases, library } = parameters;
    let how = (*cases, *library);
    let mut found =
        of_op("op_parity", op, kernels, move |subject, group| attempt(subject, group, how, tolerance));
    for case in found.iter_mut().filter(|_| *library) {
        case.id = case.id.trim_end_matches(')').to_owned() + ",products=library)";
    }
    found
}

fn attempt(
    subject: &Subject,
    group: &Group,
    (cases, library): (Option<u32>, bool),
    tolerance: Option<&Tolerance>,
) -> Result<Passed, Stop> {
    let machine = subject.machine()?;
    if library {
        machine.device.library().map_err(|error| device_stop(&error, subject.lane()))?;
    }
    let mut tally = Tally::default();
    for case in chosen(group, cases) {
        let name = format!("{}({})", group.kernel, case.name);
        let run = (case.make)(&mut Draw::new(&name));
        let own = launch(&machine, subject.lane(), &name, &run)?;
        let found = match library {
            true => computed(&machine, subject.lane(), &name, &run, Some(subject.seam()))?,
            false => own.clone(),
        };
        let declared = |order| Arithmetic::Declared { activation: group.activation, order };
        let derived = matches!(tolerance, Some(Tolerance::Derived { .. }));
        let arithmetic: Vec<Arithmetic> = match derived {
            true => [Arithmetic::F64].into_iter().chain((0..SUMMATION_ORDERS).map(declared)).collect(),
            false => vec![declared(0)],
        };
        let mut honest: Vec<Vec<Tensor>> =
            arithmetic.into_par_iter().map(|arithmetic| (run.reference)(arithmetic)).collect();
        let truth: Vec<Tensor> = honest.remove(0).into_iter().map(canonical).collect();
        if truth.len() != found.len() {
            return Err(Stop::Errored(format!(
                "{name}: the reference has {} outputs, the kernel {}",
                truth.len(),
                found.len()
            )));
        }
        for (at, (truth, (found, stored))) in truth.iter().zip(&found).enumerate() {
            let limit = match tolerance {
                Some(Tolerance::Derived { factor }) => {
                    row_limit(truth, honest.iter().filter_map(|run| run.get(at)), *stored, *factor)?
                }
                _ => Limit::Bitwise,
            };
            tally.hold((truth, found), limit, None, 0, || format!("{name} differs from its reference"));
            if let Some((own, _)) = own.get(at).filter(|_| library) {
                let message = || format!("{name} of the library differs from that of the kernel");
                tally.hold((own, found), limit, None, 0, message);
            }
        }
    }
    tally.passed()
}

/// Launches one case and returns its outputs, each with how it is stored.
pub(crate) fn launch(
    machine: &Machine,
    lane: Lane,
    name: &str,
    run: &OpRun,
) -> Result<Vec<(Tensor, Dtype)>, Stop> {
    computed(machine, lane, name, run, None)
}

/// The same, in the library of the device if there are rewrites of what it is asked for, or none of them.
fn computed(
    machine: &Machine,
    lane: Lane,
    name: &str,
    run: &OpRun,
    library: Option<&Seam>,
) -> Result<Vec<(Tensor, Dtype)>, Stop> {
    let (device, fault) = (&*machine.device, |error| device_stop(&error, lane));
    let artifact = machine.jit.artifact(&run.spec).map_err(|error| jit_stop(&error))?;
    let function = device.load(&artifact).map_err(fault)?;
    let placed = Placed::new(device, run, Surroundings::Margin(MARGIN, POISON)).map_err(fault)?;
    let launch = bound(&run.shape, run.extent, name)?;
    match library {
        None => placed.launch(device, &function, launch, run).map_err(fault)?,
        Some(seam) => {
            let Some(product) = Product::of(&run.spec) else {
                let message = format!("{name} is no product that a library computes; ask for matmul");
                return Err(Stop::Errored(message));
            };
            product.multiply(device, &placed.arguments(run), seam).map_err(fault)?;
            device.synchronize().map_err(fault)?;
        }
    }

    let mut outputs = Vec::new();
    for (argument, buffer) in run.arguments.iter().zip(&placed.buffers) {
        let Some(buffer) = buffer else { continue };
        let mut read = vec![0; usize::try_from(buffer.bytes()).unwrap_or(0)];
        device.read(buffer, 0, &mut read).map_err(fault)?;
        let margin = usize::try_from(MARGIN).unwrap_or(0);
        let inside = margin..read.len() - margin;
        let around = read.iter().enumerate().filter(|(at, _)| !inside.contains(at));
        if let Some((at, _)) = around.clone().find(|(_, byte)| **byte != POISON) {
            let message = format!("{name} writes {} bytes beside {buffer:?}", at as i64 - margin as i64);
            return Err(Defect::counted("written_outside", 1.0, message).into());
        }
        let content = read.get(inside).unwrap_or_default();
        match argument {
            OpArgument::Input(before) if before.as_slice() != content => {
                return Err(
                    Defect::counted("input_written", 1.0, format!("{name} writes to an input")).into()
                );
            }
            OpArgument::Output { shape, element } | OpArgument::Update { shape, element, .. } => {
                outputs.push(tensor(content, shape, *element));
            }
            OpArgument::Input(_) | OpArgument::Number(_) | OpArgument::Scale(_) => {}
        }
    }
    Ok(outputs)
}

/// The same with every NaN as the one of IEEE 754 that Rust calls `NAN`: which of them comes out of infinity minus
/// infinity is for each machine to say.
fn canonical(mut tensor: Tensor) -> Tensor {
    match &mut tensor.values {
        Values::F32(values) => values.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = f32::NAN),
        Values::F64(values) => values.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = f64::NAN),
    }
    tensor
}

/// Device memory as a tensor: f32, which holds every narrower format exactly, or f64.
fn tensor(bytes: &[u8], shape: &[usize], element: Element) -> (Tensor, Dtype) {
    let (values, stored) = match element {
        Element::Float(Dtype::F64) => (Values::F64(decode(bytes, Dtype::F64)), Dtype::F64),
        Element::Float(dtype) => {
            (Values::F32(decode(bytes, dtype).into_iter().map(|x| x as f32).collect()), dtype)
        }
        Element::I32 => {
            let numbers = bytes.as_chunks().0.iter().map(|raw| i32::from_le_bytes(*raw) as f32);
            (Values::F32(numbers.collect()), Dtype::F32)
        }
    };
    (canonical(Tensor { shape: shape.to_vec(), values }), stored)
}
