//! Reads `deny.toml`, as far as the rules need it, and expressions of licences.

use std::collections::BTreeSet;

use crate::house::read;

/// What the policy says.
pub(crate) struct Policy {
    /// Licences that a dependency may have.
    pub(crate) licences: BTreeSet<String>,
    /// Crates that nothing may depend on, with the reason.
    pub(crate) banned: Vec<(String, String)>,
    /// Registries that a dependency may come from.
    pub(crate) registries: BTreeSet<String>,
}

impl Policy {
    /// Reads the policy of the repository.
    pub(crate) fn open() -> Self {
        let text = read("deny.toml");
        let strings =
            |section, key| array(&text, section, key).iter().flat_map(|line| quoted(line)).collect();
        let ban = |line: &String| {
            let field = |name: &str| quoted(line.split_once(&format!("{name} = "))?.1).into_iter().next();
            let fields = field("crate").zip(field("reason"));
            fields.unwrap_or_else(|| panic!("`{line}` in deny.toml says no crate or no reason"))
        };
        Self {
            licences: strings("licenses", "allow"),
            banned: array(&text, "bans", "deny").iter().map(ban).collect(),
            registries: strings("sources", "allow-registry"),
        }
    }
}

/// The lines between `key = [` and the closing bracket, in one section. Comments are dropped.
fn array(text: &str, section: &str, key: &str) -> Vec<String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let mut lines = lines.skip_while(|line| *line != format!("[{section}]")).skip(1);
    let opening = format!("{key} = [");
    let first =
        lines.by_ref().take_while(|line| !line.starts_with("[")).find(|line| line.starts_with(&opening));
    let Some(rest) = first.map(|line| line[opening.len()..].to_owned()) else {
        panic!("deny.toml has no `{key}` in [{section}]");
    };
    if let Some(one_line) = rest.strip_suffix(']') {
        return if one_line.is_empty() { Vec::new() } else { vec![one_line.to_owned()] };
    }
    let more = lines.take_while(|line| *line != "]").filter(|line| !line.is_empty()).map(str::to_owned);
    more.collect()
}

fn quoted(line: &str) -> Vec<String> {
    line.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether the allowed licences satisfy an SPDX expression, the older `A/B` for `A OR B` included.
pub(crate) fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut tokens = spaced.split_whitespace().collect::<Vec<_>>().into_iter().peekable();
    let ok = any(&mut tokens, allowed)?;
    match tokens.next() {
        None => Ok(ok),
        Some(token) => Err(format!("`{token}` is out of place in `{expression}`")),
    }
}

type Tokens<'t> = std::iter::Peekable<std::vec::IntoIter<&'t str>>;

fn any(tokens: &mut Tokens<'_>, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let mut ok = all(tokens, allowed)?;
    while tokens.next_if_eq(&"OR").is_some() {
        ok |= all(tokens, allowed)?;
    }
    Ok(ok)
}

fn all(tokens: &mut Tokens<'_>, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let mut ok = one(tokens, allowed)?;
    while tokens.next_if_eq(&"AND").is_some() {
        ok &= one(tokens, allowed)?;
    }
    Ok(ok)
}

fn one(tokens: &mut Tokens<'_>, allowed: &BTreeSet<String>) -> Result<bool, String> {
    match tokens.next() {
        Some("(") => {
            let ok = any(tokens, allowed)?;
            tokens.next_if_eq(&")").map(|_| ok).ok_or_else(|| "a parenthesis is not closed".to_owned())
        }
        None | Some(")" | "OR" | "AND" | "WITH") => Err("a licence is missing".to_owned()),
        Some(licence) => {
            let mut name = licence.to_owned();
            if tokens.next_if_eq(&"WITH").is_some() {
                name = format!("{name} WITH {}", tokens.next().unwrap_or_default());
            }
            Ok(allowed.contains(&name))
        }
    }
}

#[test]
fn expressions_of_licences_are_computed() {
    let allowed = BTreeSet::from(["MIT".to_owned(), "Zlib".to_owned()]);
    for (expression, expected) in [
        ("MIT", Ok(true)),
        ("GPL-3.0", Ok(false)),
        ("GPL-3.0 OR MIT", Ok(true)),
        ("GPL-3.0/MIT", Ok(true)),
        ("GPL-3.0 / MIT", Ok(true)),
        ("GPL-3.0 AND MIT", Ok(false)),
        ("MIT AND Zlib", Ok(true)),
        ("MIT OR GPL-3.0 AND BSD-3-Clause", Ok(true)),
        ("(MIT OR GPL-3.0) AND BSD-3-Clause", Ok(false)),
        ("MIT WITH LLVM-exception", Ok(false)),
    ] {
        assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
    }
    for expression in ["", "MIT OR", "(MIT", "MIT Zlib"] {
        assert!(satisfied(expression, &allowed).is_err(), "{expression}");
    }
}

#[test]
fn arrays_of_one_line_and_of_many_are_read() {
    let text = "[a]\nk = [\"x\", \"y\"]\nl = []\n[b]\nk = [\n  # z\n  \"p\",\n  { crate = \"q\" },\n]\n";
    assert_eq!(array(text, "a", "k"), ["\"x\", \"y\""]);
    assert!(array(text, "a", "l").is_empty());
    assert_eq!(array(text, "b", "k"), ["\"p\",", "{ crate = \"q\" },"]);
    assert_eq!(quoted("\"x\", \"y\""), ["x", "y"]);
}
