//! Branches, calls and ends (PTX ISA 9.0, sections 9.7.12 and 9.7.19).

use super::super::cursor::shorten;
use super::super::instruction::{Checked, Inst};
use super::super::operand::{Operand, Value};
use super::super::{CallOperand, Op, Space, Type};

fn label<'t>(inst: &mut Inst<'_, 't>, what: &str) -> Checked<&'t str> {
    match inst.operand()? {
        Operand::Value(Value::Name(name)) => Ok(name),
        other => Err(format!("{what} should follow, found {}", other.describe())),
    }
}

/// `bra`; the target is filled in when all labels are known.
pub(super) fn branch(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let uniform = inst.has("uni");
    inst.jump = Some(label(inst, "a label")?);
    Ok(Op::Branch { target: usize::MAX, uniform })
}

/// `brx.idx`; likewise.
pub(super) fn indexed(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    inst.require(&[("idx", ())])?;
    inst.has("uni");
    let index = inst.from(Type::U32)?;
    inst.jump = Some(label(inst, "a list of branch targets")?);
    Ok(Op::BranchIndexed { index, targets: Vec::new() })
}

/// `call`, by name: `call.uni (r), f, (a, b);`.
pub(super) fn call(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    inst.has("uni");
    let returns: &[Value<'_>] = match inst.peek() {
        Some(Operand::List(values)) => {
            inst.operand()?;
            values
        }
        _ => &[],
    };
    let function = match inst.operand()? {
        Operand::Value(Value::Name(name)) => *name,
        Operand::Value(Value::Register(_)) => {
            return Err("calls through a register are not known; call the function by its name".to_owned());
        }
        other => return Err(format!("the name of a function should follow, found {}", other.describe())),
    };
    let Some(prototype) = inst.around.prototypes.get(function) else {
        return Err(format!("the function `{}` is not declared before this call", shorten(function)));
    };
    let arguments: &[Value<'_>] = match inst.peek() {
        Some(Operand::List(values)) => {
            inst.operand()?;
            values
        }
        _ => &[],
    };
    let to = operands(inst, returns, &prototype.returns, "results")?;
    if to.iter().any(|operand| matches!(operand, CallOperand::Bits(_))) {
        return Err("a result goes to a variable or a register".to_owned());
    }
    let from = operands(inst, arguments, &prototype.parameters, "arguments")?;
    Ok(Op::Call { function: function.to_owned(), to, from })
}

fn operands(
    inst: &Inst<'_, '_>,
    values: &[Value<'_>],
    sizes: &[Option<u64>],
    what: &str,
) -> Checked<Vec<CallOperand>> {
    if values.len() != sizes.len() {
        return Err(format!("{} {what} are passed; the function has {}", values.len(), sizes.len()));
    }
    values.iter().zip(sizes).map(|(value, size)| operand(inst, *value, *size)).collect()
}

fn operand(inst: &Inst<'_, '_>, value: Value<'_>, size: Option<u64>) -> Checked<CallOperand> {
    let (passed, bytes) = match value {
        Value::Variable(id, 0) => {
            let variable = inst.variable(id)?;
            if variable.space != Space::Param {
                return Err(format!("`{}` is no .param variable", shorten(&variable.name)));
            }
            (CallOperand::Variable(id), variable.bytes)
        }
        Value::Register(id) => {
            let bytes = inst.around.names.register_type(id).bytes();
            (CallOperand::Register(id), Some(u64::from(bytes)))
        }
        Value::Number(number) => {
            let ty = match size {
                Some(1) => Type::B8,
                Some(2) => Type::B16,
                Some(4) => Type::B32,
                Some(8) => Type::B64,
                _ => return Err("a number is passed where the function takes a structure".to_owned()),
            };
            return number.bits(ty).map(CallOperand::Bits);
        }
        _ => return Err("only variables, registers and numbers are passed".to_owned()),
    };
    if size.is_some() && size != bytes {
        return Err(format!("an operand of {bytes:?} bytes is passed where the function has {size:?}"));
    }
    Ok(passed)
}

/// `ret`, `exit`, `trap`, `brkpt`.
pub(super) fn end(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    match inst.name {
        "ret" => {
            inst.has("uni");
            Ok(Op::Return)
        }
        "exit" => Ok(Op::Exit),
        "trap" => Ok(Op::Trap),
        _ => Ok(Op::Breakpoint),
    }
}

/// `nanosleep`.
pub(super) fn sleep(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    inst.ty(&[Type::U32])?;
    inst.from(Type::U32)?;
    Ok(Op::Nanosleep)
}

/// `griddepcontrol`.
pub(super) fn dependency(inst: &mut Inst<'_, '_>) -> Checked<Op> {
    let wait = inst.require(&[("wait", true), ("launch_dependents", false)])?;
    Ok(if wait { Op::GridDependencyWait } else { Op::GridDependencyLaunch })
}
