//! Declarations of variables and what they begin as (PTX ISA 9.0, section 5.4).

use super::cursor::{Cursor, shorten};
use super::lexer::Kind;
use super::number::Number;
use super::types_text::type_of;
use super::{DecodeError, Space, Type, Variable};

/// Bytes of what the variables of a module begin as.
pub(super) const MAX_INITIAL: u64 = 64 << 20;
/// Bytes of one variable.
const MAX_BYTES: u64 = 1 << 40;
/// Dimensions of an array.
const MAX_DIMENSIONS: usize = 8;

fn error<T>(line: u32, problem: String) -> Result<T, DecodeError> {
    Err(DecodeError { line, problem })
}

/// `.align 4 .u32`, before the names.
struct Head {
    space: Space,
    align: u32,
    ty: Type,
    vector: u64,
}

/// Reads what follows `.global` and its like, up to and without the `;` (or, of a parameter, `,` or `)`).
///
/// # Errors
/// What is not known here.
pub(super) fn variables<'t>(
    cursor: &mut Cursor<'t>,
    space: Space,
    external: bool,
    initial_left: &mut u64,
) -> Result<Vec<(&'t str, Variable)>, DecodeError> {
    let head = head(cursor, space)?;
    let mut found = Vec::new();
    loop {
        found.push(declarator(cursor, &head, external, initial_left)?);
        // After a parameter the comma belongs to the list of parameters.
        if space == Space::Param || !cursor.accept(b',') {
            return Ok(found);
        }
    }
}

fn head(cursor: &mut Cursor<'_>, space: Space) -> Result<Head, DecodeError> {
    let (mut align, mut ty, mut vector) = (None, None, 1);
    while cursor.peek().kind == Kind::Dotted {
        let token = cursor.next();
        match token.text {
            "align" => align = Some(alignment(cursor)?),
            "ptr" if space == Space::Param => pointer(cursor)?,
            "v2" => vector = 2,
            "v4" => vector = 4,
            other => match type_of(other) {
                Some(found) if ty.is_none() && storable(found) => ty = Some(found),
                _ => {
                    return error(token.line, format!("`.{}` is not known in a declaration", shorten(other)));
                }
            },
        }
    }
    let Some(ty) = ty else { return Err(cursor.unexpected("a type, such as `.b8`")) };
    let natural = ty.bytes() * vector;
    let align = align.unwrap_or(natural);
    Ok(Head { space, align, ty, vector: u64::from(vector) })
}

const fn storable(ty: Type) -> bool {
    use Type::{B8, B16, B32, B64, F16, F16x2, F32, F64, S8, S16, S32, S64, U8, U16, U32, U64};
    matches!(ty, B8 | B16 | B32 | B64 | U8 | U16 | U32 | U64 | S8 | S16 | S32 | S64 | F16 | F16x2 | F32 | F64)
}

fn alignment(cursor: &mut Cursor<'_>) -> Result<u32, DecodeError> {
    let line = cursor.peek().line;
    let align = cursor.count("an alignment")?;
    if align.is_power_of_two() && align <= 1 << 16 {
        return Ok(align);
    }
    error(line, format!("an alignment of {align} bytes; it is a power of two, up to 65536"))
}

/// `.ptr .global .align 16`: what a parameter points to. It is a promise to the compiler, nothing more.
fn pointer(cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
    let _ = ["global", "shared", "const", "local"].iter().any(|space| cursor.accept_dotted(space));
    if cursor.accept_dotted("align") {
        alignment(cursor)?;
    }
    Ok(())
}

