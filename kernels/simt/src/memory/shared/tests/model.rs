//! The same verdicts as a simple model, a state for each byte; for shared and local memory alike.

use std::sync::Arc;

use proptest::prelude::*;

use super::access;
use crate::WARP;
use crate::fault::FaultKind;
use crate::memory::{AccessKind, Local, Resolved, Shared};
use crate::options::Checks;

const BYTES: u64 = 333;

#[derive(Debug, Clone)]
enum Step {
    Access { kind: AccessKind, log: u32, active: u32, lanes: Vec<u64>, pattern: u8 },
    Copy { thread: u32, at: u64, log: u32 },
    Commit(u32),
    Wait(u32, Option<u32>),
    Reset,
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![Just(AccessKind::Load), Just(AccessKind::Store), Just(AccessKind::Atomic)];
    let active = prop_oneof![Just(u32::MAX), 1_u32.., (0_u32..32).prop_map(|lane| 1 << lane)];
    let at = || prop_oneof![30 => 0..BYTES, 1 => any::<u64>()];
    let lanes = prop::collection::vec(at(), WARP);
    prop_oneof![
        8 => (kind, 0_u32..5, active, lanes, 0_u8..4).prop_map(|(kind, log, active, lanes, pattern)| {
            Step::Access { kind, log, active, lanes, pattern }
        }),
        4 => (0_u32..3, at(), 2_u32..5).prop_map(|(thread, at, log)| Step::Copy { thread, at: at & !3, log }),
        2 => (0_u32..3).prop_map(Step::Commit),
        2 => (0_u32..3, prop::option::of(0_u32..3)).prop_map(|(thread, pending)| Step::Wait(thread, pending)),
        1 => Just(Step::Reset),
    ]
}

fn addresses(lanes: &[u64], log: u32, pattern: u8) -> [u64; WARP] {
    let aligned = |lane: usize| lanes[lane] >> log << log;
    std::array::from_fn(|lane| match pattern {
        0 => aligned(0),
        1 => aligned(0).wrapping_add((lane as u64) << log),
        2 => aligned(lane) % 512,
        _ => lanes[lane],
    })
}

/// A state for each byte of one memory.
struct Model {
    written: Vec<bool>,
    /// Threads with the groups of their copies, the last of which is not committed.
    copies: Vec<Vec<Vec<(u64, u64)>>>,
    checks: Checks,
}

impl Model {
    fn new(checks: Checks) -> Self {
        Self { written: vec![false; BYTES as usize], copies: vec![vec![Vec::new()]; 3], checks }
    }

    fn pending(&self, at: u64, bytes: u64) -> bool {
        self.copies.iter().flatten().flatten().any(|&(begin, size)| begin < at + bytes && at < begin + size)
    }

    fn inside(at: u64, bytes: u64) -> bool {
        at.checked_add(bytes).is_some_and(|end| end <= BYTES)
    }

    /// What is wrong with bytes that are accessed, or copied to.
    fn verdict(&self, at: u64, bytes: u64, reads: bool) -> Option<FaultKind> {
        if !Self::inside(at, bytes) {
            return self.checks.bounds.then_some(FaultKind::OutOfBounds);
        }
        if self.checks.alignment && !at.is_multiple_of(bytes) {
            return Some(FaultKind::Misaligned);
        }
        if self.checks.copies && self.pending(at, bytes) {
            return Some(FaultKind::UnfinishedCopy);
        }
        let written = self.written[at as usize..(at + bytes) as usize].iter().all(|written| *written);
        (self.checks.initialised && reads && !written).then_some(FaultKind::Uninitialised)
    }

    fn write(&mut self, at: u64, bytes: u64) {
        if Self::inside(at, bytes) {
            self.written[at as usize..(at + bytes) as usize].fill(true);
        }
    }

    /// The first lane's fault; without one, stores are made.
    fn access(
        &mut self,
        kind: AccessKind,
        bytes: u64,
        active: u32,
        at: &[u64; WARP],
    ) -> Option<(u32, FaultKind)> {
        let lanes = || (0..WARP).filter(|lane| active >> lane & 1 != 0);
        let reads = kind != AccessKind::Store;
        let found = lanes().find_map(|lane| Some((lane as u32, self.verdict(at[lane], bytes, reads)?)));
        if found.is_none() && !reads {
            lanes().for_each(|lane| self.write(at[lane], bytes));
        }
        found
    }
}

