//! Where variables lie.

use crate::device::{Error, Parameter};
use crate::ptx::{Function, Module, Space, Variable, VariableId};

use super::refused;

/// A number rounded up to a multiple of a power of two.
pub(super) fn align_up(value: u64, align: u32) -> u64 {
    let align = u64::from(align.max(1));
    value.div_ceil(align) * align
}

/// A bump allocator.
#[derive(Debug, Default)]
pub(super) struct Stack {
    pub(super) bytes: u64,
}

impl Stack {
    /// Room for a variable.
    pub(super) fn push(&mut self, bytes: u64, align: u32) -> u64 {
        let at = align_up(self.bytes, align);
        self.bytes = at.saturating_add(bytes);
        at
    }
}

/// A variable by its id.
pub(super) fn variable<'m>(
    module: &'m Module,
    function: &'m Function,
    id: VariableId,
) -> Option<&'m Variable> {
    match id {
        VariableId::Local(index) => function.variables.get(index as usize),
        VariableId::Module(index) => module.variables.get(index as usize),
    }
}

/// Where the parameters of a kernel lie, one after the other, each at a multiple of its alignment (PTX ISA 9.0, section
/// 5.1.6.1).
pub(crate) fn parameters(module: &Module, function: &Function) -> Result<Vec<Parameter>, Error> {
    let mut stack = Stack::default();
    let mut parameters = Vec::with_capacity(function.parameters.len());
    for &id in &function.parameters {
        let variable = variable(module, function, id)
            .ok_or_else(|| refused(function.line, "a parameter is not declared"))?;
        let size = variable.bytes.unwrap_or(0);
        let offset = stack.push(size, variable.align);
        let (Ok(offset), Ok(bytes)) = (u32::try_from(offset), u32::try_from(size)) else {
            return Err(refused(variable.line, format!("parameter {} is too large", variable.name)));
        };
        parameters.push(Parameter { offset, bytes });
    }
    Ok(parameters)
}

/// Shared memory of a kernel: its own variables, those of functions, and those of the module.
#[derive(Debug, Default)]
pub(super) struct SharedLayout {
    stack: Stack,
    /// Name, offset, size.
    pub(super) names: Vec<(String, u32, u32)>,
    /// Function (none for the module) and index of each variable, with its offset; none for one whose size the launch
    /// says.
    offsets: Vec<(Option<usize>, u32, Option<u32>)>,
    dynamic_align: u32,
}

impl SharedLayout {
    /// Of a kernel: the function of this index.
    pub(super) fn new(module: &Module, kernel: usize) -> Result<Self, Error> {
        let mut layout = Self::default();
        layout.add(None, &module.variables)?;
        for (index, function) in module.functions.iter().enumerate() {
            if index == kernel || !function.entry {
                layout.add(Some(index), &function.variables)?;
            }
        }
        Ok(layout)
    }

    fn add(&mut self, function: Option<usize>, variables: &[Variable]) -> Result<(), Error> {
        for (index, variable) in
            variables.iter().enumerate().filter(|(_, known)| known.space == Space::Shared)
        {
            let index = u32::try_from(index).map_err(|_| refused(variable.line, "too many variables"))?;
            let Some(bytes) = variable.bytes else {
                self.offsets.push((function, index, None));
                self.dynamic_align = self.dynamic_align.max(variable.align);
                continue;
            };
            let offset = self.stack.push(bytes, variable.align);
            let (Ok(at), Ok(size)) = (u32::try_from(offset), u32::try_from(bytes)) else {
                return Err(refused(
                    variable.line,
                    format!("shared variable {} is too large", variable.name),
                ));
            };
            self.names.push((variable.name.clone(), at, size));
            self.offsets.push((function, index, Some(at)));
        }
        Ok(())
    }

    /// Bytes of everything that has a size.
    pub(super) fn bytes(&self) -> u32 {
        u32::try_from(self.stack.bytes).unwrap_or(u32::MAX)
    }

    /// Where dynamic shared memory begins.
    pub(super) fn dynamic(&self) -> u32 {
        // At least 16, so that vectors fit whatever was declared before.
        u32::try_from(align_up(self.stack.bytes, self.dynamic_align.max(16))).unwrap_or(u32::MAX)
    }

    /// Where a variable lies.
    pub(super) fn offset(&self, function: Option<usize>, index: u32) -> Option<u32> {
        let known = self.offsets.iter().find(|(of, at, _)| (*of, *at) == (function, index))?;
        Some(known.2.unwrap_or_else(|| self.dynamic()))
    }
}
