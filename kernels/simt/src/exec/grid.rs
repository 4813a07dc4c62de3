//! A launch: its blocks, on the threads of the host.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::block::Block;
use super::core::{Core, Grid, Work};
use super::program::Program;
use crate::early::Watch;
use crate::fault::Fault;
use crate::memory::Global;
use crate::options::Options;
use crate::race;

/// Warp instructions of a launch below which it is not worth to share out its blocks. It is guessed from the number of
/// its warps.
const ALONE: u64 = 8;

/// A launch that was found to be allowed.
pub(crate) struct Plan<'p> {
    pub(crate) program: &'p Program,
    pub(crate) grid: [u32; 3],
    pub(crate) block: [u32; 3],
    pub(crate) dynamic_shared: u32,
    pub(crate) cooperative: bool,
    pub(crate) parameters: &'p [u8],
    /// Number of the launch.
    pub(crate) number: u64,
    /// What may not be touched yet.
    pub(crate) watch: Option<&'p Watch<'p>>,
}

/// What a launch did, and what it took to watch it.
#[derive(Default)]
pub(crate) struct Done {
    pub(crate) warp_instructions: u64,
    pub(crate) lane_operations: u64,
    pub(crate) printed: String,
    pub(crate) totals: race::Totals,
    /// Allocations that were read before they were written.
    pub(crate) hints: Vec<u32>,
}

/// Runs all blocks, and again from the beginning where the history of accesses asks for it.
pub(crate) fn launch(
    plan: &Plan<'_>,
    global: &Global,
    options: &Options,
    hints: &[u32],
) -> Result<Done, Box<Fault>> {
    let program = plan.program;
    let threads: u32 = plan.block.iter().product();
    let races = options.checks.races || options.checks.read_only_cache;
    let mut history =
        race::Launch::new(global, threads.div_ceil(32), program.communicating || plan.cooperative, hints);
    let shared_bytes = if plan.dynamic_shared == 0 {
        program.static_shared
    } else {
        program.dynamic_shared + plan.dynamic_shared
    };
    let mut names = program.shared_names.clone();
    if plan.dynamic_shared > 0 {
        names.push(("dynamic shared memory".to_owned(), program.dynamic_shared, plan.dynamic_shared));
    }
    let names: Arc<[(String, u32, u32)]> = names.into();
    loop {
        let work = {
            let grid = Grid {
                program,
                global,
                race: &history,
                watch: plan.watch,
                parameters: plan.parameters,
                grid: plan.grid,
                block: plan.block,
                shared_bytes,
                shared_names: Arc::clone(&names),
                dynamic_shared: plan.dynamic_shared,
                checks: options.checks,
                budget: options.budget,
                multiprocessors: options.limits.multiprocessors,
                number: plan.number,
            };
            if plan.cooperative { together(&grid)? } else { apart(&grid, options.workers)? }
        };
        if races && history.must_run_again(global) {
            continue;
        }
        return Ok(Done {
            warp_instructions: work.warp_instructions,
            lane_operations: work.lane_operations,
            printed: work.printed,
            totals: history.totals(),
            hints: history.hints(),
        });
    }
}

fn blocks(grid: &Grid<'_>) -> u64 {
    grid.grid.iter().map(|&count| u64::from(count)).product()
}

/// Blocks that need not wait for each other: each to its end, several at once where they cannot tell.
fn apart(grid: &Grid<'_>, workers: usize) -> Result<Work, Box<Fault>> {
    let count = blocks(grid);
    let warps = grid.block.iter().map(|&threads| u64::from(threads)).product::<u64>().div_ceil(32);
    let workers = match workers {
        0 => rayon::current_num_threads(),
        given => given,
    };
    let workers =
        if grid.program.communicating || count.saturating_mul(warps) <= ALONE { 1 } else { workers };
    let workers = u64::try_from(workers).unwrap_or(1).clamp(1, count.max(1));
    let next = AtomicU64::new(0);
    // The lowest block that faulted: blocks before it still run, so that the fault told is always the same.
    let stop = AtomicU64::new(u64::MAX);
    let outcome = Mutex::new((Work::default(), None::<(u64, Box<Fault>)>));
    let worker = || {
        let mut block: Option<Block<'_>> = None;
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count || number > stop.load(Ordering::Relaxed) {
                break;
            }
            // Numbers of blocks fit: grids are at most 2^31 by 2^16 by 2^16, and nobody waits for that many.
            let short = number as u32;
            let running = match &mut block {
                Some(block) => {
                    block.next(short);
                    block
                }
                empty => empty.insert(Block::new(Core::new(grid, short))),
            };
            let ended = loop {
                match running.turn() {
                    Ok(false) => (),
                    Ok(true) => break Ok(()),
                    Err(fault) => break Err(fault),
                }
            };
            if let Err(fault) = ended {
                stop.fetch_min(number, Ordering::Relaxed);
                let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
                if outcome.1.as_ref().is_none_or(|(known, _)| number < *known) {
                    outcome.1 = Some((number, fault));
                }
                break;
            }
        }
        if let Some(block) = block {
            let mut outcome = outcome.lock().unwrap_or_else(PoisonError::into_inner);
            add(&mut outcome.0, &block.core.work);
        }
    };
    if workers == 1 {
        worker();
    } else {
        rayon::scope(|scope| {
            for _ in 1..workers {
                scope.spawn(|_| worker());
            }
            worker();
        });
    }
    let (work, fault) = outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    fault.map_or(Ok(work), |(_, fault)| Err(fault))
}

/// Blocks that may wait for each other: all at once, in turns.
fn together(grid: &Grid<'_>) -> Result<Work, Box<Fault>> {
    let count = u32::try_from(blocks(grid)).unwrap_or(u32::MAX);
    let mut running: Vec<Block<'_>> = (0..count).map(|number| Block::new(Core::new(grid, number))).collect();
    let mut work = Work::default();
    while !running.is_empty() {
        let mut left = Vec::with_capacity(running.len());
        for mut block in running {
            if block.turn()? {
                add(&mut work, &block.core.work);
            } else {
                left.push(block);
            }
        }
        running = left;
    }
    Ok(work)
}

fn add(to: &mut Work, work: &Work) {
    to.warp_instructions += work.warp_instructions;
    to.lane_operations += work.lane_operations;
    to.printed.push_str(&work.printed);
}
