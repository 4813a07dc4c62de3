//! An instruction as written, and what its decoder asks of it: modifiers, types, operands. Whatever nobody asked for
//! is refused at the end.

use super::cursor::shorten;
use super::names::Names;
use super::operand::Operand;
use super::types_text::type_of;
use super::{Op, Type, Variable};

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
    pub(super) operands: &'i [Operand<'t>],
    /// How many of them were asked for.
    pub(super) next: usize,
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