fn declarator<'t>(
    cursor: &mut Cursor<'t>,
    head: &Head,
    external: bool,
    initial_left: &mut u64,
) -> Result<(&'t str, Variable), DecodeError> {
    let name = cursor.word("the name of a variable")?;
    let mut dimensions = Vec::new();
    let mut open = false;
    while cursor.accept(b'[') {
        if cursor.accept(b']') {
            if !dimensions.is_empty() {
                return error(name.line, "only the first dimension may be left open".to_owned());
            }
            (open, dimensions) = (true, vec![u64::MAX]);
            continue;
        }
        if dimensions.len() == MAX_DIMENSIONS {
            return error(name.line, format!("more than {MAX_DIMENSIONS} dimensions"));
        }
        dimensions.push(u64::from(cursor.count("a number of elements")?));
        cursor.expect(b']')?;
    }
    if head.vector > 1 {
        dimensions.push(head.vector);
    }
    let mut known = dimensions.iter().skip(usize::from(open));
    let bytes = known.try_fold(u64::from(head.ty.bytes()), |bytes, count| bytes.checked_mul(*count));
    let Some(bytes) = bytes.filter(|bytes| *bytes <= MAX_BYTES) else {
        return error(name.line, format!("`{}` has more than {MAX_BYTES} bytes", shorten(name.text)));
    };
    let mut initial = Initial { ty: head.ty, bytes: Vec::new(), addresses: Vec::new(), left: *initial_left };
    let given = cursor.accept(b'=');
    if given {
        if external || !matches!(head.space, Space::Global | Space::Const) {
            return error(name.line, "only .global and .const variables begin as something".to_owned());
        }
        initial.read(cursor, &dimensions, 0)?;
    }
    let bytes = if open && given {
        let row = bytes.max(1);
        let rows = (initial.bytes.len() as u64).div_ceil(row);
        Some(rows * row)
    } else if open {
        if !(external && head.space == Space::Shared) && head.space != Space::Param {
            let problem = format!("`{}` has no size; only `.extern .shared` has none", shorten(name.text));
            return error(name.line, problem);
        }
        None
    } else {
        Some(bytes)
    };
    if given {
        initial.grow(bytes.unwrap_or(0), name.line)?;
        *initial_left = initial_left.saturating_sub(initial.bytes.len() as u64);
    }
    let variable = Variable {
        name: name.text.to_owned(),
        space: head.space,
        align: head.align,
        bytes,
        initial: initial.bytes,
        addresses: initial.addresses,
        line: name.line,
    };
    Ok((name.text, variable))
}

/// What a variable begins as, as far as read.
struct Initial {
    ty: Type,
    bytes: Vec<u8>,
    addresses: Vec<(u64, String, i64, bool)>,
    /// Bytes that may still be given.
    left: u64,
}

impl Initial {
    fn grow(&mut self, bytes: u64, line: u32) -> Result<(), DecodeError> {
        if bytes > self.left {
            return error(line, format!("variables begin as more than {MAX_INITIAL} bytes"));
        }
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
        if bytes > self.bytes.len() {
            self.bytes.resize(bytes, 0);
        }
        Ok(())
    }

    /// One element, or one list of them; as deep as there are dimensions.
    fn read(&mut self, cursor: &mut Cursor<'_>, dimensions: &[u64], at: u64) -> Result<(), DecodeError> {
        let Some((count, inner)) = dimensions.split_first() else { return self.element(cursor, at) };
        let size = u64::from(self.ty.bytes());
        let stride =
            inner.iter().try_fold(size, |bytes, count| bytes.checked_mul(*count)).unwrap_or(u64::MAX);
        cursor.expect(b'{')?;
        let mut index = 0;
        while !cursor.accept(b'}') {
            if index > 0 {
                cursor.expect(b',')?;
            }
            if index == *count {
                return Err(cursor.unexpected(&format!("at most {count} elements")));
            }
            let place = stride.checked_mul(index).and_then(|offset| offset.checked_add(at));
            let Some(place) = place else { return Err(cursor.unexpected("fewer elements")) };
            self.read(cursor, inner, place)?;
            index += 1;
        }
        Ok(())
    }

    fn element(&mut self, cursor: &mut Cursor<'_>, at: u64) -> Result<(), DecodeError> {
        let (token, size) = (cursor.peek(), self.ty.bytes() as usize);
        self.grow(at.saturating_add(size as u64), token.line)?;
        if token.kind == Kind::Word {
            return self.address(cursor, at);
        }
        let number = cursor.number("a number or the name of a variable")?;
        let bits = number.bits(self.ty).map_err(|problem| DecodeError { line: token.line, problem })?;
        let place = usize::try_from(at).unwrap_or(usize::MAX);
        if let Some(bytes) = self.bytes.get_mut(place..).and_then(|rest| rest.get_mut(..size)) {
            bytes.copy_from_slice(bits.to_le_bytes().get(..size).unwrap_or(&[]));
        }
        Ok(())
    }

    /// `x`, `x+4`, `generic(x)`, `generic(x)+4`.
    fn address(&mut self, cursor: &mut Cursor<'_>, at: u64) -> Result<(), DecodeError> {
        let word = cursor.word("the name of a variable")?;
        if self.ty.bytes() != 8 {
            let problem = format!("the address of `{}` needs elements of 64 bits", shorten(word.text));
            return error(word.line, problem);
        }
        let generic = word.text == "generic" && cursor.accept(b'(');
        let name = if generic { cursor.word("the name of a variable")? } else { word };
        if generic {
            cursor.expect(b')')?;
        }
        let mut addend = 0;
        if cursor.accept(b'+') || cursor.peek().kind == Kind::Mark(b'-') {
            let number: Number = cursor.number("a number of bytes")?;
            let Some(offset) = number.offset() else {
                return error(name.line, "the number of bytes is no whole number".to_owned());
            };
            addend = offset;
        }
        self.addresses.push((at, name.text.to_owned(), addend, generic));
        Ok(())
    }
}
