//! Putting a case on a device: its buffers, and its launch.

use engine::plan::Element;
use kernels::device::{Argument, Buffer, Device, DeviceError, Function, Launch};
use kernels::launch::{Expr, Extent, LaunchShape, find};

use super::{Group, OpArgument, OpCase, OpRun};
use crate::stop::Stop;

/// What lies around and in the memory of a case before its launch.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Surroundings {
    /// So many bytes on either side, and this byte there and in outputs: what a kernel writes beside them shows.
    Margin(u64, u8),
    /// Nothing, and outputs that nobody has written: for a device that sees every access.
    Bare,
}

/// The memory of a case on a device.
pub(crate) struct Placed {
    /// One a pointer, and nothing for a number.
    pub(crate) buffers: Vec<Option<Buffer>>,
    margin: u64,
}

impl Placed {
    /// Allocates and fills everything that a case points to. Buffers are called as the parameters of the kernel.
    pub(crate) fn new(device: &dyn Device, run: &OpRun, around: Surroundings) -> Result<Self, DeviceError> {
        let parameters = find(&run.spec.kernel).map_or(&[][..], |kernel| kernel.parameters);
        let margin = match around {
            Surroundings::Margin(bytes, _) => bytes,
            Surroundings::Bare => 0,
        };
        let mut buffers = Vec::new();
        for (at, argument) in run.arguments.iter().enumerate() {
            let (bytes, content): (u64, Option<&[u8]>) = match argument {
                OpArgument::Number(_) | OpArgument::Scale(_) => {
                    buffers.push(None);
                    continue;
                }
                OpArgument::Input(bytes) | OpArgument::Update { bytes, .. } => {
                    (bytes.len() as u64, Some(bytes))
                }
                OpArgument::Output { shape, element } => (size(shape, *element), None),
            };
            let name = parameters.get(at).map_or("argument", |parameter| parameter.name);
            let buffer = device.allocate(name, bytes + 2 * margin)?;
            if let Surroundings::Margin(_, byte) = around {
                device.fill(&buffer, byte)?;
            }
            if let Some(content) = content {
                device.write(&buffer, margin, content)?;
            }
            buffers.push(Some(buffer));
        }
        Ok(Self { buffers, margin })
    }

    /// What is passed, in the order of the kernel's parameters.
    pub(crate) fn arguments(&self, run: &OpRun) -> Vec<Argument<'_>> {
        let each = run.arguments.iter().zip(&self.buffers);
        each.map(|(argument, buffer)| match (argument, buffer) {
            (OpArgument::Number(number), _) => Argument::U32(*number),
            (OpArgument::Scale(scale), _) => Argument::F32(*scale),
            (_, Some(buffer)) => Argument::Buffer(buffer, self.margin),
            (_, None) => Argument::U32(0),
        })
        .collect()
    }

    /// Launches, and waits.
    pub(crate) fn launch(
        &self,
        device: &dyn Device,
        function: &Function,
        launch: Launch,
        run: &OpRun,
    ) -> Result<(), DeviceError> {
        device.launch(function, launch, &self.arguments(run))?;
        device.synchronize()
    }
}

/// A launch with every number in place.
pub(crate) fn bound(shape: &LaunchShape, extent: Extent, name: &str) -> Result<Launch, Stop> {
    let blocks = |expr: &Expr| expr.at(extent).and_then(|blocks| u32::try_from(blocks).ok());
    let [Some(x), Some(y), Some(z)] = shape.grid.each_ref().map(blocks) else {
        return Err(Stop::Errored(format!("{name}: the grid does not fit 32 bits")));
    };
    Ok(Launch { grid: [x, y, z], block: shape.block, shared: shape.shared })
}

/// Bytes of a tensor.
fn size(shape: &[usize], element: Element) -> u64 {
    (shape.iter().product::<usize>() * element.size()) as u64
}

/// At most `most` cases of a group, spread evenly over all of them, the first and the last included.
pub(crate) fn chosen(group: &Group, most: Option<u32>) -> Vec<&OpCase> {
    let (all, most) = (group.cases.len(), most.map_or(usize::MAX, |most| most as usize));
    if most >= all {
        return group.cases.iter().collect();
    }
    let places = (0..most).map(|at| if most == 1 { 0 } else { at * (all - 1) / (most - 1) });
    places.filter_map(|at| group.cases.get(at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::groups;

    #[test]
    fn chosen_cases_are_spread_over_all_of_them() {
        let groups = groups("linear").unwrap();
        let group = &groups[0];
        let all = group.cases.len();
        assert!(all > 40, "{all}");
        for most in [1, 2, 7, all as u32 - 1, all as u32, all as u32 + 5] {
            let names: Vec<&str> = chosen(group, Some(most)).iter().map(|case| case.name.as_str()).collect();
            assert_eq!(names.len(), all.min(most as usize), "{most}");
            assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
            assert_eq!(names[0], group.cases[0].name);
            if most > 1 {
                assert_eq!(names.last(), group.cases.last().map(|case| case.name.as_str()).as_ref());
            }
        }
        assert_eq!(chosen(group, None).len(), all);
    }
}
