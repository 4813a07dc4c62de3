//! A launch of a case on the virtual device.

use std::collections::HashMap;

use simt::graph::{Dependency, Graph, Kernel, Work};
use simt::{Device, Error, Fault, Launch, Module, Options};

use crate::corpus::{Case, Parameter};

/// How a launch ended.
pub(crate) enum Outcome {
    /// Without a fault: what the buffer holds that the case looks at.
    Ended(Vec<u32>),
    /// With one.
    Fault(Box<Fault>),
}

/// Instructions of a block after which it counts as endless. The kernels here need a few thousand.
const BUDGET: u64 = 1 << 18;

/// Launches a case with all checks on.
pub(crate) fn run(case: &Case, ptx: &str) -> Result<Outcome, String> {
    let device = Device::new(Options { budget: BUDGET, ..Options::default() });
    let module = device.load(ptx).map_err(|error| format!("load: {error}"))?;
    let mut buffers = HashMap::new();
    for parameter in &case.parameters {
        let Parameter::Buffer { name, elements, fill, freed } = parameter else { continue };
        let error = |error: Error| format!("buffer {name}: {error}");
        let address = device.allocate(name, 4 * *elements as u64).map_err(error)?;
        let bytes: Vec<u8> = fill.contents(*elements).iter().flat_map(|value| value.to_le_bytes()).collect();
        if !bytes.is_empty() {
            device.write(address, &bytes).map_err(error)?;
        }
        if *freed {
            device.free(address).map_err(error)?;
        }
        buffers.insert(name.as_str(), (address, *elements));
    }
    let shape = case.shape;
    let launch = Launch {
        grid: shape.grid,
        block: shape.block,
        shared: shape.shared,
        cooperative: shape.cooperative,
        max_dynamic_shared: shape.asked,
    };
    let parameters = case.parameter_bytes(|name| Some(buffers.get(name)?.0))?;
    match launched(&device, &module, case, &launch, &parameters)? {
        Ok(()) => {}
        Err(Error::Fault(fault)) => return Ok(Outcome::Fault(fault)),
        Err(error) => return Err(format!("launch: {error}")),
    }
    let Some(&(address, elements)) = buffers.get(case.expect.0) else {
        return Ok(Outcome::Ended(Vec::new()));
    };
    let mut bytes = vec![0; 4 * elements];
    device.read(address, &mut bytes).map_err(|error| format!("read: {error}"))?;
    Ok(Outcome::Ended(bytes.as_chunks().0.iter().map(|raw| u32::from_le_bytes(*raw)).collect()))
}

/// Launches the kernel, after those that come before it. The outer error is of the case, the inner one of the device.
fn launched(
    device: &Device,
    module: &Module,
    case: &Case,
    launch: &Launch,
    parameters: &[u8],
) -> Result<Result<(), Error>, String> {
    let function = |name: &str| module.function(name).ok_or(format!("the module has no kernel {name}"));
    if case.before.is_empty() {
        return Ok(device.launch(&function(case.name)?, launch, parameters).map(|_| ()));
    }
    let mut graph = Graph::new();
    let mut last = None;
    for name in case.before.iter().chain([&case.name]) {
        let kernel = Kernel { function: function(name)?, launch: *launch, parameters: parameters.to_vec() };
        let node = graph.add(Work::Kernel(kernel), &[]).map_err(|error| error.to_string())?;
        if let Some(last) = last {
            let added = graph.depend_by(last, node, Dependency::Programmatic);
            added.map_err(|error| error.to_string())?;
        }
        last = Some(node);
    }
    let instance = graph.instantiate().map_err(|error| error.to_string())?;
    Ok(instance.launch(device).map(|_| ()).map_err(|stopped| stopped.error))
}
