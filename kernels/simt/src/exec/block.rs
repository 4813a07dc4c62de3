//! The warps of a block, one after the other.

use super::barrier::{self, Opened};
use super::core::{Core, coordinates};
use super::program::{Code, Program};
use super::run::{each, run};
use super::warp::{ALL, State, Warp};
use crate::WARP;
use crate::fault::{Fault, FaultKind};
use crate::memory::Local;
use crate::ptx::Special;
use crate::registers::Registers;

/// A block that runs.
pub(super) struct Block<'g> {
    pub(super) core: Core<'g>,
    warps: Vec<Warp>,
}

impl<'g> Block<'g> {
    /// The block of this number, at its first instruction.
    pub(super) fn new(core: Core<'g>) -> Self {
        let grid = core.grid;
        let program = grid.program;
        let threads: u32 = grid.block.iter().product();
        let warps = (0..threads.div_ceil(WARP as u32))
            .map(|number| {
                let local = Local::new(program.local_bytes, grid.checks);
                let registers = Registers::new(program.lanes, program.predicates);
                let mut warp = Warp::new(number, registers, program.watched, local);
                for &(slot, bits, wide) in &program.constants {
                    if wide {
                        warp.registers.set_wide(slot, ALL, |_| bits);
                    } else {
                        warp.registers.set_narrow(slot, ALL, |_| bits as u32);
                    }
                }
                for &slot in &program.truths {
                    warp.registers.set_predicate(slot, ALL, ALL);
                }
                warp
            })
            .collect();
        let mut block = Self { core, warps };
        block.begin();
        block
    }

    /// The next block in place of this one, which has ended.
    pub(super) fn next(&mut self, number: u32) {
        self.core.next(number);
        self.begin();
    }

    fn begin(&mut self) {
        let grid = self.core.grid;
        let threads: u32 = grid.block.iter().product();
        let at = coordinates(self.core.number, grid.grid);
        for warp in &mut self.warps {
            let here = threads - warp.number * WARP as u32;
            warp.start(if here >= WARP as u32 { ALL } else { (1 << here) - 1 });
            for &(slot, special) in &grid.program.specials {
                let first = warp.number * WARP as u32;
                if special == Special::GridId {
                    warp.registers.set_wide(slot, ALL, |_| grid.number);
                    continue;
                }
                let number = self.core.number;
                warp.registers.set_narrow(slot, ALL, |lane| match special {
                    Special::Tid(axis) => axis_of(coordinates(first + lane, grid.block), axis),
                    Special::Ntid(axis) => axis_of(grid.block, axis),
                    Special::Ctaid(axis) => axis_of(at, axis),
                    Special::Nctaid(axis) => axis_of(grid.grid, axis),
                    Special::LaneId => lane,
                    Special::WarpId => first / WARP as u32,
                    Special::NWarpId => threads.div_ceil(WARP as u32),
                    Special::SmId => number % grid.multiprocessors.max(1),
                    Special::NSmId => grid.multiprocessors,
                    Special::LaneMaskEq => 1 << lane,
                    Special::LaneMaskLt => (1u32 << lane) - 1,
                    Special::LaneMaskLe => ALL >> (31 - lane),
                    Special::LaneMaskGe => ALL << lane,
                    Special::LaneMaskGt => (ALL << lane) << 1,
                    Special::DynamicSharedSize => grid.dynamic_shared,
                    Special::TotalSharedSize => grid.shared_bytes,
                    Special::GridId | Special::Clock | Special::Clock64 | Special::GlobalTimer => 0,
                });
            }
        }
    }

    /// Gives every warp that can run a turn. True when all have ended.
    pub(super) fn turn(&mut self) -> Result<bool, Box<Fault>> {
        let mut ran = false;
        for index in 0..self.warps.len() {
            let Some(warp) = self.warps.get_mut(index) else { continue };
            if warp.state == State::Ready {
                ran = true;
                run(&mut self.core, warp)?;
                self.open();
            }
        }
        if ran {
            return Ok(false);
        }
        match self.warps.iter().find(|warp| warp.state != State::Done) {
            None => Ok(true),
            Some(warp) => Err(self.stuck(warp)),
        }
    }

    /// Opens barriers that everyone reached.
    fn open(&mut self) {
        let live = self
            .warps
            .iter()
            .filter(|warp| warp.state != State::Done)
            .fold(0, |all, warp| all | 1 << warp.number);
        let ended = self.warps.iter().fold(0, |all, warp| all | 1 << warp.number) & !live;
        while let Some(opened) = self.core.barriers.open(live) {
            // A barrier for all threads does not wait for those that ended; what they did is done.
            let ended = if opened.for_all { ended } else { 0 };
            self.core.history.opens(opened.number, opened.arrived | ended, opened.waiting | ended);
            for number in each(opened.waiting) {
                if let Some(warp) = self.warps.get_mut(number as usize) {
                    release(self.core.grid.program, warp, opened);
                }
            }
        }
    }

    fn stuck(&self, warp: &Warp) -> Box<Fault> {
        let State::Barrier(number) = warp.state else {
            return self.core.wrong(warp, FaultKind::Deadlock, 0, "nothing can run".to_owned());
        };
        let others =
            self.warps.iter().filter(|other| other.state != State::Done && other.state != warp.state);
        let mut message = self.core.barriers.describe(number);
        if let Some(State::Barrier(other)) = others.map(|other| other.state).next() {
            message.push_str("; ");
            message.push_str(&self.core.barriers.describe(other));
        }
        let ended = self.warps.iter().filter(|other| other.state == State::Done).count();
        if ended > 0 {
            message.push_str(&format!("; {ended} warps have ended"));
        }
        // The instruction that waits is the one before.
        let mut at = warp.now;
        at.at = at.at.saturating_sub(1);
        self.core.wrong_at(warp, at, FaultKind::DivergentBarrier, message)
    }
}

fn axis_of(coordinates: [u32; 3], axis: u8) -> u32 {
    coordinates.get(usize::from(axis)).copied().unwrap_or(0)
}

/// A warp goes on after its barrier.
fn release(program: &Program, warp: &mut Warp, opened: Opened) {
    warp.state = State::Ready;
    let at = warp.now.at.saturating_sub(1);
    if let Some(Code::Barrier { reduce: Some(reduce), .. }) =
        program.code.get(at as usize).map(|next| &next.code)
    {
        let answer = barrier::reduced(reduce.op, opened.reduced);
        let lanes = warp.now.lanes;
        if reduce.op == crate::ptx::BarrierReduction::Popc {
            warp.registers.set_narrow(reduce.to, lanes, |_| answer);
        } else {
            warp.registers.set_predicate(reduce.to, lanes, if answer != 0 { ALL } else { 0 });
        }
    }
}
