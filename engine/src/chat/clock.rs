//! `strftime_now`, which some templates use to tell the model the date. Always UTC, and always English.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const SECONDS_A_DAY: i64 = 86_400;

/// Formats a time by the directives of C's `strftime` that templates use; an unknown one is the error.
pub(super) fn strftime(format: &str, time: SystemTime) -> Result<String, String> {
    let now = Civil::at(time);
    let mut out = String::with_capacity(format.len() + 16);
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let directive = characters.next();
        // `%-d` is `%d` without its padding.
        let plain = directive == Some('-');
        let directive = if plain { characters.next() } else { directive };
        let Some(text) = directive.and_then(|directive| now.format(directive)) else {
            let directive = directive.map(String::from).unwrap_or_default();
            return Err(format!("strftime_now: the directive \"%{directive}\" is not supported"));
        };
        let trimmed = text.trim_start_matches(['0', ' ']);
        match plain {
            true if trimmed.is_empty() => out.push('0'),
            true => out.push_str(trimmed),
            false => out.push_str(&text),
        }
    }
    Ok(out)
}

/// A time in the proleptic Gregorian calendar.
struct Civil {
    year: i64,
    /// From 0.
    month: usize,
    /// From 1.
    day: i64,
    /// From 1.
    day_of_year: i64,
    /// From Sunday.
    weekday: usize,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Civil {
    fn at(time: SystemTime) -> Self {
        let seconds = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_secs() as i64,
            // Rounded down, so that a fraction of a second before the epoch is the day before.
            Err(before) => -(before.duration().as_secs_f64().ceil() as i64),
        };
        let (mut days, rest) = (seconds.div_euclid(SECONDS_A_DAY), seconds.rem_euclid(SECONDS_A_DAY));
        let weekday = (days + 4).rem_euclid(7) as usize;
        // Whole cycles of 400 years first, so that the loops stay short for any time.
        let mut year = 1970 + 400 * days.div_euclid(146_097);
        days = days.rem_euclid(146_097);
        while days >= days_in_year(year) {
            days -= days_in_year(year);
            year += 1;
        }
        let day_of_year = days + 1;
        let mut month = 0;
        while days >= days_in_month(year, month) {
            days -= days_in_month(year, month);
            month += 1;
        }
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        Self { year, month, day: days + 1, day_of_year, weekday, hour, minute, second }
    }

    fn format(&self, directive: char) -> Option<String> {
        let twelve = (self.hour + 11) % 12 + 1;
        Some(match directive {
            'Y' => self.year.to_string(),
            'y' => format!("{:02}", self.year.rem_euclid(100)),
            'm' => format!("{:02}", self.month + 1),
            'B' => MONTHS[self.month].to_owned(),
            'b' | 'h' => MONTHS[self.month][..3].to_owned(),
            'd' => format!("{:02}", self.day),
            'e' => format!("{:2}", self.day),
            'j' => format!("{:03}", self.day_of_year),
            'A' => DAYS[self.weekday].to_owned(),
            'a' => DAYS[self.weekday][..3].to_owned(),
            'H' => format!("{:02}", self.hour),
            'I' => format!("{twelve:02}"),
            'M' => format!("{:02}", self.minute),
            'S' => format!("{:02}", self.second),
            'p' => if self.hour < 12 { "AM" } else { "PM" }.to_owned(),
            'F' => format!("{}-{:02}-{:02}", self.year, self.month + 1, self.day),
            'T' => format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second),
            'Z' => "UTC".to_owned(),
            'z' => "+0000".to_owned(),
            '%' => "%".to_owned(),
            _ => return None,
        })
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: i64, month: usize) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        ];
        for (seconds, format, expected) in cases {
            assert_eq!(strftime(format, at(seconds)).unwrap(), expected, "{seconds} {format}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        // Two whole cycles of the calendar, counted without any division.
        let (mut year, mut month, mut day) = (1970, 0, 1);
        for days in 0..2 * 146_097 {
            let found = Civil::at(at(days * SECONDS_A_DAY));
            assert_eq!((found.year, found.month, found.day), (year, month, day), "{days}");
            day += 1;
            if day > days_in_month(year, month) {
                (month, day) = ((month + 1) % 12, 1);
                year += i64::from(month == 0);
            }
        }
    }

    #[test]
    fn unknown_directives_are_refused() {
        for format in ["%Q", "%", "%-", "%-Q"] {
            assert!(strftime(format, UNIX_EPOCH).unwrap_err().contains("not supported"), "{format}");
        }
    }
}
