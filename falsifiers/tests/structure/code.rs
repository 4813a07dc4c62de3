//! Rust as text: without comments and strings, and the paths that it names.

/// The code with comments, strings and characters blanked. Every other byte keeps its place.
pub(crate) fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = blank_end(bytes, at);
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    String::from_utf8(out).unwrap()
}

/// Where the comment, string or character that starts here ends; `at` where none starts.
fn blank_end(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    let in_word = at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
    let length = match rest {
        [b'/', b'/', ..] => rest.iter().position(|&byte| byte == b'\n'),
        [b'/', b'*', ..] => Some(block_comment(rest)),
        [b'"', ..] => Some(quoted(rest, b'"')),
        [b'r', b'"' | b'#', ..] if !in_word => match raw_string(rest) {
            None => return at,
            found => found,
        },
        [b'b', b'r', b'"' | b'#', ..] if !in_word => raw_string(&rest[1..]).map(|length| length + 1),
        // A lifetime has no closing quote.
        [b'\'', b'\\', ..] => Some(quoted(rest, b'\'')),
        [b'\'', first, ..] => {
            let width = match first {
                0xF0.. => 4,
                0xE0.. => 3,
                0xC0.. => 2,
                _ => 1,
            };
            if rest.get(1 + width) != Some(&b'\'') {
                return at;
            }
            Some(width + 2)
        }
        _ => return at,
    };
    length.map_or(bytes.len(), |length| at + length)
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at + 1 < rest.len() {
        match &rest[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(rest.len())
}

/// The length of a raw string, which starts with `r`. Nothing for a raw identifier.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let start = 2 + hashes;
    let found = rest[start..].windows(close.len()).position(|window| window == close);
    Some(found.map_or(rest.len(), |found| start + found + close.len()))
}

/// Code without the unit tests, which stand at the bottom of a file.
pub(crate) fn without_tests(code: &str) -> &str {
    code.find("#[cfg(test)]\nmod tests").map_or(code, |at| &code[..at])
}

/// Every path that code names, a single name included, and the branches of every `use`.
pub(crate) fn paths(code: &str) -> Vec<Vec<String>> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_name(tokens[at]) || tokens[at] == "::" {
            at = tree(&tokens, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads `a::b::{c, d::*}` from `at`, and returns where it ends.
fn tree(tokens: &[&str], mut at: usize, prefix: &[String], found: &mut Vec<Vec<String>>) -> usize {
    let mut path = prefix.to_vec();
    while let Some(&token) = tokens.get(at) {
        match token {
            "{" if tokens[at - 1] == "::" => {
                at += 1;
                while at < tokens.len() && tokens[at] != "}" {
                    at = if tokens[at] == "," { at + 1 } else { tree(tokens, at, &path, found).max(at + 1) };
                }
                return at + 1;
            }
            "*" if at > 0 && tokens[at - 1] == "::" => {
                path.push("*".to_owned());
                at += 1;
                break;
            }
            "::" => at += 1,
            name if is_name(name) && (path.len() == prefix.len() || tokens[at - 1] == "::") => {
                path.push(name.to_owned());
                at += 1;
            }
            _ => break,
        }
    }
    found.push(path);
    // The name that a path is given says nothing about where it leads.
    let renamed = tokens.get(at) == Some(&"as") && tokens.get(at + 2) != Some(&"::");
    if renamed { at + 2 } else { at }
}

fn is_name(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(code: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

#[test]
fn comments_strings_and_characters_are_blanked_in_place() {
    let text = "a /* b /* c */ d */ e \"f \\\" g\" h // i\nj r#\"k\"l\"# m 'n' '\\'' o<'p> r#q b\"s\" t\"é\"";
    let code = code(text);
    assert_eq!(code.len(), text.len());
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "e", "h", "j", "m", "o<'p>", "r#q", "b", "t"]);
    assert_eq!(without_tests("x\n#[cfg(test)]\nmod tests {}"), "x\n");
}

#[test]
fn paths_are_those_of_uses_and_of_expressions() {
    let code = "use a::{b, c::{self as d, e}, f::*}; fn g(h: &i::J) { crate::k::l::<M>(n.o) }";
    let mut found: Vec<String> = paths(code).iter().map(|path| path.join("::")).collect();
    found.retain(|path| path.contains("::"));
    assert_eq!(found, ["a::b", "a::c::self", "a::c::e", "a::f::*", "i::J", "crate::k::l"]);
    assert!(paths(code).contains(&vec!["n".to_owned()]));
}
