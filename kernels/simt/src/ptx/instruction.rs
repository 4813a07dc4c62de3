//! An instruction as written, and what its decoder asks of it: modifiers, types, operands. Whatever nobody asked for
//! is refused at the end.

use super::cursor::shorten;
use super::names::Names;
use super::operand::{Operand, Value};
use super::types_text::{agrees, agrees_wider, type_of};
use super::{Address, Alu, Op, RegisterId, Source, Space, Special, Type, Variable, VariableId};

/// What is wrong with an instruction; its line is added later.
pub(super) type Checked<T> = Result<T, String>;

/// Bytes of what a function returns and takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Prototype {
    pub(super) returns: Vec<Option<u64>>,
    pub(super) parameters: Vec<Option<u64>>,
}

/// What is declared around an instruction.
pub(super) struct Around<'i, 't> {
    pub(super) names: &'i mut Names<'t>,
    pub(super) variables: &'i [Variable],
    pub(super) module: &'i [Variable],
    pub(super) prototypes: &'i std::collections::HashMap<&'t str, Prototype>,
    /// How many variables, from the first on, are parameters of the function.
    pub(super) parameters: usize,
}

/// An instruction as written.
pub(super) struct Inst<'i, 't> {
    pub(super) name: &'t str,
    modifiers: &'i [&'t str],
    /// Bit for bit the modifiers that were asked for.
    taken: u32,
    operands: &'i [Operand<'t>],
    next: usize,
    pub(super) around: Around<'i, 't>,
    /// The label, or the list of them, that it jumps to.
    pub(super) jump: Option<&'t str>,
    /// What runs right before it, as a part of it.
    pub(super) before: Option<Op>,
    /// What runs right after it, as a part of it.
    pub(super) after: Option<Op>,
}

impl<'i, 't> Inst<'i, 't> {
    /// Modifiers that an instruction may have.
    pub(super) const MAX_MODIFIERS: usize = 32;

    pub(super) fn new(
        name: &'t str,
        modifiers: &'i [&'t str],
        operands: &'i [Operand<'t>],
        around: Around<'i, 't>,
    ) -> Self {
        Self { name, modifiers, taken: 0, operands, next: 0, around, jump: None, before: None, after: None }
    }

    // Modifiers.

    fn free(&self) -> impl DoubleEndedIterator<Item = (usize, &'t str)> + use<'i, 't> {
        let taken = self.taken;
        self.modifiers.iter().copied().enumerate().filter(move |(index, _)| taken & (1 << index) == 0)
    }

    /// Takes a modifier if it is there.
    pub(super) fn has(&mut self, modifier: &str) -> bool {
        self.choose(&[(modifier, ())]).is_some()
    }

    /// Takes the first modifier that is one of these.
    pub(super) fn choose<T: Copy>(&mut self, known: &[(&str, T)]) -> Option<T> {
        let (index, value) = self.free().find_map(|(index, modifier)| {
            known.iter().find(|(name, _)| *name == modifier).map(|(_, value)| (index, *value))
        })?;
        self.taken |= 1 << index;
        Some(value)
    }

    /// Takes the first modifier that is one of these.
    ///
    /// # Errors
    /// None of them is there.
    pub(super) fn require<T: Copy>(&mut self, known: &[(&str, T)]) -> Checked<T> {
        self.choose(known).ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|(name, _)| format!(".{name}")).collect();
            format!("one of {} is missing", names.join(" "))
        })
    }

    /// Takes the next modifier in order, whatever it is.
    pub(super) fn in_order(&mut self) -> Option<&'t str> {
        let (index, modifier) = self.free().next()?;
        self.taken |= 1 << index;
        Some(modifier)
    }

    /// Takes the last modifier that is a type.
    pub(super) fn maybe_type(&mut self) -> Option<Type> {
        let (index, ty) =
            self.free().rev().find_map(|(index, modifier)| type_of(modifier).map(|ty| (index, ty)))?;
        self.taken |= 1 << index;
        Some(ty)
    }

    /// Takes the last modifier that is a type.
    ///
    /// # Errors
    /// There is none, or it is none of these.
    pub(super) fn ty(&mut self, known: &[Type]) -> Checked<Type> {
        let ty = self.maybe_type().ok_or("a type is missing")?;
        if known.contains(&ty) {
            Ok(ty)
        } else {
            Err(format!("the type {ty:?} is not taken here; {known:?} are"))
        }
    }

    // Operands.

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
            Value::Number(number) => Source::Bits(number.bits(Type::U64)?),
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

    /// Refuses modifiers and operands that nobody asked for.
    pub(super) fn finish(&self) -> Checked<()> {
        if let Some((_, modifier)) = self.free().next() {
            return Err(format!("`.{}` is not known here, or not with the rest", shorten(modifier)));
        }
        match self.peek() {
            None => Ok(()),
            Some(extra) => Err(format!("operand {} is too many: {}", self.next + 1, extra.describe())),
        }
    }
}

/// The type of a special register.
const fn special_type(special: Special) -> Type {
    match special {
        Special::GridId | Special::Clock64 | Special::GlobalTimer => Type::U64,
        _ => Type::U32,
    }
}
