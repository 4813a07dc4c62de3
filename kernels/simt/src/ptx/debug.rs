//! Debug information: `.file`, `.loc`, `.section` (PTX ISA 9.0, section 11.5). Lines are kept, sections are read to
//! their end and left out.

use super::cursor::Cursor;
use super::lexer::Kind;
use super::{DecodeError, Location};

/// `1 "x.cu"`, and perhaps a time and a size, after `.file`.
pub(super) fn file(cursor: &mut Cursor<'_>) -> Result<(u32, String), DecodeError> {
    let number = cursor.count("the number of a file")?;
    if cursor.peek().kind != Kind::Text {
        return Err(cursor.unexpected("the name of a file"));
    }
    let name = cursor.next().text.to_owned();
    for _ in 0..2 {
        if cursor.accept(b',') {
            cursor.number("a time or a size")?;
        }
    }
    Ok((number, name))
}

/// `1 49 9, function_name $L__info_string0, inlined_at 1 41 9` after `.loc`.
pub(super) fn location(cursor: &mut Cursor<'_>) -> Result<Location, DecodeError> {
    let (file, line, column) = place(cursor)?;
    let mut location = Location { file, line, column, inlined_at: None };
    while cursor.accept(b',') {
        let word = cursor.word("`function_name` or `inlined_at`")?;
        match word.text {
            "function_name" => {
                cursor.word("a label")?;
                if cursor.accept(b'+') {
                    cursor.number("a number of bytes")?;
                }
            }
            "inlined_at" => {
                let (file, line, _) = place(cursor)?;
                location.inlined_at = Some((file, line));
            }
            other => {
                let problem = format!("`.loc` knows function_name and inlined_at, not `{other}`");
                return Err(DecodeError { line: word.line, problem });
            }
        }
    }
    Ok(location)
}

fn place(cursor: &mut Cursor<'_>) -> Result<(u32, u32, u32), DecodeError> {
    Ok((cursor.count("the number of a file")?, cursor.count("a line")?, cursor.count("a column")?))
}

/// `.debug_str { .. }` after `.section`: labels, and `.b8` to `.b64` with numbers and labels.
pub(super) fn section(cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
    let name = cursor.dotted("the name of a section")?;
    if !name.text.starts_with("debug_") {
        let problem = format!("the section `.{}` is not known; those of `.debug_*` are read over", name.text);
        return Err(DecodeError { line: name.line, problem });
    }
    cursor.expect(b'{')?;
    loop {
        let token = cursor.peek();
        match token.kind {
            Kind::Mark(b'}') => {
                cursor.next();
                return Ok(());
            }
            Kind::Word => {
                cursor.next();
                cursor.expect(b':')?;
            }
            Kind::Dotted if matches!(token.text, "b8" | "b16" | "b32" | "b64") => {
                cursor.next();
                data(cursor)?;
            }
            _ => return Err(cursor.unexpected("a label, `.b8` to `.b64`, or `}`")),
        }
    }
}

fn data(cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
    loop {
        datum(cursor)?;
        while cursor.accept(b'+') || cursor.peek().kind == Kind::Mark(b'-') {
            let _ = cursor.accept(b'-');
            datum(cursor)?;
        }
        if !cursor.accept(b',') {
            return Ok(());
        }
    }
}

fn datum(cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
    match cursor.peek().kind {
        Kind::Word => {
            cursor.next();
            Ok(())
        }
        // Sections begin with labels such as `.debug_str`.
        Kind::Dotted if cursor.peek().text.starts_with("debug_") => {
            cursor.next();
            Ok(())
        }
        _ => cursor.number("a number or a label").map(|_| ()),
    }
}
