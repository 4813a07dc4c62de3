//! Semantic versions: what is one, and which of two comes first.

/// One part of what stands behind the numbers. Numbers come before words.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Identifier<'v> {
    Number(u64),
    Word(&'v str),
}

/// What a version is ordered by: its numbers, whether it is a release, and what stands behind them.
pub(super) type Precedence<'v> = ([u64; 3], bool, Vec<Identifier<'v>>);

/// The order of a version among others. Nothing where it is none, or beyond all numbers.
pub(super) fn precedence(version: &str) -> Option<Precedence<'_>> {
    if !is_semver(version) {
        return None;
    }
    let (version, _) = split_once(version, '+');
    let (core, pre) = split_once(version, '-');
    let mut numbers = [0; 3];
    for (number, text) in numbers.iter_mut().zip(core.split('.')) {
        *number = text.parse().ok()?;
    }
    let identifier = |part| {
        if is_digits(part) { part.parse().ok().map(Identifier::Number) } else { Some(Identifier::Word(part)) }
    };
    let pre = pre.map(|pre| pre.split('.').map(identifier).collect::<Option<Vec<_>>>());
    match pre {
        Some(identifiers) => Some((numbers, false, identifiers?)),
        None => Some((numbers, true, Vec::new())),
    }
}

/// The version that was certainly meant: `1.2` is `1.2.0`, and `v1.2.3` is `1.2.3`.
pub(super) fn meant(version: &str) -> Option<String> {
    let version = version.strip_prefix(['v', 'V']).unwrap_or(version);
    let zeros = 2_usize.checked_sub(version.matches('.').count())?;
    let whole = format!("{version}{}", ".0".repeat(zeros));
    is_semver(&whole).then_some(whole)
}

/// Semantic Versioning 2.0.0: three numbers, then perhaps `-pre.release` and `+build`.
pub(super) fn is_semver(version: &str) -> bool {
    let (version, build) = split_once(version, '+');
    let (core, pre) = split_once(version, '-');
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|number| is_number(number))
        && pre.is_none_or(|pre| {
            identifiers(pre) && pre.split('.').all(|part| !is_digits(part) || is_number(part))
        })
        && build.is_none_or(identifiers)
}

fn split_once(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits without a leading zero.
fn is_number(text: &str) -> bool {
    is_digits(text) && (text == "0" || !text.starts_with('0'))
}

fn identifiers(text: &str) -> bool {
    text.split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_specification() {
        for version in ["1.0.0", "0.1.23", "1.0.0-alpha.1", "1.0.0-0.3.7", "1.0.0+20130313", "1.0.0-x-y+a.b"]
        {
            assert!(is_semver(version), "{version}");
        }
        for version in
            ["1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0+", "1.0.0-01", "1.0.0.0", "", "1.0.x"]
        {
            assert!(!is_semver(version), "{version}");
            assert!(precedence(version).is_none(), "{version}");
        }
    }

    #[test]
    fn versions_are_ordered_as_the_specification_orders_them() {
        let order = [
            "1.0.0-1",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-beta",
            "1.0.0",
            "1.0.1",
            "1.2.0",
            "1.10.0",
            "2.0.0",
        ];
        for pair in order.windows(2) {
            assert!(precedence(pair[0]) < precedence(pair[1]), "{pair:?}");
        }
        assert_eq!(precedence("1.0.0+a"), precedence("1.0.0+b"));
        assert_eq!(precedence("99999999999999999999.0.0"), None);
    }

    #[test]
    fn only_what_is_certain_is_completed() {
        for (version, meant_one) in [
            ("1", Some("1.0.0")),
            ("1.2", Some("1.2.0")),
            ("v1.2.3", Some("1.2.3")),
            ("01.2", None),
            ("1.2.3.4", None),
            ("one", None),
        ] {
            assert_eq!(meant(version).as_deref(), meant_one, "{version}");
        }
    }
}
