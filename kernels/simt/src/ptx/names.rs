//! The names of a function: scopes, registers, variables, labels (PTX ISA 9.0, sections 4.4 and 5.4.6).

use std::collections::HashMap;

use super::{Register, RegisterId, Type, VariableId};

/// How deep `{ }` may stand in each other. Compilers write two levels.
const MAX_DEPTH: u32 = 16;
/// Registers of a module. The largest kernels have tens of thousands.
pub(super) const MAX_REGISTERS: usize = 1 << 19;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entity {
    /// A register.
    Register(RegisterId),
    /// A variable.
    Variable(VariableId),
}

/// The names of a function.
#[derive(Debug, Default)]
pub(super) struct Names<'t> {
    /// The scope around each scope and its depth. Scope 0 is that of the function.
    scopes: Vec<(u32, u32)>,
    current: u32,
    entities: HashMap<(u32, &'t str), Entity>,
    /// `%r<20>` by `%r`: the first register and how many.
    ranges: HashMap<(u32, &'t str), (u32, u32)>,
    labels: HashMap<(u32, &'t str), usize>,
    targets: HashMap<(u32, &'t str), Vec<&'t str>>,
    /// Registers, in the order of their declaration.
    pub(super) registers: Vec<Register>,
    /// Registers that stand for `_` and for the carry flag.
    hidden: HashMap<&'static str, RegisterId>,
}

/// `%r12` as `%r` and 12.
fn split(name: &str) -> Option<(&str, u32)> {
    let prefix = name.trim_end_matches(|character: char| character.is_ascii_digit());
    let digits = name.get(prefix.len()..)?;
    let padded = digits.len() > 1 && digits.starts_with('0');
    if padded { None } else { Some((prefix, digits.parse().ok()?)) }
}

impl<'t> Names<'t> {
    pub(super) fn new() -> Self {
        Self { scopes: vec![(0, 0)], ..Self::default() }
    }

    /// The scope that declarations go to.
    pub(super) const fn scope(&self) -> u32 {
        self.current
    }

    fn parent(&self, scope: u32) -> Option<u32> {
        if scope == 0 { None } else { self.scopes.get(scope as usize).map(|(parent, _)| *parent) }
    }

    /// `{`.
    pub(super) fn open(&mut self) -> Result<(), String> {
        let depth = self.scopes.get(self.current as usize).map_or(0, |(_, depth)| *depth) + 1;
        if depth > MAX_DEPTH {
            return Err(format!("`{{` stands {depth} deep; up to {MAX_DEPTH} levels are taken"));
        }
        self.scopes.push((self.current, depth));
        self.current = u32::try_from(self.scopes.len() - 1).map_err(|_| "too many `{`".to_owned())?;
        Ok(())
    }

    /// `}`: whether it closed a scope that is not the function's own.
    pub(super) fn close(&mut self) -> bool {
        let Some(parent) = self.parent(self.current) else { return false };
        self.current = parent;
        true
    }

    fn taken(&self, name: &str) -> bool {
        let key = (self.current, name);
        let in_range = split(name)
            .and_then(|(prefix, number)| Some(number < self.ranges.get(&(self.current, prefix))?.1))
            .unwrap_or(false);
        in_range || self.entities.contains_key(&key) || self.labels.contains_key(&key)
    }

    fn twice(name: &str) -> String {
        format!(
            "`{}` is declared twice in one scope; give one of them another name",
            super::cursor::shorten(name)
        )
    }

    /// Names something of the current scope.
    pub(super) fn declare(&mut self, name: &'t str, entity: Entity) -> Result<(), String> {
        if self.taken(name) {
            return Err(Self::twice(name));
        }
        self.entities.insert((self.current, name), entity);
        Ok(())
    }

    fn add(&mut self, name: String, ty: Type) -> Result<RegisterId, String> {
        let id = u32::try_from(self.registers.len()).map_err(|_| "too many registers".to_owned())?;
        self.registers.push(Register { name, ty });
        Ok(RegisterId(id))
    }

    /// `.reg .b32 %r`; `left` is how many registers the module may still have.
    pub(super) fn register(&mut self, name: &'t str, ty: Type, left: &mut usize) -> Result<(), String> {
        Self::spend(left, 1)?;
        let id = self.add(name.to_owned(), ty)?;
        self.declare(name, Entity::Register(id))
    }

    /// `.reg .b32 %r<20>`.
    pub(super) fn range(
        &mut self,
        prefix: &'t str,
        count: u32,
        ty: Type,
        left: &mut usize,
    ) -> Result<(), String> {
        Self::spend(left, count as usize)?;
        if self.ranges.contains_key(&(self.current, prefix)) {
            return Err(Self::twice(prefix));
        }
        let first = u32::try_from(self.registers.len()).map_err(|_| "too many registers".to_owned())?;
        for number in 0..count {
            let name = format!("{prefix}{number}");
            if self.taken(&name) {
                return Err(Self::twice(&name));
            }
            self.add(name, ty)?;
        }
        self.ranges.insert((self.current, prefix), (first, count));
        Ok(())
    }

    fn spend(left: &mut usize, count: usize) -> Result<(), String> {
        *left = left.checked_sub(count).ok_or_else(|| {
            format!("more than {MAX_REGISTERS} registers in one module, with {count} declared here")
        })?;
        Ok(())
    }

    /// What a name stands for here, in this scope or one around it.
    pub(super) fn find(&self, name: &str) -> Option<Entity> {
        let parts = split(name);
        let mut scope = self.current;
        loop {
            if let Some((prefix, number)) = parts
                && let Some((first, count)) = self.ranges.get(&(scope, prefix))
                && number < *count
            {
                return Some(Entity::Register(RegisterId(first + number)));
            }
            if let Some(entity) = self.entities.get(&(scope, name)) {
                return Some(*entity);
            }
            scope = self.parent(scope)?;
        }
    }

    /// The declared type of a register.
    pub(super) fn register_type(&self, id: RegisterId) -> Type {
        self.registers.get(id.0 as usize).map_or(Type::Pred, |register| register.ty)
    }

    /// A register that no name reaches: `_.b32` takes what is not wanted, `CC.CF` is the carry flag.
    pub(super) fn hidden(&mut self, name: &'static str, ty: Type) -> Result<RegisterId, String> {
        if let Some(id) = self.hidden.get(name) {
            return Ok(*id);
        }
        let id = self.add(name.to_owned(), ty)?;
        self.hidden.insert(name, id);
        Ok(id)
    }

    /// `label:` before the instruction of this index.
    pub(super) fn label(&mut self, name: &'t str, index: usize) -> Result<(), String> {
        if self.taken(name) || self.targets.contains_key(&(self.current, name)) {
            return Err(Self::twice(name));
        }
        self.labels.insert((self.current, name), index);
        Ok(())
    }

    /// `name: .branchtargets a, b;`.
    pub(super) fn branch_targets(&mut self, name: &'t str, labels: Vec<&'t str>) -> Result<(), String> {
        if self.taken(name) || self.targets.insert((self.current, name), labels).is_some() {
            return Err(Self::twice(name));
        }
        Ok(())
    }

    fn seek<'m, T>(
        &self,
        map: &'m HashMap<(u32, &'t str), T>,
        name: &'t str,
        mut scope: u32,
    ) -> Option<(&'m T, u32)> {
        loop {
            if let Some(found) = map.get(&(scope, name)) {
                return Some((found, scope));
            }
            scope = self.parent(scope)?;
        }
    }

    /// The instruction that a label seen from a scope stands before.
    pub(super) fn label_index(&self, name: &'t str, scope: u32) -> Result<usize, String> {
        self.seek(&self.labels, name, scope)
            .map(|(index, _)| *index)
            .ok_or_else(|| format!("the label `{}` is nowhere in reach", super::cursor::shorten(name)))
    }

    /// The instructions that a list of branch targets names.
    /// All lists together have as many as are `left`.
    pub(super) fn target_indices(
        &self,
        name: &'t str,
        scope: u32,
        left: &mut usize,
    ) -> Result<Vec<usize>, String> {
        let (labels, scope) = self.seek(&self.targets, name, scope).ok_or_else(|| {
            format!("the list of branch targets `{}` is nowhere in reach", super::cursor::shorten(name))
        })?;
        *left = left.checked_sub(labels.len()).ok_or("the lists of branch targets are too long together")?;
        labels.iter().map(|label| self.label_index(label, scope)).collect()
    }
}
