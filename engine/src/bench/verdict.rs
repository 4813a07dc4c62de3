//! What the figures are allowed to say.
//!
//! What can be seen without a clock comes first: work that was left out, and bytes that were miscounted, fail whatever
//! the device. Then what keeps times from saying anything: a virtual device, a spread that is too large. Then what is too
//! good to be true, and last the negative control.

use serde::Serialize;

use super::report::Maybe;

/// The largest spread of repeats that a verdict is given for.
pub const MOST_SPREAD: f64 = 0.03;

/// What the negative control adds, as a share of the time of a token: its reads take so much at the read bandwidth of the
/// run. Of the time and not of the bytes, so that it moves a model that is far from the bandwidth as much as one that is
/// near; at the bandwidth, both are the same.
pub const CONTROL_SHARE: f64 = 0.10;

/// By how much the control has to lower the rate, over what its reads take by themselves would lower it: a tenth of the time
/// more is 9.1 % fewer tokens, which may be 7 to 12 %.
pub const CONTROL_DROP: std::ops::RangeInclusive<f64> = 0.77..=1.32;

/// What the reads of the control by themselves would have to lower the rate by at least, so that it can be seen; and at
/// most, since they were to take a tenth of the time.
pub const CONTROL_EXPECTED: std::ops::RangeInclusive<f64> = 0.07..=0.12;

/// What is known of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Whether the device is played by software.
    pub virtual_device: bool,
    /// Tokens that were asked for, and that came.
    pub tokens: (usize, usize),
    /// Whether every repeat and every way to decode gave the same tokens.
    pub ways_agree: bool,
    /// Bytes of weights of a token, as counted from the plan.
    pub weight_bytes: u64,
    /// Bytes of all weights together: a token that reads each once cannot read more.
    pub stored_bytes: u64,
    /// Bytes that a token reads, as counted from the configuration alone; known where weights are drawn.
    pub read_bytes: Option<u64>,
    /// The largest spread of what was timed.
    pub spread: f64,
    /// Bytes of a token times tokens a second, over the read bandwidth.
    pub fraction: f64,
    /// By which share the control lowered the rate.
    pub control_drop: f64,
    /// By which share it had to, as long as its reads take by themselves.
    pub control_expected: f64,
}

/// What a run says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The rate is this share of what the read bandwidth allows.
    Measured {
        /// The share, at most 1.
        fraction: f64,
    },
    /// Nothing.
    None {
        /// Why not.
        why: String,
    },
    /// That it did not do what it should have timed.
    Failed {
        /// What is wrong.
        why: String,
    },
}

/// What a run says. Comparisons are written so that what is no number is never within a limit.
#[must_use]
pub fn judge(facts: &Facts) -> Verdict {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    if let Some(why) = failed(facts) {
        return Verdict::Failed { why };
    }
    if facts.virtual_device {
        let why = "virtual device: what it takes says nothing about hardware".to_owned();
        return Verdict::None { why };
    }
    if !(facts.spread <= MOST_SPREAD) {
        let (found, most) = (percent(facts.spread), percent(MOST_SPREAD));
        let why =
            format!("the repeats spread over {found}, and {most} is the most; leave the device to this run");
        return Verdict::None { why };
    }
    if !(facts.fraction > 0.0 && facts.fraction.is_finite()) {
        return Verdict::None { why: format!("the clock did not move: a fraction of {}", facts.fraction) };
    }
    if facts.fraction > 1.0 {
        let why = format!(
            "{} of what the device can read: bytes are miscounted, or work is left out",
            percent(facts.fraction)
        );
        return Verdict::Failed { why };
    }
    let expected = facts.control_expected;
    if !CONTROL_EXPECTED.contains(&expected) {
        let (low, high) = (percent(*CONTROL_EXPECTED.start()), percent(*CONTROL_EXPECTED.end()));
        let why = format!(
            "the reads of the control take so long by themselves that they would lower the rate by {}, which is not {low} \
             to {high}",
            percent(expected)
        );
        return Verdict::None { why };
    }
    if !CONTROL_DROP.contains(&(facts.control_drop / expected)) {
        let [low, high] = [CONTROL_DROP.start(), CONTROL_DROP.end()].map(|bound| percent(bound * expected));
        let found = percent(facts.control_drop);
        let why = format!(
            "the control did not move as it has to: what it reads more lowered the rate by {found}, not by {low} to {high}"
        );
        return Verdict::None { why };
    }
    Verdict::Measured { fraction: facts.fraction }
}

