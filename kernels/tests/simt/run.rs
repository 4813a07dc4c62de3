//! A launch of a case on the virtual device.

use std::collections::HashMap;

use simt::{Device, Error, Fault, Launch, Options};

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
    let function = module.function(case.name).ok_or("the module has no kernel of this name")?;
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
    match device.launch(&function, &launch, &parameters) {
        Ok(_) => {}
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
