//! How a text begins: `.version`, `.target`, `.address_size` (PTX ISA 9.0, section 11.1).

use super::DecodeError;
use super::cursor::{Cursor, shorten};

fn error<T>(line: u32, problem: String) -> Result<T, DecodeError> {
    Err(DecodeError { line, problem })
}

/// `.version 9.0`.
pub(super) fn version(cursor: &mut Cursor<'_>) -> Result<(u32, u32), DecodeError> {
    if !cursor.accept_dotted("version") {
        return Err(cursor.unexpected("`.version`, which every PTX text begins with"));
    }
    let token = cursor.next();
    let parsed = token
        .text
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?)));
    match parsed {
        Some((major @ 6..=9, minor)) => Ok((major, minor)),
        _ => error(token.line, format!("the version `{}` is not known; 6.0 to 9.x are", shorten(token.text))),
    }
}

/// `.target sm_90a, debug`.
pub(super) fn target(cursor: &mut Cursor<'_>) -> Result<(u32, String), DecodeError> {
    if !cursor.accept_dotted("target") {
        return Err(cursor.unexpected("`.target`"));
    }
    let token = cursor.word("a target, such as sm_90")?;
    let parsed = token.text.strip_prefix("sm_").and_then(|rest| {
        let suffix = rest.trim_start_matches(|character: char| character.is_ascii_digit());
        let number: u32 = rest.get(..rest.len() - suffix.len())?.parse().ok()?;
        Some((number, suffix.to_owned()))
    });
    let Some(target) =
        parsed.filter(|(number, suffix)| *number >= 70 && matches!(suffix.as_str(), "" | "a" | "f"))
    else {
        return error(
            token.line,
            format!("the target `{}` is not known; sm_70 and later are", shorten(token.text)),
        );
    };
    while cursor.accept(b',') {
        let option = cursor.word("`debug`")?;
        if option.text != "debug" {
            return error(option.line, format!("the target option `{}` is not known", shorten(option.text)));
        }
    }
    Ok(target)
}

/// `.address_size 64`.
pub(super) fn address_size(cursor: &mut Cursor<'_>) -> Result<(), DecodeError> {
    if !cursor.accept_dotted("address_size") {
        return Err(cursor.unexpected("`.address_size 64`"));
    }
    let line = cursor.peek().line;
    let size = cursor.count("an address size")?;
    if size == 64 { Ok(()) } else { error(line, format!("addresses of {size} bits; only 64 are known")) }
}
