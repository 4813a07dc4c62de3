//! The body of a function: declarations, labels, instructions (PTX ISA 9.0, sections 4.3, 5.4 and 9.1).

use std::collections::HashMap;

use super::cursor::{Cursor, shorten};
use super::instruction::{Around, Inst, Prototype};
use super::lexer::Kind;
use super::names::{Entity, Names};
use super::operand::{Lookup, Operand};
use super::types_text::type_of;
use super::variable::variables;
use super::{
    DecodeError, Guard, Instruction, Location, Op, Space, Type, Variable, VariableId, debug,
    family,
};

/// Entries of all lists of branch targets of a function together.
const MAX_TARGETS: usize = 1 << 16;

/// What a module has declared so far.
pub(super) struct Outside<'o, 't> {
    pub(super) names: &'o HashMap<&'t str, VariableId>,
    pub(super) variables: &'o [Variable],
    pub(super) prototypes: &'o HashMap<&'t str, Prototype>,
    pub(super) registers_left: &'o mut usize,
}

/// A function while it is read.
pub(super) struct Body<'o, 't> {
    pub(super) names: Names<'t>,
    pub(super) variables: Vec<Variable>,
    pub(super) instructions: Vec<Instruction>,
    /// How many variables are parameters.
    parameters: usize,
    outside: Outside<'o, 't>,
    /// Index, scope and label of what jumps.
    jumps: Vec<(usize, u32, &'t str)>,
    source: Option<Location>,
    /// Used again for each instruction.
    modifiers: Vec<&'t str>,
    operands: Vec<Operand<'t>>,
}

fn at<T>(line: u32, result: Result<T, String>) -> Result<T, DecodeError> {
    result.map_err(|problem| DecodeError { line, problem })
}

impl<'o, 't> Body<'o, 't> {
    /// A function with its parameters and results, and their lines.
    ///
    /// # Errors
    /// Two of them have one name.
    pub(super) fn new(
        parameters: Vec<(&'t str, Variable)>,
        returns: Vec<(&'t str, Variable)>,
        outside: Outside<'o, 't>,
    ) -> Result<Self, DecodeError> {
        let mut body = Self {
            names: Names::new(),
            variables: Vec::new(),
            instructions: Vec::new(),
            parameters: parameters.len(),
            outside,
            jumps: Vec::new(),
            source: None,
            modifiers: Vec::new(),
            operands: Vec::new(),
        };
        for (name, variable) in parameters.into_iter().chain(returns) {
            body.declare(name, variable)?;
        }
        Ok(body)
    }

    fn declare(&mut self, name: &'t str, variable: Variable) -> Result<(), DecodeError> {
        let line = variable.line;
        let id = at(line, u32::try_from(self.variables.len()).map_err(|_| "too many variables".to_owned()))?;
        at(line, self.names.declare(name, Entity::Variable(VariableId::Local(id))))?;
        self.variables.push(variable);
        Ok(())
    }

    /// Reads what stands between `{`, which is taken, and its `}`.
    ///
    /// # Errors
    /// Whatever is not known.
    pub(super) fn read(&mut self, cursor: &mut Cursor<'t>) -> Result<(), DecodeError> {
        loop {
            let token = cursor.peek();
            match token.kind {
                Kind::Mark(b'{') => {
                    cursor.next();
                    at(token.line, self.names.open())?;
                }
                Kind::Mark(b'}') => {
                    cursor.next();
                    if !self.names.close() {
                        return self.land();
                    }
                }
                Kind::Mark(b';') => {
                    cursor.next();
                }
                Kind::Dotted => self.directive(cursor)?,
                Kind::Word if cursor.peek_second().kind == Kind::Mark(b':') => self.label(cursor)?,
                Kind::Word | Kind::Mark(b'@') => self.instruction(cursor)?,
                _ => return Err(cursor.unexpected("an instruction, a directive, a label or `}`")),
            }
        }
    }

    fn directive(&mut self, cursor: &mut Cursor<'t>) -> Result<(), DecodeError> {
        let token = cursor.next();
        let space = match token.text {
            "loc" => {
                self.source = Some(debug::location(cursor)?);
                return Ok(());
            }
            "reg" => return self.registers(cursor),
            "pragma" => return pragma(cursor),
            "shared" => Space::Shared,
            "local" => Space::Local,
            "param" => Space::Param,
            other => {
                let problem = format!(
                    "the directive `.{}` is not known in a function; .reg .shared .local .param .loc .pragma are",
                    shorten(other)
                );
                return Err(DecodeError { line: token.line, problem });
            }
        };
        for (name, variable) in variables(cursor, space, false, &mut 0)? {
            self.declare(name, variable)?;
        }
        cursor.expect(b';')
    }

    /// `.b32 %r<20>, %x;` after `.reg`.
    fn registers(&mut self, cursor: &mut Cursor<'t>) -> Result<(), DecodeError> {
        let token = cursor.dotted("the type of registers")?;
        let known = type_of(token.text).filter(|ty| {
            use Type::{BF16, BF16x2, E4M3, E4M3x2, E5M2, E5M2x2, TF32};
            !matches!(ty, BF16 | BF16x2 | TF32 | E4M3 | E5M2 | E4M3x2 | E5M2x2)
        });
        let ty = at(token.line, known.ok_or_else(|| {
            format!("there are no registers `.{}`; known are .pred .b8..b64 .u8..u64 .s8..s64 .f16 .f16x2 .f32 .f64", shorten(token.text))
        }))?;
        loop {
            let name = cursor.word("the name of a register")?;
            let left = &mut *self.outside.registers_left;
            if cursor.accept(b'<') {
                let count = cursor.count("a number of registers")?;
                cursor.expect(b'>')?;
                at(name.line, self.names.range(name.text, count, ty, left))?;
            } else {
                at(name.line, self.names.register(name.text, ty, left))?;
            }
            if !cursor.accept(b',') {
                return cursor.expect(b';');
            }
        }
    }

    /// `name:`, and perhaps `.branchtargets` after it.
    fn label(&mut self, cursor: &mut Cursor<'t>) -> Result<(), DecodeError> {
        let name = cursor.next();
        cursor.expect(b':')?;
        if !cursor.accept_dotted("branchtargets") {
            return at(name.line, self.names.label(name.text, self.instructions.len()));
        }
        let mut labels = Vec::new();
        loop {
            labels.push(cursor.word("a label")?.text);
            if !cursor.accept(b',') {
                break;
            }
        }
        at(name.line, self.names.branch_targets(name.text, labels))?;
        cursor.expect(b';')
    }

    fn guard(&self, cursor: &mut Cursor<'t>) -> Result<Option<Guard>, DecodeError> {
        if !cursor.accept(b'@') {
            return Ok(None);
        }
        let negated = cursor.accept(b'!');
        let name = cursor.word("a predicate")?;
        match self.names.find(name.text) {
            Some(Entity::Register(register)) if self.names.register_type(register) == Type::Pred => {
                Ok(Some(Guard { register, negated }))
            }
            _ => {
                let problem = format!("`{}` after `@` is no predicate", shorten(name.text));
                Err(DecodeError { line: name.line, problem })
            }
        }
    }

    fn instruction(&mut self, cursor: &mut Cursor<'t>) -> Result<(), DecodeError> {
        let guard = self.guard(cursor)?;
        let name = cursor.word("an instruction")?;
        self.modifiers.clear();
        while cursor.peek().kind == Kind::Dotted {
            if self.modifiers.len() == Inst::MAX_MODIFIERS {
                return Err(cursor.unexpected("fewer modifiers"));
            }
            self.modifiers.push(cursor.next().text);
        }
        self.operands.clear();
        let lookup = Lookup { names: &self.names, module: self.outside.names };
        if cursor.peek().kind != Kind::Mark(b';') {
            loop {
                self.operands.push(lookup.operand(cursor)?);
                if !cursor.accept(b',') {
                    break;
                }
            }
        }
        cursor.expect(b';')?;
        let around = Around {
            names: &mut self.names,
            variables: &self.variables,
            module: self.outside.variables,
            prototypes: self.outside.prototypes,
            parameters: self.parameters,
        };
        let mut inst = Inst::new(name.text, &self.modifiers, &self.operands, around);
        let op = family::decode(&mut inst).map_err(|problem| {
            let written: String = self.modifiers.iter().map(|modifier| format!(".{modifier}")).collect();
            let problem = format!("`{}{}`: {problem}", shorten(name.text), shorten(&written));
            DecodeError { line: name.line, problem }
        })?;
        let (jump, before, after) = (inst.jump, inst.before.take(), inst.after.take());
        let (line, source) = (name.line, self.source);
        if let Some(op) = before {
            self.instructions.push(Instruction { guard, op, line, source });
        }
        if let Some(label) = jump {
            self.jumps.push((self.instructions.len(), self.names.scope(), label));
        }
        self.instructions.push(Instruction { guard, op, line, source });
        if let Some(op) = after {
            self.instructions.push(Instruction { guard, op, line, source });
        }
        Ok(())
    }

    /// Fills in where jumps go, when all labels are known.
    fn land(&mut self) -> Result<(), DecodeError> {
        let mut targets_left = MAX_TARGETS;
        let count = self.instructions.len();
        for (index, scope, label) in std::mem::take(&mut self.jumps) {
            let Some(instruction) = self.instructions.get_mut(index) else { continue };
            let line = instruction.line;
            let inside = |index: usize| {
                let problem =
                    || format!("no instruction follows the label `{}`; end with `ret`", shorten(label));
                if index < count { Ok(index) } else { Err(problem()) }
            };
            match &mut instruction.op {
                Op::Branch { target, .. } => {
                    *target = at(line, self.names.label_index(label, scope).and_then(inside))?;
                }
                Op::BranchIndexed { targets, .. } => {
                    *targets = at(line, self.names.target_indices(label, scope, &mut targets_left))?;
                    for target in targets {
                        at(line, inside(*target))?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The variables that are parameters, and those that are results.
    pub(super) fn signature(&self, returns: usize) -> (Vec<VariableId>, Vec<VariableId>) {
        let ids = |from: usize, to: usize| {
            (from..to).filter_map(|index| u32::try_from(index).ok().map(VariableId::Local)).collect()
        };
        (ids(0, self.parameters), ids(self.parameters, self.parameters + returns))
    }
}

/// `"nounroll";`: advice to the assembler.
pub(super) fn pragma(cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
    loop {
        if cursor.peek().kind != Kind::Text {
            return Err(cursor.unexpected("a string"));
        }
        cursor.next();
        if !cursor.accept(b',') {
            return cursor.expect(b';');
        }
    }
}