/// What is known of a prefill.
#[derive(Debug, Clone, PartialEq)]
pub struct PrefillFacts {
    /// Whether the device is played by software.
    pub virtual_device: bool,
    /// The spread of its repeats.
    pub spread: f64,
    /// Its operations a second over the matrix rate, or why there is none.
    pub fraction: Maybe<f64>,
}

/// What a prefill says: [`Verdict::Measured`] has the share of the matrix rate.
#[must_use]
pub fn judge_prefill(facts: &PrefillFacts) -> Verdict {
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    if facts.virtual_device {
        let why = "virtual device: what it takes says nothing about hardware".to_owned();
        return Verdict::None { why };
    }
    let fraction = match &facts.fraction {
        Maybe::Measured(fraction) => *fraction,
        Maybe::Not { not_measured } => {
            return Verdict::None { why: format!("the matrix rate is not measured: {not_measured}") };
        }
    };
    if !(facts.spread <= MOST_SPREAD) {
        let (found, most) = (percent(facts.spread), percent(MOST_SPREAD));
        let why =
            format!("the repeats spread over {found}, and {most} is the most; leave the device to this run");
        return Verdict::None { why };
    }
    if !(fraction > 0.0 && fraction.is_finite()) {
        return Verdict::None { why: format!("the clock did not move: a fraction of {fraction}") };
    }
    if fraction > 1.0 {
        let why = format!(
            "{} of what the device can multiply: operations are miscounted, or work is left out",
            percent(fraction)
        );
        return Verdict::Failed { why };
    }
    Verdict::Measured { fraction }
}

