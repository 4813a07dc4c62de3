//! Operands, as written (PTX ISA 9.0, section 6.4).

use super::cursor::{Cursor, shorten};
use super::lexer::Kind;
use super::names::{Entity, Names};
use super::number::Number;
use super::{DecodeError, RegisterId, Special, VariableId};

/// Elements of a vector, and members of a list.
const MAX_ELEMENTS: usize = 64;

/// A single value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'t> {
    Register(RegisterId),
    Special(Special),
    Number(Number),
    /// A variable and bytes added to its address.
    Variable(VariableId, i64),
    /// `_`.
    Sink,
    /// A name that is neither register nor variable: a label or a function.
    Name(&'t str),
}

/// An operand.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand<'t> {
    Value(Value<'t>),
    /// `!%p1`.
    Not(Value<'t>),
    /// `{a, b}`.
    Vector(Vec<Value<'t>>),
    /// `[a+4]`.
    Address(Value<'t>, i64),
    /// `a|b`.
    Pair(Value<'t>, Value<'t>),
    /// `(a, b)`.
    List(Vec<Value<'t>>),
}

impl Operand<'_> {
    /// What it is, for messages.
    pub(super) const fn describe(&self) -> &'static str {
        match self {
            Self::Value(Value::Register(_)) => "a register",
            Self::Value(Value::Special(_)) => "a special register",
            Self::Value(Value::Number(_)) => "a number",
            Self::Value(Value::Variable(..)) => "a variable",
            Self::Value(Value::Sink) => "`_`",
            Self::Value(Value::Name(_)) => "a name that is not declared",
            Self::Not(_) => "a negated predicate",
            Self::Vector(_) => "a vector",
            Self::Address(..) => "an address",
            Self::Pair(..) => "a pair",
            Self::List(_) => "a list",
        }
    }
}

/// Where the names of operands are looked up.
pub(super) struct Lookup<'n, 't> {
    pub(super) names: &'n Names<'t>,
    pub(super) module: &'n std::collections::HashMap<&'t str, VariableId>,
}

impl<'t> Lookup<'_, 't> {
    /// Reads an operand.
    ///
    /// # Errors
    /// What PTX does not write so.
    pub(super) fn operand(&self, cursor: &mut Cursor<'t>) -> Result<Operand<'t>, DecodeError> {
        if cursor.accept(b'!') {
            return Ok(Operand::Not(self.value(cursor)?));
        }
        if cursor.accept(b'{') {
            return Ok(Operand::Vector(self.list(cursor, b'}')?));
        }
        if cursor.accept(b'(') {
            return Ok(Operand::List(self.list(cursor, b')')?));
        }
        if cursor.accept(b'[') {
            return self.address(cursor);
        }
        let first = self.value(cursor)?;
        if cursor.accept(b'|') {
            return Ok(Operand::Pair(first, self.value(cursor)?));
        }
        Ok(Operand::Value(first))
    }

    fn list(&self, cursor: &mut Cursor<'t>, end: u8) -> Result<Vec<Value<'t>>, DecodeError> {
        let mut values = Vec::new();
        if cursor.accept(end) {
            return Ok(values);
        }
        loop {
            if values.len() == MAX_ELEMENTS {
                return Err(cursor.unexpected(&format!("up to {MAX_ELEMENTS} elements")));
            }
            values.push(self.value(cursor)?);
            if cursor.accept(end) {
                return Ok(values);
            }
            cursor.expect(b',')?;
        }
    }

    fn address(&self, cursor: &mut Cursor<'t>) -> Result<Operand<'t>, DecodeError> {
        let value = self.value(cursor)?;
        let (base, mut offset) = match value {
            Value::Variable(variable, offset) => (Value::Variable(variable, 0), offset),
            _ => (value, 0),
        };
        if matches!(base, Value::Register(_)) {
            offset = Self::addend(cursor)?;
        }
        cursor.expect(b']')?;
        Ok(Operand::Address(base, offset))
    }

    /// `+4`, `+-4`, `-4` after a name.
    fn addend(cursor: &mut Cursor<'t>) -> Result<i64, DecodeError> {
        if !cursor.accept(b'+') && cursor.peek().kind != Kind::Mark(b'-') {
            return Ok(0);
        }
        let line = cursor.peek().line;
        let number = cursor.number("a number of bytes")?;
        number.offset().ok_or_else(|| DecodeError {
            line,
            problem: format!("the offset {number:?} is no whole number of 64 bits"),
        })
    }

    fn value(&self, cursor: &mut Cursor<'t>) -> Result<Value<'t>, DecodeError> {
        let token = cursor.peek();
        match token.kind {
            Kind::Number | Kind::Mark(b'-') => Ok(Value::Number(cursor.number("a number")?)),
            Kind::Word => {
                cursor.next();
                if let Some(special) = self.special(cursor, token.text)? {
                    return Ok(special);
                }
                match self.names.find(token.text) {
                    Some(Entity::Register(id)) => Ok(Value::Register(id)),
                    Some(Entity::Variable(id)) => Ok(Value::Variable(id, Self::addend(cursor)?)),
                    None => match self.module.get(token.text) {
                        Some(id) => Ok(Value::Variable(*id, Self::addend(cursor)?)),
                        None => Ok(Value::Name(token.text)),
                    },
                }
            }
            _ => Err(cursor.unexpected("an operand")),
        }
    }

    /// `%tid.x`, `%laneid`, `WARP_SZ`, `_`; a declared register of such a name goes first.
    fn special(&self, cursor: &mut Cursor<'t>, name: &str) -> Result<Option<Value<'t>>, DecodeError> {
        if name == "_" {
            return Ok(Some(Value::Sink));
        }
        if name == "WARP_SZ" {
            return Ok(Some(Value::Number(Number::Integer { magnitude: 32, negative: false })));
        }
        let axis = cursor.peek();
        if axis.kind == Kind::Dotted {
            cursor.next();
            return match special_register(name, Some(axis.text)) {
                Some(special) => Ok(Some(Value::Special(special))),
                None => {
                    let (name, axis) = (shorten(name), shorten(axis.text));
                    let problem = format!(
                        "`{name}.{axis}` is not known; with an axis there are %tid, %ntid, %ctaid, %nctaid and .x .y .z"
                    );
                    Err(DecodeError { line: cursor.peek().line, problem })
                }
            };
        }
        if !name.starts_with('%') || self.names.find(name).is_some() {
            return Ok(None);
        }
        Ok(special_register(name, None).map(Value::Special))
    }
}

/// The special register of a name (PTX ISA 9.0, section 10).
fn special_register(name: &str, axis: Option<&str>) -> Option<Special> {
    if let Some(axis) = axis {
        let axis = match axis {
            "x" => 0,
            "y" => 1,
            "z" => 2,
            _ => return None,
        };
        return match name {
            "%tid" => Some(Special::Tid(axis)),
            "%ntid" => Some(Special::Ntid(axis)),
            "%ctaid" => Some(Special::Ctaid(axis)),
            "%nctaid" => Some(Special::Nctaid(axis)),
            _ => None,
        };
    }
    Some(match name {
        "%laneid" => Special::LaneId,
        "%warpid" => Special::WarpId,
        "%nwarpid" => Special::NWarpId,
        "%smid" => Special::SmId,
        "%nsmid" => Special::NSmId,
        "%gridid" => Special::GridId,
        "%lanemask_eq" => Special::LaneMaskEq,
        "%lanemask_le" => Special::LaneMaskLe,
        "%lanemask_lt" => Special::LaneMaskLt,
        "%lanemask_ge" => Special::LaneMaskGe,
        "%lanemask_gt" => Special::LaneMaskGt,
        "%clock" => Special::Clock,
        "%clock64" => Special::Clock64,
        "%globaltimer" => Special::GlobalTimer,
        "%dynamic_smem_size" => Special::DynamicSharedSize,
        "%total_smem_size" => Special::TotalSharedSize,
        _ => return None,
    })
}
