//! Calls: the function in place of the call.

use super::emit::Emitter;
use super::frame::{Frame, Home};
use super::refused;
use crate::device::Error;
use crate::exec::program::{ALWAYS, Code};
use crate::ptx;

impl Emitter<'_> {
    /// A call of a function of the module, or of one that every program has.
    pub(super) fn call(
        &mut self,
        frame: &Frame,
        name: &str,
        to: &[ptx::CallOperand],
        from: &[ptx::CallOperand],
        callers: &mut Vec<usize>,
    ) -> Result<(), Error> {
        let homes = |operands: &[ptx::CallOperand]| -> Result<Vec<Home>, Error> {
            operands
                .iter()
                .map(|operand| match operand {
                    ptx::CallOperand::Variable(id) => self.home(frame, *id),
                    ptx::CallOperand::Register(_) | ptx::CallOperand::Bits(_) => Err(refused(
                        self.line,
                        format!(
                            "call of {name} passes registers; calls of the CUDA ABI pass .param variables"
                        ),
                    )),
                })
                .collect()
        };
        let (results, arguments) = (homes(to)?, homes(from)?);
        let offset = |homes: &[Home], index: usize| match homes.get(index) {
            Some(Home::Local(offset)) => u32::try_from(*offset).ok(),
            _ => None,
        };
        let missing = || refused(self.line, format!("call of {name} has too few arguments"));
        match name {
            "vprintf" => {
                let format = offset(&arguments, 0).ok_or_else(missing)?;
                let values = offset(&arguments, 1).ok_or_else(missing)?;
                self.communicating = true;
                let code = Code::Print { format, arguments: values, result: offset(&results, 0) };
                self.push(code, ALWAYS, false, true)
            }
            "__assertfail" => {
                let message = offset(&arguments, 0).ok_or_else(missing)?;
                let line = offset(&arguments, 2).ok_or_else(missing)?;
                self.push(Code::AssertFail { message, line }, ALWAYS, false, true)
            }
            _ => {
                let module = self.environment.module;
                let index = module
                    .functions
                    .iter()
                    .position(|known| known.name == name && known.body.is_some())
                    .ok_or_else(|| refused(self.line, format!("function {name} has no body here")))?;
                let callee = module.functions.get(index);
                if callee.is_some_and(|known| {
                    known.parameters.len() != arguments.len() || known.returns.len() != results.len()
                }) {
                    return Err(refused(self.line, format!("call of {name} does not fit its parameters")));
                }
                // So that the line of the call is covered, and there is something to branch to.
                self.push(Code::Nothing, ALWAYS, false, true)?;
                let (line, source) = (self.line, self.source);
                self.function(index, arguments, &results, callers)?;
                (self.line, self.source) = (line, source);
                Ok(())
            }
        }
    }
}