/// What is wrong whatever the clock says.
fn failed(facts: &Facts) -> Option<String> {
    let Facts { tokens: (asked, came), weight_bytes, stored_bytes, .. } = *facts;
    if asked != came {
        return Some(format!("work is left out: {asked} tokens were asked for, and {came} came"));
    }
    if !facts.ways_agree {
        return Some("the ways to decode, or two repeats of one, gave other tokens".to_owned());
    }
    if weight_bytes > stored_bytes {
        return Some(format!(
            "bytes are miscounted: {weight_bytes} bytes of weights a token, and all weights together have {stored_bytes}"
        ));
    }
    match facts.read_bytes {
        Some(expected) if expected != weight_bytes => Some(format!(
            "bytes are miscounted, or weights left out: the plan reads {weight_bytes} bytes of weights a token, and the \
             configuration asks for {expected}"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A run that nothing is wrong with.
    fn good() -> Facts {
        Facts {
            virtual_device: false,
            tokens: (128, 128),
            ways_agree: true,
            weight_bytes: 900,
            stored_bytes: 1000,
            read_bytes: Some(900),
            spread: 0.01,
            fraction: 0.8,
            control_drop: 0.091,
            control_expected: 0.091,
        }
    }

    fn none(facts: Facts, word: &str) {
        let verdict = judge(&facts);
        assert!(matches!(&verdict, Verdict::None { why } if why.contains(word)), "{verdict:?}");
    }

    fn failed(facts: Facts, word: &str) {
        // Also where times say nothing.
        for facts in [facts.clone(), Facts { virtual_device: true, spread: f64::NAN, ..facts }] {
            let verdict = judge(&facts);
            assert!(matches!(&verdict, Verdict::Failed { why } if why.contains(word)), "{verdict:?}");
        }
    }

    #[test]
    fn a_sound_run_says_its_fraction() {
        assert_eq!(judge(&good()), Verdict::Measured { fraction: 0.8 });
        assert_eq!(judge(&Facts { read_bytes: None, ..good() }), Verdict::Measured { fraction: 0.8 });
        assert_eq!(judge(&Facts { fraction: 1.0, ..good() }), Verdict::Measured { fraction: 1.0 });
    }

    #[test]
    fn times_that_say_nothing_get_no_verdict() {
        none(Facts { virtual_device: true, ..good() }, "virtual device");
        none(Facts { spread: 0.031, ..good() }, "spread");
        none(Facts { spread: f64::NAN, ..good() }, "spread");
        for fraction in [0.0, f64::NAN, f64::INFINITY, -0.1] {
            none(Facts { fraction, ..good() }, "clock");
        }
    }

    #[test]
    fn a_control_that_does_not_move_takes_the_verdict_away() {
        for control_drop in [0.0, 0.05, 0.069, 0.121, 0.5, -0.09, f64::NAN] {
            none(Facts { control_drop, ..good() }, "control did not move");
        }
        for control_drop in [0.0701, 0.12] {
            assert_eq!(judge(&Facts { control_drop, ..good() }), Verdict::Measured { fraction: 0.8 });
        }
        for control_expected in [0.0, 0.059, 0.151, f64::NAN] {
            none(Facts { control_expected, ..good() }, "by themselves");
        }
        // What takes longer by itself has to show more.
        let longer = Facts { control_expected: 0.11, ..good() };
        none(Facts { control_drop: 0.084, ..longer.clone() }, "control did not move");
        assert_eq!(judge(&Facts { control_drop: 0.14, ..longer }), Verdict::Measured { fraction: 0.8 });
    }

    #[test]
    fn too_good_to_be_true_is_a_failure() {
        let verdict = judge(&Facts { fraction: 1.001, ..good() });
        assert!(matches!(&verdict, Verdict::Failed { why } if why.contains("100.1 %")), "{verdict:?}");
    }

    #[test]
    fn a_prefill_says_its_share_of_the_matrix_rate() {
        let good = || PrefillFacts { virtual_device: false, spread: 0.01, fraction: Maybe::Measured(0.6) };
        let of = |fraction| judge_prefill(&PrefillFacts { fraction: Maybe::Measured(fraction), ..good() });
        assert_eq!(
            (of(0.6), of(1.0)),
            (Verdict::Measured { fraction: 0.6 }, Verdict::Measured { fraction: 1.0 })
        );
        assert!(matches!(of(1.001), Verdict::Failed { why } if why.contains("100.1 %")));
        let silent = [
            (PrefillFacts { virtual_device: true, ..good() }, "virtual"),
            (PrefillFacts { spread: 0.031, ..good() }, "spread"),
            (PrefillFacts { spread: f64::NAN, ..good() }, "spread"),
            (PrefillFacts { fraction: Maybe::not("no library"), ..good() }, "no library"),
            (PrefillFacts { fraction: Maybe::Measured(f64::NAN), ..good() }, "clock"),
            (PrefillFacts { fraction: Maybe::Measured(0.0), ..good() }, "clock"),
            (PrefillFacts { fraction: Maybe::Measured(f64::INFINITY), ..good() }, "clock"),
        ];
        for (facts, word) in silent {
            let verdict = judge_prefill(&facts);
            assert!(matches!(&verdict, Verdict::None { why } if why.contains(word)), "{verdict:?}");
        }
    }

    #[test]
    fn what_can_be_seen_without_a_clock_fails_first() {
        failed(Facts { tokens: (128, 64), ..good() }, "left out");
        failed(Facts { tokens: (128, 0), ..good() }, "left out");
        failed(Facts { ways_agree: false, ..good() }, "other tokens");
        failed(Facts { weight_bytes: 1800, ..good() }, "miscounted");
        failed(Facts { weight_bytes: 1800, read_bytes: None, ..good() }, "miscounted");
        failed(Facts { weight_bytes: 890, ..good() }, "configuration");
    }
}
