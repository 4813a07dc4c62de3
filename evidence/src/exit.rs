//! Exit codes of `pv` and `apr`: one table, so that a script can tell "it failed" from "it did not run".

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

/// What a command's exit code says. Where several apply, [`Exit::combine`] picks one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Exit {
    /// 0: everything that was asked ran, and survived.
    Survived = 0,
    /// 1: a claim was falsified, a falsifier errored, or the linter found errors.
    Falsified = 1,
    /// 2: the command line or a configuration makes no sense.
    Usage = 2,
    /// 3: an input could not be read.
    Unreadable = 3,
    /// 4: nothing ran, which is never a pass.
    NothingRan = 4,
    /// 5: something was blocked (no device, no weights) or vacuous (no cases, a surviving mutant).
    Incomplete = 5,
    /// 101: a bug in the harness itself.
    Bug = 101,
    /// 130: interrupted; what ran until then is recorded, and no gate counts it.
    Interrupted = 130,
}

impl Exit {
    /// Every code, the one that wins first.
    pub const BY_PRECEDENCE: [Exit; 8] = [
        Exit::Bug,
        Exit::Interrupted,
        Exit::Usage,
        Exit::Unreadable,
        Exit::Falsified,
        Exit::Incomplete,
        Exit::NothingRan,
        Exit::Survived,
    ];

    /// The number handed to the operating system.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The meaning of a number; one that means nothing here is a bug of whoever made it.
    pub fn of_code(code: i32) -> Exit {
        Self::BY_PRECEDENCE.into_iter().find(|exit| i32::from(exit.code()) == code).unwrap_or(Exit::Bug)
    }

    /// What the code means, in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Survived => "everything that was asked ran, and survived",
            Exit::Falsified => "a claim was falsified, a falsifier errored, or the linter found errors",
            Exit::Usage => "the command line or a configuration makes no sense",
            Exit::Unreadable => "an input could not be read",
            Exit::NothingRan => "nothing ran",
            Exit::Incomplete => "something was blocked or vacuous",
            Exit::Bug => "a bug in the harness itself",
            Exit::Interrupted => "interrupted",
        }
    }

    /// The one code that stands for many: the first of [`Exit::BY_PRECEDENCE`] that occurs.
    ///
    /// Nothing to combine is [`Exit::NothingRan`]: an empty list is not a pass.
    pub fn combine(exits: impl IntoIterator<Item = Exit>) -> Exit {
        let mut seen = [false; Self::BY_PRECEDENCE.len()];
        for exit in exits {
            for (flag, candidate) in seen.iter_mut().zip(Self::BY_PRECEDENCE) {
                *flag |= candidate == exit;
            }
        }
        let first = seen.iter().zip(Self::BY_PRECEDENCE).find(|(flag, _)| **flag);
        first.map_or(Exit::NothingRan, |(_, exit)| exit)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn codes_are_the_documented_ones() {
        let codes: Vec<u8> = Exit::BY_PRECEDENCE.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [101, 130, 2, 3, 1, 5, 4, 0]);
    }

    #[test]
    fn precedence_table() {
        use Exit::*;
        let table: &[(&[Exit], Exit)] = &[
            (&[], NothingRan),
            (&[Survived], Survived),
            (&[Survived, Survived], Survived),
            (&[Survived, NothingRan], NothingRan),
            (&[NothingRan, Incomplete], Incomplete),
            (&[Survived, Incomplete, Falsified], Falsified),
            (&[Falsified, Unreadable], Unreadable),
            (&[Unreadable, Usage], Usage),
            (&[Usage, Bug, Falsified], Bug),
            (&[Survived, Interrupted], Interrupted),
            (&[Falsified, Interrupted], Interrupted),
            (&[Usage, Interrupted], Interrupted),
            (&[Interrupted, Bug], Bug),
        ];
        for (exits, expected) in table {
            assert_eq!(Exit::combine(exits.iter().copied()), *expected, "{exits:?}");
        }
    }

    fn any_exit() -> impl Strategy<Value = Exit> {
        proptest::sample::select(Exit::BY_PRECEDENCE.to_vec())
    }

    proptest! {
        #[test]
        fn order_and_repetition_change_nothing(
            exits in proptest::collection::vec(any_exit(), 0..12),
            shuffle in any::<proptest::sample::Index>(),
        ) {
            let whole = Exit::combine(exits.iter().copied());
            let mut other = exits.clone();
            other.extend(exits.iter().copied());
            if !other.is_empty() {
                let by = shuffle.index(other.len());
                other.rotate_left(by);
            }
            prop_assert_eq!(Exit::combine(other.iter().rev().copied()), whole);
        }

        #[test]
        fn one_bad_exit_is_never_lost(exits in proptest::collection::vec(any_exit(), 1..12)) {
            let all_survived = exits.iter().all(|exit| *exit == Exit::Survived);
            prop_assert_eq!(Exit::combine(exits) == Exit::Survived, all_survived);
        }
    }
}