fn checks() -> impl Strategy<Value = Checks> {
    let some = any::<(bool, bool, bool, bool)>().prop_map(|(bounds, alignment, initialised, copies)| {
        Checks { bounds, alignment, initialised, copies, ..Checks::ALL }
    });
    prop_oneof![Just(Checks::ALL), some]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn shared_memory_is_as_the_model(steps in prop::collection::vec(step(), 1..50), checks in checks()) {
        let mut shared = Shared::new(BYTES as u32, Arc::new([]), checks);
        let mut model = Model::new(checks);
        let mut resolved = Resolved::new();
        for step in steps {
            match step {
                Step::Access { kind, log, active, lanes, pattern } => {
                    let at = addresses(&lanes, log, pattern);
                    let result = shared.resolve(&access(kind, 1 << log, active, &at), &mut resolved);
                    let expected = model.access(kind, 1 << log, active, &at);
                    prop_assert_eq!(result.err().map(|found| (found.lane, found.kind)), expected);
                    if expected.is_some() {
                        // Lanes before the one at fault may have been marked; a kernel ends here.
                        return Ok(());
                    }
                    let host = shared.window().host;
                    for lane in (0..WARP).filter(|lane| active >> lane & 1 != 0) {
                        let inside = Model::inside(at[lane], 1 << log);
                        let pointer = if inside { host.wrapping_add(at[lane] as usize) } else { std::ptr::null_mut() };
                        prop_assert_eq!(resolved.pointers[lane], pointer);
                    }
                }
                Step::Copy { thread, at, log } => {
                    let result = shared.copy(thread, 3, at, &[1; 16][..1 << log]);
                    let expected = model.verdict(at, 1 << log, false);
                    prop_assert_eq!(result.err().map(|found| found.kind), expected);
                    if expected.is_none() && Model::inside(at, 1 << log) {
                        model.copies[thread as usize].last_mut().unwrap().push((at, 1 << log));
                    }
                }
                Step::Commit(thread) => {
                    shared.commit(thread);
                    model.copies[thread as usize].push(Vec::new());
                }
                Step::Wait(thread, pending) => {
                    let mut pieces = Vec::new();
                    shared.wait(thread, pending, &mut |at, bytes| pieces.push((u64::from(at), u64::from(bytes))));
                    let groups = &mut model.copies[thread as usize];
                    let keep = pending.map_or(0, |pending| (pending as usize + 1).min(groups.len()));
                    let landed: Vec<_> = groups.drain(..groups.len() - keep).flatten().collect();
                    if groups.is_empty() {
                        groups.push(Vec::new());
                    }
                    landed.iter().for_each(|&(at, bytes)| model.write(at, bytes));
                    prop_assert_eq!(pieces, landed);
                }
                Step::Reset => {
                    shared.reset();
                    model = Model::new(checks);
                }
            }
        }
    }

    #[test]
    fn local_memory_is_as_the_model(steps in prop::collection::vec(step(), 1..50), checks in checks()) {
        let mut local = Local::new(BYTES as u32, checks);
        let mut models: Vec<Model> = (0..WARP).map(|_| Model::new(checks)).collect();
        let mut resolved = Resolved::new();
        for step in steps {
            match step {
                Step::Access { kind, log, active, lanes, pattern } => {
                    let at = addresses(&lanes, log, pattern);
                    let result = local.resolve(&access(kind, 1 << log, active, &at), &mut resolved);
                    let lanes: Vec<usize> = (0..WARP).filter(|lane| active >> lane & 1 != 0).collect();
                    let found: Vec<_> = lanes.iter()
                        .map(|&lane| models[lane].access(kind, 1 << log, 1 << lane, &at))
                        .collect();
                    let expected = found.into_iter().flatten().next();
                    prop_assert_eq!(result.err().map(|found| (found.lane, found.kind)), expected);
                    if expected.is_some() {
                        return Ok(());
                    }
                    let mut begins: Vec<usize> = lanes.iter()
                        .filter(|&&lane| !resolved.pointers[lane].is_null())
                        .map(|&lane| resolved.pointers[lane].addr() - at[lane] as usize)
                        .collect();
                    prop_assert!(begins.is_sorted_by(|a, b| a + BYTES as usize <= *b));
                    begins.retain(|begin| !begin.is_multiple_of(16));
                    prop_assert!(begins.is_empty());
                }
                Step::Reset => {
                    local.reset();
                    models.iter_mut().for_each(|model| *model = Model::new(checks));
                }
                _ => {}
            }
        }
    }
}
