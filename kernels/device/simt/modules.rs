//! Loaded kernels, and which of their lines ran.

use std::collections::HashMap;
use std::sync::Arc;

use ::simt::device::{Coverage, Parameter};
use ::simt::{Error, Module};

use crate::device::fits::{argument_problem, launch_problem};
use crate::device::ptx::Early;
use crate::device::{Argument, DeviceError, Function, Launch, Limits};
use crate::jit::Artifact;

/// A loaded kernel. Its module lives as long.
struct Loaded {
    /// What it was compiled from.
    spec: String,
    function: ::simt::Function,
    /// What it says of the kernels around its launch.
    early: Early,
    _module: Arc<Module>,
}

/// A launch with its arguments as bytes.
pub(super) struct Bound {
    pub(super) function: ::simt::Function,
    pub(super) launch: ::simt::Launch,
    pub(super) parameters: Vec<u8>,
}

/// Everything that was loaded, by number and by key.
#[derive(Default)]
pub(super) struct Modules {
    loaded: Vec<Loaded>,
    by_key: HashMap<String, u64>,
}

impl Modules {
    /// The number of the kernel of this artifact, loading it if it is new.
    ///
    /// The outer error is of the artifact, the inner one of the device.
    pub(super) fn load(
        &mut self,
        artifact: &Artifact,
        device: &Arc<::simt::Device>,
    ) -> Result<Result<u64, Error>, DeviceError> {
        if let Some(&number) = self.by_key.get(&artifact.key) {
            return Ok(Ok(number));
        }
        let kernel = &artifact.spec.kernel;
        let module = match device.load(&artifact.ptx) {
            Ok(module) => module,
            Err(error) => return Ok(Err(error)),
        };
        let function = module.function(kernel).ok_or_else(|| DeviceError::Virtual {
            operation: format!("load of {kernel}"),
            message: format!("its PTX has no entry `{kernel}`"),
        })?;
        let number = self.loaded.len() as u64;
        let (spec, early) = (artifact.spec.to_string(), Early::of(&artifact.ptx));
        self.loaded.push(Loaded { spec, function, early, _module: module });
        self.by_key.insert(artifact.key.clone(), number);
        Ok(Ok(number))
    }

    /// What the kernel of a number says of those around its launch.
    pub(super) fn early(&self, number: u64) -> Early {
        let loaded = usize::try_from(number).ok().and_then(|number| self.loaded.get(number));
        loaded.map_or(Early::default(), |loaded| loaded.early)
    }

    /// Checks a launch, and puts its arguments where the kernel looks for them.
    pub(super) fn bind(
        &self,
        function: &Function,
        launch: Launch,
        arguments: &[Argument<'_>],
        limits: &Limits,
    ) -> Result<Bound, DeviceError> {
        let refused = |problem: String| DeviceError::Launch { kernel: function.kernel.clone(), problem };
        let loaded = usize::try_from(function.handle).ok().and_then(|number| self.loaded.get(number));
        let Some(loaded) = loaded else {
            return Err(refused("it is not loaded on this device".to_owned()));
        };
        let declared = loaded.function.shared_bytes();
        let sizes: Vec<u32> = loaded.function.parameters().iter().map(|parameter| parameter.bytes).collect();
        let problem = launch_problem(launch, declared, loaded.function.max_threads(), limits)
            .or_else(|| argument_problem(arguments, &sizes));
        if let Some(problem) = problem {
            return Err(refused(problem));
        }
        Ok(Bound {
            function: loaded.function.clone(),
            launch: ::simt::Launch {
                grid: launch.grid,
                block: launch.block,
                shared: launch.shared,
                cooperative: false,
                // As the real device does: all that a block can have was asked for at load.
                max_dynamic_shared: None,
            },
            parameters: packed(arguments, loaded.function.parameters()),
        })
    }

    /// Which lines of each kernel ran, with what it was compiled from.
    pub(super) fn coverage(&self) -> Vec<(String, Coverage)> {
        self.loaded.iter().map(|loaded| (loaded.spec.clone(), loaded.function.coverage())).collect()
    }
}

/// The bytes of all parameters, each at its offset. Sizes were checked.
fn packed(arguments: &[Argument<'_>], parameters: &[Parameter]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (argument, parameter) in arguments.iter().zip(parameters) {
        bytes.resize(parameter.offset as usize, 0);
        match argument {
            Argument::Buffer(buffer, offset) => {
                bytes.extend((buffer.address() + offset).to_le_bytes());
            }
            Argument::U32(value) => bytes.extend(value.to_le_bytes()),
            Argument::F32(value) => bytes.extend(value.to_le_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Buffer;

    #[test]
    fn arguments_lie_at_the_offsets_of_their_parameters() {
        let buffer = Buffer::new("x", 0x1000, 64, Box::new(|_| ()));
        let arguments = [Argument::U32(7), Argument::Buffer(&buffer, 16), Argument::U32(9)];
        let parameter = |offset, bytes| Parameter { offset, bytes };
        let bytes = packed(&arguments, &[parameter(0, 4), parameter(8, 8), parameter(16, 4)]);
        let mut expected = vec![7, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x10, 0, 0, 0, 0, 0, 0];
        expected.extend([9, 0, 0, 0]);
        assert_eq!(bytes, expected);
    }
}
