//! What the decoder of an instruction asks of its operands: registers of the right type, vectors, addresses.

use super::cursor::shorten;
use super::instruction::{Checked, Inst};
use super::operand::{Operand, Value};
use super::types_text::{agrees, agrees_wider};
use super::{Address, Alu, Op, RegisterId, Source, Space, Special, Type, Variable, VariableId};

impl<'i, 't> Inst<'i, 't> {
    /// How many operands nobody asked for yet.
    pub(super) const fn left(&self) -> usize {
        self.operands.len().saturating_sub(self.next)
    }

    /// The next operand, to look at.
    pub(super) fn peek(&self) -> Option<&'i Operand<'t>> {
        self.operands.get(self.next)
    }

    /// The next operand.
    pub(super) fn operand(&mut self) -> Checked<&'i Operand<'t>> {
        let operand = self.operands.get(self.next).ok_or_else(|| {
            format!("an operand is missing after the {} that are there", self.operands.len())
        })?;
        self.next += 1;
        Ok(operand)
    }

    fn single(&mut self, wanted: &str) -> Checked<Value<'t>> {
        match self.operand()? {
            Operand::Value(value) => Ok(*value),
            other => Err(self.wrong(wanted, other)),
        }
    }

    fn wrong(&self, wanted: &str, found: &Operand<'t>) -> String {
        let name = match found {
            Operand::Value(Value::Name(name)) => format!(" (`{}`)", shorten(name)),
            _ => String::new(),
        };
        format!("operand {} should be {wanted}, but is {}{name}", self.next, found.describe())
    }

    fn mismatch(&self, ty: Type, register: RegisterId) -> String {
        let found = self.around.names.registers.get(register.0 as usize);
        let (name, declared) = found.map_or(("?", Type::Pred), |found| (found.name.as_str(), found.ty));
        let name = shorten(name);
        format!("the register {name} is declared {declared:?}, which does not go with {ty:?}")
    }

    /// Whether the declared type of a register goes with a type.
    fn check(&self, ty: Type, wider: bool, register: RegisterId) -> Checked<()> {
        let declared = self.around.names.register_type(register);
        let fits = if wider { agrees_wider(ty, declared) } else { agrees(ty, declared) };
        if fits { Ok(()) } else { Err(self.mismatch(ty, register)) }
    }

    /// A register that takes what is not wanted.
    pub(super) fn sink(&mut self, ty: Type) -> Checked<RegisterId> {
        match (ty, ty.bytes()) {
            (Type::Pred, _) => self.around.names.hidden("_.pred", Type::Pred),
            (_, 8) => self.around.names.hidden("_.b64", Type::B64),
            (_, 4) => self.around.names.hidden("_.b32", Type::B32),
            _ => self.around.names.hidden("_.b16", Type::B16),
        }
    }

    /// A value that is written; `_` where `sink` allows it.
    pub(super) fn written(
        &mut self,
        value: Value<'t>,
        ty: Type,
        wider: bool,
        sink: bool,
    ) -> Checked<RegisterId> {
        match value {
            Value::Register(register) => self.check(ty, wider, register).map(|()| register),
            Value::Sink if sink => self.sink(ty),
            other => Err(self.wrong("a register", &Operand::Value(other))),
        }
    }

    /// A value that is read.
    pub(super) fn read(&self, value: Value<'t>, ty: Type, wider: bool) -> Checked<Source> {
        match value {
            Value::Register(register) => self.check(ty, wider, register).map(|()| Source::Register(register)),
            Value::Number(number) => number.bits(ty).map(Source::Bits),
            Value::Special(_) if !matches!(self.name, "mov" | "cvt") => {
                Err(format!("operand {} is a special register; only mov and cvt read those", self.next))
            }
            Value::Special(special) => {
                let declared = special_type(special);
                let fits = if wider { agrees_wider(ty, declared) } else { agrees(ty, declared) };
                if fits {
                    Ok(Source::Special(special))
                } else {
                    Err(format!("{special:?} has the type {declared:?}, which does not go with {ty:?}"))
                }
            }
            other => Err(self.wrong("a register or a number", &Operand::Value(other))),
        }
    }

    /// The next operand: a register that is written.
    pub(super) fn to(&mut self, ty: Type) -> Checked<RegisterId> {
        let value = self.single("a register")?;
        self.written(value, ty, false, false)
    }

    /// The next operand: a register that is written and may be wider.
    pub(super) fn to_wider(&mut self, ty: Type) -> Checked<RegisterId> {
        let value = self.single("a register")?;
        self.written(value, ty, true, false)
    }

    /// The next operand: a value that is read.
    pub(super) fn from(&mut self, ty: Type) -> Checked<Source> {
        let value = self.single("a register or a number")?;
        self.read(value, ty, false)
    }

    /// The next operand: a value that is read from what may be wider.
    pub(super) fn from_wider(&mut self, ty: Type) -> Checked<Source> {
        let value = self.single("a register or a number")?;
        self.read(value, ty, true)
    }

    /// The next operand: a predicate and whether it is negated.
    pub(super) fn predicate(&mut self) -> Checked<(Source, bool)> {
        match self.operand()? {
            Operand::Value(value) => Ok((self.read(*value, Type::Pred, false)?, false)),
            Operand::Not(value) => Ok((self.read(*value, Type::Pred, false)?, true)),
            other => Err(self.wrong("a predicate", other)),
        }
    }

    /// The next operand: `{a, b}` of so many registers that are written; one may stand without braces.
    pub(super) fn to_vector(&mut self, ty: Type, count: usize, wider: bool) -> Checked<Vec<RegisterId>> {
        let operand = self.operand()?;
        let values = self.elements(operand, count)?;
        values.iter().map(|value| self.written(*value, ty, wider, count > 1)).collect()
    }

    /// The next operand: `{a, b}` of so many values that are read; one may stand without braces.
    pub(super) fn from_vector(&mut self, ty: Type, count: usize, wider: bool) -> Checked<Vec<Source>> {
        let operand = self.operand()?;
        let values = self.elements(operand, count)?;
        values.iter().map(|value| self.read(*value, ty, wider)).collect()
    }

    /// Refuses a vector of one that has no braces.
    pub(super) fn braces(&self) -> Checked<()> {
        match self.peek() {
            Some(Operand::Value(_)) => Err(format!("operand {} needs braces", self.next + 1)),
            _ => Ok(()),
        }
    }

    fn elements(&self, operand: &'i Operand<'t>, count: usize) -> Checked<&'i [Value<'t>]> {
        let values = match operand {
            Operand::Vector(values) => values.as_slice(),
            Operand::Value(value) if count == 1 => std::slice::from_ref(value),
            other => return Err(self.wrong(&format!("a vector of {count}"), other)),
        };
        if values.len() == count {
            Ok(values)
        } else {
            Err(format!("operand {} has {} elements instead of {count}", self.next, values.len()))
        }
    }

    /// A variable.
    pub(super) fn variable(&self, id: VariableId) -> Checked<&'i Variable> {
        let found = match id {
            VariableId::Local(index) => self.around.variables.get(index as usize),
            VariableId::Module(index) => self.around.module.get(index as usize),
        };
        found.ok_or_else(|| "a variable is not known".to_owned())
    }

    /// The next operand: an address in a space.
    pub(super) fn address(&mut self, space: Space) -> Checked<Address> {
        let (value, offset) = match self.operand()? {
            Operand::Address(value, offset) => (*value, *offset),
            other => return Err(self.wrong("an address", other)),
        };
        let base = match value {
            Value::Register(register) => {
                let declared = self.around.names.register_type(register);
                let narrow = agrees(Type::U32, declared) && !matches!(space, Space::Generic | Space::Global);
                if !narrow && !agrees(Type::U64, declared) {
                    return Err(self.mismatch(Type::U64, register));
                }
                Source::Register(register)
            }
            Value::Number(number) if space == Space::Local => Source::Bits(number.bits(Type::U64)?),
            Value::Number(_) => {
                return Err("an address is no number, but for .local; move it into a register".to_owned());
            }
            Value::Variable(variable, added) => {
                let found = self.variable(variable)?;
                let same = found.space == space || (space == Space::Generic && found.space == Space::Global);
                if !same {
                    let (name, place) = (shorten(&found.name), found.space);
                    return Err(format!("`{name}` lies in {place:?} memory, the access is to {space:?}"));
                }
                Source::Address { variable, offset: added, generic: false }
            }
            other => return Err(self.wrong("an address", &Operand::Value(other))),
        };
        Ok(Address { base, offset })
    }

    /// An instruction with one destination and sources of the same type.
    pub(super) fn uniform(&mut self, alu: Alu, ty: Type, sources: usize) -> Checked<Op> {
        let to = vec![self.to(ty)?];
        let from = (0..sources).map(|_| self.from(ty)).collect::<Checked<_>>()?;
        Ok(Op::Alu { alu, to, from })
    }
}

/// The type of a special register.
const fn special_type(special: Special) -> Type {
    match special {
        Special::GridId | Special::Clock64 | Special::GlobalTimer => Type::U64,
        _ => Type::U32,
    }
}
