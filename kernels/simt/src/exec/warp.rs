//! A warp: its registers, and where its lanes are.
//!
//! Lanes that are at the same instruction form a group. One group runs at a time: the one whose instruction has the
//! lowest number, so that lanes which parted come together again where their ways meet. A group that waits for other
//! lanes is parked; it goes on when they arrive at the same instruction.

use crate::WARP;
use crate::memory::Local;
use crate::registers::Registers;

/// Every lane.
pub(super) const ALL: u32 = u32::MAX;

/// Branches back by the lowest group while others wait, before one of the others gets a turn: lanes that spin for what
/// another lane of the warp does must not keep it from doing it.
const PATIENCE: u32 = 1 << 10;

/// Lanes at one instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Number of the instruction that is next.
    pub(super) at: u32,
    /// Which lanes.
    pub(super) lanes: u32,
}

/// What a warp is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It can run.
    Ready,
    /// It waits at this barrier of the block.
    Barrier(u32),
    /// All of its threads ended.
    Done,
}

/// A warp.
pub(super) struct Warp {
    /// Its number in the block.
    pub(super) number: u32,
    pub(super) registers: Registers,
    /// Of each watched register, the lanes that wrote it.
    pub(super) written: Vec<u32>,
    pub(super) local: Local,
    /// Lanes that exist and have not ended.
    pub(super) live: u32,
    /// Lanes that exist.
    pub(super) existing: u32,
    /// Lanes that have waited for what the launch depends on.
    pub(super) waited: u32,
    /// The group that runs.
    pub(super) now: Group,
    /// Groups that can run, the lowest instruction last.
    others: Vec<Group>,
    /// Groups that wait for other lanes.
    parked: Vec<Group>,
    pub(super) state: State,
    /// Branches back since another group had a turn.
    spun: u32,
    /// Whether a group that is not the lowest has its turn.
    turned: bool,
    /// Lanes that had not ended when the groups that wait were looked at last.
    tried: u32,
}

impl Warp {
    pub(super) fn new(number: u32, registers: Registers, watched: usize, local: Local) -> Self {
        Self {
            number,
            registers,
            written: vec![0; watched],
            local,
            live: 0,
            existing: 0,
            waited: 0,
            now: Group { at: 0, lanes: 0 },
            others: Vec::new(),
            parked: Vec::new(),
            state: State::Done,
            spun: 0,
            turned: false,
            tried: 0,
        }
    }

    /// From the first instruction on, with these lanes.
    pub(super) fn start(&mut self, lanes: u32) {
        self.live = lanes;
        self.existing = lanes;
        self.waited = 0;
        self.now = Group { at: 0, lanes };
        self.others.clear();
        self.parked.clear();
        self.written.fill(0);
        self.local.reset();
        self.state = State::Ready;
        self.spun = 0;
        self.turned = false;
        self.tried = lanes;
    }

    /// The instruction at which another group is to be met, or to have its turn.
    pub(super) fn meeting(&self) -> u32 {
        if self.turned {
            return 0;
        }
        let lowest = self.others.last().map_or(u32::MAX, |group| group.at);
        self.parked.iter().map(|group| group.at).filter(|&at| at >= self.now.at).fold(lowest, u32::min)
    }

    /// Adds lanes that can run at an instruction.
    pub(super) fn add(&mut self, group: Group) {
        if group.lanes == 0 {
            return;
        }
        if let Some(same) = self.others.iter_mut().find(|other| other.at == group.at) {
            same.lanes |= group.lanes;
            return;
        }
        let at = self.others.partition_point(|other| other.at > group.at);
        self.others.insert(at, group);
    }

    /// The lanes of the running group wait for others at this instruction.
    pub(super) fn park(&mut self) {
        self.parked.push(self.now);
        self.now.lanes = 0;
    }

    /// Called when the running group is at or past the [`meeting`](Self::meeting), or has no lanes: joins groups at the
    /// same instruction, and lets the lowest run. False if no group can run.
    pub(super) fn regroup(&mut self) -> bool {
        if self.now.lanes != 0 {
            // Those that wait here get another look, with whoever came.
            let here = self.now.at;
            let mut lanes = self.now.lanes;
            self.parked.retain(|group| {
                let met = group.at == here;
                lanes |= if met { group.lanes } else { 0 };
                !met
            });
            self.others.retain(|group| {
                let met = group.at == here;
                lanes |= if met { group.lanes } else { 0 };
                !met
            });
            self.now.lanes = lanes;
            if self.turned || self.others.last().is_none_or(|lowest| lowest.at > here) {
                self.turned &= !self.others.is_empty();
                return true;
            }
            let now = self.now;
            self.add(now);
        }
        self.turned = false;
        match self.others.pop() {
            Some(lowest) => {
                self.now = lowest;
                let here = lowest.at;
                let mut lanes = lowest.lanes;
                self.parked.retain(|group| {
                    let met = group.at == here;
                    lanes |= if met { group.lanes } else { 0 };
                    !met
                });
                self.now.lanes = lanes;
                true
            }
            None => {
                self.now.lanes = 0;
                false
            }
        }
    }

    /// Notes a branch back while other groups wait. After many, one of them gets a turn.
    pub(super) fn branched_back(&mut self) {
        if self.others.is_empty() {
            return;
        }
        self.spun += 1;
        if self.spun >= PATIENCE {
            self.spun = 0;
            // The one that waits longest is not known; the highest is, and the next time the lowest again.
            if self.turned {
                self.turned = false;
                let now = self.now;
                self.now.lanes = 0;
                self.add(now);
            } else {
                let other = self.others.remove(0);
                let now = self.now;
                self.add(now);
                self.now = other;
                self.turned = true;
            }
        }
    }

    /// Whether lanes ended since this was asked last: then groups that wait get another look.
    pub(super) fn retry(&mut self) -> bool {
        if self.live == self.tried || self.parked.is_empty() {
            return false;
        }
        self.tried = self.live;
        for group in std::mem::take(&mut self.parked) {
            self.add(group);
        }
        true
    }

    /// Groups that wait for other lanes.
    pub(super) fn waiting(&self) -> &[Group] {
        &self.parked
    }

    /// Takes the groups that wait.
    pub(super) fn take_waiting(&mut self) -> Vec<Group> {
        std::mem::take(&mut self.parked)
    }

    /// Ends lanes of the running group.
    pub(super) fn end(&mut self, lanes: u32) {
        self.live &= !lanes;
        self.now.lanes &= !lanes;
    }

    /// The number in its block of a thread of this warp.
    pub(super) const fn thread(&self, lane: u32) -> u32 {
        self.number * WARP as u32 + lane
    }
}
