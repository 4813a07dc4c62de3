//! Points in time and the ids of runs.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::civil::{self, DateTime};
use serde::{Deserialize, Serialize};

/// A moment in UTC, to the millisecond, written as `2026-11-21T01:47:55.123Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp {
    millis: u64,
}

/// The last moment that has a four-digit year.
const LAST_MILLI: u64 = 253_402_300_799_999;
const EPOCH: DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);

impl Timestamp {
    /// Now.
    pub fn now() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::from_millis(u64::try_from(since.as_millis()).unwrap_or(LAST_MILLI))
    }

    /// That many milliseconds after 1970-01-01; what has no four-digit year is the last moment that has one.
    pub fn from_millis(millis: u64) -> Self {
        Self { millis: millis.min(LAST_MILLI) }
    }

    /// Milliseconds since 1970-01-01.
    pub const fn millis(self) -> u64 {
        self.millis
    }

    fn in_utc(self) -> DateTime {
        EPOCH.saturating_add(Duration::from_millis(self.millis))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}Z", self.in_utc())
    }
}

/// A text that is not a moment as [`Timestamp`] writes it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a UTC time: write it like 2026-11-21T01:47:55.123Z")]
pub struct NotATimestamp {
    text: String,
}

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let read = || {
            let since = text.strip_suffix('Z')?.parse::<DateTime>().ok()?.duration_since(EPOCH);
            Some(Self::from_millis(since.as_millis().try_into().ok()?))
        };
        // The library reads more than this one way to write a moment: what is written differently is refused.
        let written_so = |time: &Self| time.to_string() == text;
        let refuse = || NotATimestamp { text: text.chars().take(40).collect() };
        read().filter(written_so).ok_or_else(refuse)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = NotATimestamp;

    fn try_from(text: String) -> Result<Self, NotATimestamp> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> String {
        time.to_string()
    }
}

/// The id of a run and the name of its folder: `20261121T014755-5d634fec-9a0b`, or `nocommit` in the middle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// A new id: the start, the first eight digits of the commit, and four random digits.
    pub fn new(started: Timestamp, commit: Option<&str>) -> Self {
        let is_hex = |digits: &&str| digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let commit = commit.and_then(|commit| commit.get(..8)).filter(is_hex).unwrap_or("nocommit");
        let random = RandomState::new().build_hasher().finish() & 0xffff;
        Self(format!("{}-{commit}-{random:04x}", started.in_utc().strftime("%Y%m%dT%H%M%S")))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A text that is not the id of a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the id of a run: an id is like 20261121T014755-5d634fec-9a0b")]
pub struct NotARunId {
    text: String,
}

impl FromStr for RunId {
    type Err = NotARunId;

    fn from_str(text: &str) -> Result<Self, NotARunId> {
        let digits = |part: &str, len: usize| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
        let hex = |part: &str, len: usize| {
            part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        let mut parts = text.split('-');
        let is_id = match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(start), Some(commit), Some(random), None) => {
                start.split_once('T').is_some_and(|(date, time)| digits(date, 8) && digits(time, 6))
                    && (hex(commit, 8) || commit == "nocommit")
                    && hex(random, 4)
            }
            _ => false,
        };
        if is_id {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotARunId { text: text.chars().take(60).collect() })
        }
    }
}

impl TryFrom<String> for RunId {
    type Error = NotARunId;

    fn try_from(text: String) -> Result<Self, NotARunId> {
        text.parse()
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> String {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_moments() {
        for (millis, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_225_675_123, "2026-11-21T01:47:55.123Z"),
            (LAST_MILLI, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(Timestamp::from_millis(millis).to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap().millis(), millis);
        }
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "2026-11-21",
            "2026-02-30T00:00:00.000Z",
            "2026-13-01T00:00:00.000Z",
            "2026-11-21T24:00:00.000Z",
            "2026-11-21T01:99:00.000Z",
            "2026-11-21 01:47:55.123Z",
            "1969-12-31T23:59:59.999Z",
            "2026-11-21T01:47:55.123+",
            "2026-11-21T01:47:60.000Z",
            "2026-11-21T01:47:55.123456Z",
            "2026-11-21T01:47:55Z",
            "20261121T014755.123Z",
            "-001969-11-21T01:47:55.123Z",
            "２026-11-21T01:47:55.12Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids() {
        let start = "2026-11-21T01:47:55.123Z".parse().unwrap();
        let id = RunId::new(start, Some("5d634fec00112233"));
        assert!(id.as_str().starts_with("20261121T014755-5d634fec-"), "{id}");
        assert_eq!(id.as_str().parse::<RunId>().unwrap(), id);
        for no_commit in [None, Some("5d6"), Some("not a commit"), Some("éééééééé")] {
            assert!(RunId::new(start, no_commit).as_str().contains("-nocommit-"));
        }
        for text in
            ["", "..", "../etc", "20261121T014755-5d634fec-9a0b/..", "20261121T014755-5d634fec-9A0B", "a-b-c"]
        {
            assert!(text.parse::<RunId>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_moment_is_read_as_written(millis in 0..=LAST_MILLI) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(time.to_string().parse::<Timestamp>(), Ok(time));
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = text.parse::<Timestamp>();
            let _ = text.parse::<RunId>();
        }
    }
}
