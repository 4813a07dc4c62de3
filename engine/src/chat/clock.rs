//! `strftime_now`, which some templates use to tell the model the date. Always UTC, and always English.

use std::time::SystemTime;

use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

/// The directives that templates use. The library knows more, some of which Python spells otherwise.
const DIRECTIVES: &str = "YymBbhdejAaHIMSpFTZz%";

/// Formats a time by the directives of C's `strftime` that templates use; an unknown one is the error.
pub(super) fn strftime(format: &str, time: SystemTime) -> Result<String, String> {
    let mut characters = format.chars();
    while characters.by_ref().any(|character| character == '%') {
        let directive = characters.next();
        // `%-d` is `%d` without its padding.
        let directive = if directive == Some('-') { characters.next() } else { directive };
        if !directive.is_some_and(|directive| DIRECTIVES.contains(directive)) {
            let directive = directive.map(String::from).unwrap_or_default();
            return Err(format!("strftime_now: the directive \"%{directive}\" is not supported"));
        }
    }
    let now = jiff::Timestamp::try_from(time).map(|now| now.to_zoned(TimeZone::UTC));
    now.and_then(|now| BrokenDownTime::from(&now).to_string(format))
        .map_err(|error| format!("strftime_now: {error}"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(seconds: i64) -> SystemTime {
        let distance = Duration::from_secs(seconds.unsigned_abs());
        if seconds < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance }
    }

    /// Expected texts by Python's `datetime.fromtimestamp(t, timezone.utc).strftime(...)`.
    #[test]
    fn times_are_spelled_as_python_does() {
        let cases = [
            (0, "%Y-%m-%d %H:%M:%S %a %j", "1970-01-01 00:00:00 Thu 001"),
            (951_782_400, "%d %b %Y, %A", "29 Feb 2000, Tuesday"),
            (4_107_542_399, "%F %T %p %I", "2100-02-28 23:59:59 PM 11"),
            (4_107_542_400, "%-d %B %y %-m|%e", "1 March 00 3| 1"),
            (1_735_689_599, "%j %H%% %Z", "366 23% UTC"),
            (-1, "%F %T", "1969-12-31 23:59:59"),
            (1_700_000_000, "%-H h %-M min %-S s %z", "22 h 13 min 20 s +0000"),
            (0, "%-H", "0"),
            (4_294_967_295, "%-j|%-I|%-e|%h|%-y", "38|6|7|Feb|6"),
        ];
        for (seconds, format, expected) in cases {
            assert_eq!(strftime(format, at(seconds)).unwrap(), expected, "{seconds} {format}");
        }
    }

    #[test]
    fn unknown_directives_are_refused() {
        for format in ["%Q", "%", "%-", "%-Q", "%f", "%c", "%:z", "%5d", "%%%"] {
            assert!(strftime(format, UNIX_EPOCH).unwrap_err().contains("not supported"), "{format}");
        }
    }
}
