//! The same verdicts as a simple model: a list of buffers with a flag for each byte.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::Global;
use super::access;
use crate::WARP;
use crate::fault::FaultKind;
use crate::memory::{AccessKind, Layout, Resolved};
use crate::options::Checks;

/// What is done; addresses are given by a buffer and a distance from its begin.
#[derive(Debug, Clone)]
enum Step {
    Allocate(u64),
    Free(usize),
    Write(usize, i64, u64),
    Copy(usize, i64, usize, i64, u64),
    Access { kind: AccessKind, log: u32, active: u32, lanes: Vec<(usize, i64)>, pattern: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let at = || prop_oneof![8 => 0_i64..300, 1 => -20_i64..600, 1 => any::<i64>()];
    let kind = prop_oneof![Just(AccessKind::Load), Just(AccessKind::Store), Just(AccessKind::Atomic)];
    let active = prop_oneof![Just(u32::MAX), 1_u32.., (0_u32..32).prop_map(|lane| 1 << lane)];
    let lanes = prop::collection::vec((0_usize..6, at()), WARP);
    prop_oneof![
        2 => (0_u64..400).prop_map(Step::Allocate),
        1 => (0_usize..6).prop_map(Step::Free),
        3 => (0_usize..6, at(), 0_u64..300).prop_map(|(buffer, at, bytes)| Step::Write(buffer, at, bytes)),
        2 => (0_usize..6, at(), 0_usize..6, at(), 0_u64..200).prop_map(|(a, x, b, y, n)| Step::Copy(a, x, b, y, n)),
        8 => (kind, 0_u32..5, active, lanes, 0_u8..4).prop_map(|(kind, log, active, lanes, pattern)| {
            Step::Access { kind, log, active, lanes, pattern }
        }),
    ]
}

/// Every buffer there was: its size, a flag for each byte, and whether it lives.
#[derive(Default)]
struct Model {
    buffers: BTreeMap<u64, (Vec<bool>, bool)>,
}

impl Model {
    /// The begin of the buffer that a byte lies in, and whether that lives. A freed one without bytes keeps its address.
    fn buffer(&self, address: u64) -> Option<(u64, bool)> {
        let (&begin, (bytes, live)) = self.buffers.range(..=address).next_back()?;
        let size = if *live { bytes.len() } else { bytes.len().max(1) };
        (address - begin < size as u64).then_some((begin, *live))
    }

    /// The flags of a range, if it lies in one buffer that lives.
    fn range(&mut self, address: u64, bytes: u64) -> Option<&mut [bool]> {
        let (begin, live) = self.buffer(address)?;
        let (written, _) = self.buffers.get_mut(&begin)?;
        let at = (address - begin) as usize;
        if live { written.get_mut(at..at.checked_add(bytes as usize)?) } else { None }
    }

