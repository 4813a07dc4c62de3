//! What was written, against a flag for each byte, over several chunks.

use std::ops::Range;

use proptest::prelude::*;

use super::super::written::{CHUNK, Written};

const SIZE: u64 = 2 * CHUNK + 100;

/// Ranges that like the borders of words and chunks.
fn range() -> impl Strategy<Value = Range<u64>> {
    let near = |at: u64| at.saturating_sub(3)..(at + 4).min(SIZE + 1);
    let point = move || {
        prop_oneof![near(0), near(64), near(CHUNK), near(2 * CHUNK), near(SIZE), 0..SIZE + 1, 0_u64..300]
    };
    (point(), point()).prop_map(|(a, b)| a.min(b)..a.max(b))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn marks_are_those_of_the_model(steps in prop::collection::vec((range(), 0_u8..4, range()), 1..12)) {
        let mut written = Written::new(SIZE);
        let mut model = vec![false; SIZE as usize];
        for (range, what, asked) in steps {
            let flags = &mut model[range.start as usize..range.end as usize];
            flags.fill(what != 0);
            match what {
                0 => written.clear(range),
                1 => range.for_each(|byte| written.mark_near(byte, 1)),
                _ => written.mark(range),
            }
            prop_assert_eq!(written.all(), model.iter().all(|flag| *flag));
            let flags = &model[asked.start as usize..asked.end as usize];
            prop_assert_eq!(written.contains(asked.clone()), flags.iter().all(|flag| *flag));
            prop_assert_eq!(written.excludes(asked.clone()), !flags.iter().any(|flag| *flag));
            let near = asked.start..(asked.start + 16).min(SIZE);
            let flags = &model[near.start as usize..near.end as usize];
            if !near.is_empty() {
                let bytes = near.end - near.start;
                prop_assert_eq!(written.contains_near(near.start, bytes), flags.iter().all(|flag| *flag));
            }
            let bits = flags.iter().rev().fold(0, |bits, flag| bits << 1 | u64::from(*flag));
            prop_assert_eq!(written.bits(near.start, near.end - near.start), bits);
            let missing = written.missing(near.clone());
            let first = flags.iter().position(|flag| !flag);
            prop_assert_eq!(missing.as_ref().map(|run| (run.start - near.start) as usize), first);
            if let Some(run) = missing {
                prop_assert!(written.excludes(run.clone()));
                prop_assert!(run.end == near.end || written.contains(run.end..run.end + 1));
            }
        }
    }
}
