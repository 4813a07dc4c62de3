//! What the warps of a block share while they run.

use std::sync::Arc;

use super::barrier::Barriers;
use super::program::Program;
use super::warp::{Group, Warp};
use crate::early::Watch;
use crate::fault::{Fault, FaultKind, OtherAccess, Place, SourceLine};
use crate::memory::{Global, Layout, Resolved, Shared, Violation};
use crate::options::Checks;
use crate::race;

/// A launch: what all blocks share.
pub(super) struct Grid<'g> {
    pub(super) program: &'g Program,
    pub(super) global: &'g Global,
    pub(super) race: &'g race::Launch,
    /// What may not be touched yet, where the launch is part of a graph with programmatic edges.
    pub(super) watch: Option<&'g Watch<'g>>,
    pub(super) parameters: &'g [u8],
    /// Blocks along x, y and z.
    pub(super) grid: [u32; 3],
    /// Threads of a block along x, y and z.
    pub(super) block: [u32; 3],
    /// Bytes of shared memory of a block.
    pub(super) shared_bytes: u32,
    pub(super) shared_names: Arc<[(String, u32, u32)]>,
    /// Bytes of dynamic shared memory.
    pub(super) dynamic_shared: u32,
    pub(super) checks: Checks,
    /// Warp instructions that a block may run.
    pub(super) budget: u64,
    pub(super) multiprocessors: u32,
    /// Number of the launch.
    pub(super) number: u64,
}

/// What a block has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) warp_instructions: u64,
    pub(super) lane_operations: u64,
    pub(super) printed: String,
}

/// What the warps of a block share.
pub(super) struct Core<'g> {
    pub(super) grid: &'g Grid<'g>,
    /// The block's number: x first.
    pub(super) number: u32,
    pub(super) shared: Shared,
    pub(super) history: race::Block,
    pub(super) barriers: Barriers,
    pub(super) work: Work,
    /// Warp instructions that are left.
    pub(super) budget: u64,
    /// What was resolved last.
    pub(super) resolved: Resolved,
    /// Of each instruction, the allocation that it used last.
    pub(super) hints: Vec<u32>,
}

impl<'g> Core<'g> {
    pub(super) fn new(grid: &'g Grid<'g>, number: u32) -> Self {
        Self {
            grid,
            number,
            shared: Shared::new(grid.shared_bytes, Arc::clone(&grid.shared_names), grid.checks),
            history: grid.race.block(number, grid.shared_bytes),
            barriers: Barriers::default(),
            work: Work::default(),
            budget: grid.budget,
            resolved: Resolved {
                pointers: [std::ptr::null_mut(); crate::WARP],
                layout: Layout::Scattered,
                allocation: None,
            },
            hints: vec![0; grid.program.code.len()],
        }
    }

    /// The next block in place of one that has ended.
    pub(super) fn next(&mut self, number: u32) {
        self.number = number;
        self.shared.reset();
        self.grid.race.next_block(&mut self.history, number);
        self.barriers = Barriers::default();
        self.budget = self.grid.budget;
    }

    /// A fault at the instruction that a warp is at.
    pub(super) fn fault(&self, warp: &Warp, violation: Violation) -> Box<Fault> {
        let Violation { kind, lane, message, target, other } = violation;
        let grid = self.grid;
        let place = place(grid, warp.now.at, self.number, warp.thread(lane));
        let other = other.map(|(write, block, thread)| OtherAccess {
            write,
            block: coordinates(block, grid.grid),
            thread: coordinates(thread, grid.block),
        });
        Box::new(Fault { kind, message, place, target, other })
    }

    /// A fault of a warp that is past the instruction.
    pub(super) fn wrong_at(&self, warp: &Warp, at: Group, kind: FaultKind, message: String) -> Box<Fault> {
        let thread = warp.thread(at.lanes.trailing_zeros().min(31));
        let place = place(self.grid, at.at, self.number, thread);
        Box::new(Fault { kind, message, place, target: None, other: None })
    }

    /// A fault without an access.
    pub(super) fn wrong(&self, warp: &Warp, kind: FaultKind, lane: u32, message: String) -> Box<Fault> {
        self.fault(warp, Violation { kind, lane, message, target: None, other: None })
    }
}

/// Along x, y and z, of a number that counts x first.
pub(super) const fn coordinates(number: u32, extent: [u32; 3]) -> [u32; 3] {
    let [x, y, _] = extent;
    if x == 0 || y == 0 {
        return [number, 0, 0];
    }
    [number % x, number / x % y, number / x / y]
}

fn place(grid: &Grid<'_>, at: u32, block: u32, thread: u32) -> Option<Place> {
    let program = grid.program;
    let site = program.sites.get(at as usize)?;
    let line = |file: u32, line: u32| {
        let file = program.files.get(&file)?;
        (line > 0).then(|| SourceLine { file: file.clone(), line })
    };
    let text = program.text.lines().nth(site.line.saturating_sub(1) as usize).unwrap_or_default();
    Some(Place {
        kernel: program.kernel.clone(),
        source: site.source.and_then(|source| line(source.file, source.line)),
        inlined_at: site.source.and_then(|source| source.inlined_at).and_then(|(file, at)| line(file, at)),
        ptx_line: site.line,
        instruction: text.split_whitespace().collect::<Vec<_>>().join(" "),
        block: coordinates(block, grid.grid),
        thread: coordinates(thread, grid.block),
    })
}