    /// What is wrong with an access, and whether it is served if that is not checked.
    fn verdict(
        &mut self,
        kind: AccessKind,
        address: u64,
        bytes: u64,
        checks: Checks,
    ) -> (Option<FaultKind>, bool) {
        let freed =
            (0..bytes).any(|byte| matches!(self.buffer(address.wrapping_add(byte)), Some((_, false))));
        let Some(written) = self.range(address, bytes) else {
            let kind = match freed {
                true if checks.lifetime => Some(FaultKind::UseAfterFree),
                _ => checks.bounds.then_some(FaultKind::OutOfBounds),
            };
            return (kind, false);
        };
        let written = written.iter().all(|written| *written);
        if checks.alignment && !address.is_multiple_of(bytes) {
            return (Some(FaultKind::Misaligned), true);
        }
        let bad = checks.initialised && kind != AccessKind::Store && !written;
        (bad.then_some(FaultKind::Uninitialised), true)
    }
}

fn run(steps: &[Step], checks: Checks) -> Result<(), TestCaseError> {
    let mut global = Global::new(1 << 20, checks);
    let mut model = Model::default();
    let mut begins = Vec::new();
    let (mut hint, mut resolved) = (0, Resolved::new());
    for step in steps {
        let address = |buffer: usize, at: i64| {
            let begin: u64 = begins.get(buffer % begins.len().max(1)).copied().unwrap_or(0);
            begin.wrapping_add(at.cast_unsigned())
        };
        match step {
            Step::Allocate(bytes) => {
                let begin = global.allocate("x", *bytes, false).unwrap();
                prop_assert_eq!(begin % 256, 0);
                model.buffers.insert(begin, (vec![false; *bytes as usize], true));
                begins.insert(0, begin);
            }
            Step::Free(buffer) => {
                let begin = address(*buffer, 0);
                let live = model.buffers.get_mut(&begin).map(|buffer| std::mem::take(&mut buffer.1));
                prop_assert_eq!(global.release(begin).is_ok(), live == Some(true));
            }
            Step::Write(buffer, at, bytes) => {
                let address = address(*buffer, *at);
                let written = model.range(address, *bytes);
                let done = global.write(address, &vec![1; *bytes as usize]).is_ok();
                prop_assert_eq!(done, *bytes == 0 || written.is_some());
                written.into_iter().for_each(|written| written.fill(true));
            }
            Step::Copy(a, x, b, y, bytes) => {
                let (from, to) = (address(*a, *x), address(*b, *y));
                let written = model.range(from, *bytes).map(|written| written.to_vec());
                let target = model.range(to, *bytes);
                let done = global.copy(from, to, *bytes).is_ok();
                prop_assert_eq!(done, *bytes == 0 || written.is_some() && target.is_some());
                if let (Some(written), Some(target)) = (written, target) {
                    target.copy_from_slice(&written);
                }
            }
            Step::Access { kind, log, active, lanes, pattern } => {
                let bytes = 1_u64 << log;
                let (first, at) = lanes[0];
                let addresses: [u64; WARP] = std::array::from_fn(|lane| match pattern {
                    0 => address(first, at & !15),
                    1 => address(first, (at & !15).wrapping_add_unsigned(lane as u64 * bytes)),
                    2 => address(first, (lanes[lane].1 % 300) & -(1 << log)),
                    _ => address(lanes[lane].0, lanes[lane].1),
                });
                check(
                    &global,
                    &mut model,
                    (*kind, bytes, *active),
                    &addresses,
                    &mut hint,
                    &mut resolved,
                    checks,
                )?;
            }
        }
    }
    Ok(())
}

fn check(
    global: &Global,
    model: &mut Model,
    (kind, bytes, active): (AccessKind, u64, u32),
    addresses: &[u64; WARP],
    hint: &mut u32,
    resolved: &mut Resolved,
    checks: Checks,
) -> Result<(), TestCaseError> {
    let lanes: Vec<usize> = (0..WARP).filter(|lane| active >> lane & 1 != 0).collect();
    let verdicts: Vec<_> =
        lanes.iter().map(|&lane| model.verdict(kind, addresses[lane], bytes, checks)).collect();
    let expected =
        lanes.iter().zip(&verdicts).find_map(|(&lane, (kind, _))| kind.map(|kind| (lane as u32, kind)));
    let result = global.resolve(&access(kind, bytes as u32, active, addresses), hint, resolved);
    prop_assert_eq!(result.err().map(|violation| (violation.lane, violation.kind)), expected);
    if expected.is_some() {
        return Ok(());
    }
    let mut buffers = Vec::new();
    for (&lane, (_, served)) in lanes.iter().zip(&verdicts) {
        let (address, pointer) = (addresses[lane], resolved.pointers[lane]);
        if !served {
            prop_assert!(pointer.is_null());
            buffers.push(None);
            continue;
        }
        // The pointer is inside whatever is checked.
        let number = global.allocation_at(address).unwrap();
        let (begin, size, host) = global.allocation(number).unwrap();
        prop_assert!(address - begin + bytes <= size);
        prop_assert_eq!(pointer, host.wrapping_add((address - begin) as usize));
        buffers.push(Some(number));
        if kind != AccessKind::Load {
            model.range(address, bytes).unwrap().fill(true);
        }
    }
    let same = buffers.iter().all(|buffer| *buffer == buffers[0]);
    prop_assert_eq!(resolved.allocation, if same { buffers[0] } else { None });
    let first = addresses[lanes[0]];
    match resolved.layout {
        Layout::Uniform => prop_assert!(lanes.iter().all(|&lane| addresses[lane] == first)),
        Layout::Contiguous => {
            prop_assert_eq!(active, u32::MAX);
            prop_assert!(lanes.iter().all(|&lane| addresses[lane] == first + lane as u64 * bytes));
        }
        Layout::Scattered => {}
    }
    Ok(())
}

fn checks() -> impl Strategy<Value = Checks> {
    any::<(bool, bool, bool, bool)>().prop_map(|(bounds, alignment, initialised, lifetime)| Checks {
        bounds,
        alignment,
        initialised,
        lifetime,
        ..Checks::ALL
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn verdicts_are_those_of_the_model(steps in prop::collection::vec(step(), 1..40)) {
        run(&steps, Checks::ALL)?;
    }

    #[test]
    fn nothing_leaves_a_buffer_whatever_is_checked(
        steps in prop::collection::vec(step(), 1..40),
        checks in checks(),
    ) {
        run(&steps, checks)?;
    }
}
