//! Which registers may be read before they are written.
//!
//! On most ways through most programs nothing is, and that is known without running: then nothing is watched. A register
//! that some way reads before it writes is watched: its writes are marked, and its reads checked, lane by lane. An
//! instruction that only passes bits on may read what was not written; what it writes then counts as not written.

use super::emit::Effects;
use crate::exec::program::{ALWAYS, Code, Instruction, Program, Site, Slots};

/// Words of sets that may be gone through: far more than any compiler's output takes.
const MOST_WORK: u64 = 1 << 31;
/// Words of sets that may be kept at once.
const MOST_WORDS: usize = 1 << 25;

/// Puts checks and marks into a program. False if that would take too long or too much.
pub(super) fn watch(program: &mut Program, effects: &[Effects]) -> bool {
    let registers =
        effects.iter().flat_map(|of| of.reads.iter().chain(&of.writes)).max().map_or(0, |&most| most + 1);
    let Some(unsure) = unsure_reads(program, effects, registers as usize) else { return false };
    let mut number = vec![None; registers as usize];
    let mut watched = 0u32;
    for &register in unsure.iter().flatten() {
        if let Some(slot @ None) = number.get_mut(register as usize) {
            *slot = Some(watched);
            watched += 1;
        }
    }
    program.watched = watched as usize;
    if watched > 0 {
        insert(program, effects, &unsure, &number);
    }
    true
}

/// A set of registers.
#[derive(Clone, PartialEq, Eq)]
struct Set(Vec<u64>);

impl Set {
    fn none(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    fn has(&self, register: u32) -> bool {
        self.0.get(register as usize / 64).is_some_and(|word| word >> (register % 64) & 1 == 1)
    }

    fn set(&mut self, register: u32, value: bool) {
        if let Some(word) = self.0.get_mut(register as usize / 64) {
            *word = *word & !(1 << (register % 64)) | u64::from(value) << (register % 64);
        }
    }

    /// Whether anything was taken away.
    fn keep(&mut self, other: &Self) -> bool {
        let mut changed = false;
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            changed |= *word & !other != 0;
            *word &= other;
        }
        changed
    }
}

/// What an instruction does to what was written.
fn apply(set: &mut Set, of: &Effects, instruction: &Instruction) {
    let passed = !of.copies || of.reads.iter().all(|&register| set.has(register));
    for &register in &of.writes {
        // Where a guard may skip it, it is written only if it was, or not at all.
        if instruction.guard == ALWAYS {
            set.set(register, passed);
        } else if !passed {
            set.set(register, false);
        }
    }
}

/// Where control goes after an instruction.
fn successors(at: usize, instruction: &Instruction, to: &mut Vec<usize>) {
    to.clear();
    let falls = match &instruction.code {
        Code::Branch { target } => {
            to.push(*target as usize);
            instruction.guard != ALWAYS
        }
        Code::BranchIndexed { targets, .. } => {
            to.extend(targets.iter().map(|&target| target as usize));
            instruction.guard != ALWAYS
        }
        Code::Exit | Code::Trap | Code::AssertFail { .. } => instruction.guard != ALWAYS,
        _ => true,
    };
    if falls {
        to.push(at + 1);
    }
}

/// The instructions that something jumps to, or that follow a jump.
fn leaders(program: &Program) -> Vec<bool> {
    let mut leaders = vec![false; program.code.len() + 1];
    let mut to = Vec::new();
    for (at, instruction) in program.code.iter().enumerate() {
        successors(at, instruction, &mut to);
        if to.as_slice() != [at + 1] {
            for &target in to.iter().chain(&[at + 1]) {
                if let Some(leader) = leaders.get_mut(target) {
                    *leader = true;
                }
            }
        }
    }
    leaders
}

/// Of each instruction, the registers that it reads and that some way to it did not write.
fn unsure_reads(program: &Program, effects: &[Effects], registers: usize) -> Option<Vec<Vec<u32>>> {
    let leaders = leaders(program);
    let words = registers.div_ceil(64).max(1);
    let blocks = leaders.iter().filter(|leader| **leader).count() + 1;
    if blocks.saturating_mul(words) > MOST_WORDS {
        return None;
    }
    // At the begin of each block only: a set for each instruction would take too much.
    let mut begins: Vec<Option<Set>> = vec![None; program.code.len() + 1];
    if let Some(begin) = begins.first_mut() {
        *begin = Some(Set::none(registers));
    }
    let mut left = MOST_WORK;
    let (mut work, mut to) = (vec![0], Vec::new());
    while let Some(first) = work.pop() {
        let Some(mut set) = begins.get(first).cloned().flatten() else { continue };
        let mut at = first;
        while let (Some(instruction), Some(of)) = (program.code.get(at), effects.get(at)) {
            left = left.checked_sub(1)?;
            apply(&mut set, of, instruction);
            successors(at, instruction, &mut to);
            if to.as_slice() != [at + 1] || leaders.get(at + 1) == Some(&true) {
                for &target in &to {
                    left = left.checked_sub(words as u64)?;
                    let Some(begin) = begins.get_mut(target) else { continue };
                    let changed = match begin {
                        Some(known) => known.keep(&set),
                        None => {
                            *begin = Some(set.clone());
                            true
                        }
                    };
                    if changed {
                        work.push(target);
                    }
                }
                break;
            }
            at += 1;
        }
    }
    // Once more, now that it is known what each block begins with.
    let mut unsure = vec![Vec::new(); program.code.len()];
    let mut set = None;
    for (at, (instruction, of)) in program.code.iter().zip(effects).enumerate() {
        if at == 0 || leaders.get(at) == Some(&true) {
            set = begins.get_mut(at).and_then(Option::take);
        }
        let (Some(set), Some(unsure)) = (&mut set, unsure.get_mut(at)) else { continue };
        unsure.extend(of.reads.iter().copied().filter(|&register| !set.has(register)));
        apply(set, of, instruction);
    }
    Some(unsure)
}

/// Puts the checks and marks between the instructions, and moves the targets of branches along.
fn insert(program: &mut Program, effects: &[Effects], unsure: &[Vec<u32>], number: &[Option<u32>]) {
    let of = |registers: &[u32], kept: &dyn Fn(u32) -> bool| -> Vec<u32> {
        let watched = registers.iter().filter(|&&register| kept(register));
        watched.filter_map(|&register| number.get(register as usize).copied().flatten()).collect()
    };
    let code = std::mem::take(&mut program.code);
    let sites = std::mem::take(&mut program.sites);
    let mut moved = Vec::with_capacity(code.len() + 1);
    for (at, (instruction, site)) in code.into_iter().zip(sites).enumerate() {
        moved.push(program.code.len() as u32);
        let (guard, negated) = (instruction.guard, instruction.negated);
        let put = |program: &mut Program, code: Code| {
            program.code.push(Instruction { guard, negated, code });
            program.sites.push(Site { real: false, ..site });
        };
        let (Some(effect), Some(unsure)) = (effects.get(at), unsure.get(at)) else { continue };
        let unsure = |register: u32| unsure.contains(&register);
        // The guard is read by all lanes, the rest by those that it lets run.
        let (guards, operands) = effect.reads.split_at(usize::from(guard != ALWAYS).min(effect.reads.len()));
        let (guards, operands) = (of(guards, &unsure), of(operands, &unsure));
        if !guards.is_empty() {
            let registers = list(program, &guards);
            program.code.push(Instruction {
                guard: ALWAYS,
                negated: false,
                code: Code::CheckWritten { registers },
            });
            program.sites.push(Site { real: false, ..site });
        }
        if !operands.is_empty() && !effect.copies {
            let registers = list(program, &operands);
            put(program, Code::CheckWritten { registers });
        }
        let written = of(&effect.writes, &|_| true);
        let from = if effect.copies { of(&effect.reads, &|_| true) } else { Vec::new() };
        if written.is_empty() {
            program.code.push(instruction);
            program.sites.push(site);
        } else {
            // Marked first: the instruction may write its own guard.
            let (registers, from) = (list(program, &written), list(program, &from));
            put(program, Code::MarkWritten { registers, from });
            program.code.push(instruction);
            program.sites.push(site);
        }
    }
    moved.push(program.code.len() as u32);
    for instruction in &mut program.code {
        let new = |target: &mut u32| *target = moved.get(*target as usize).copied().unwrap_or(*target);
        match &mut instruction.code {
            Code::Branch { target } => new(target),
            Code::BranchIndexed { targets, .. } => targets.iter_mut().for_each(new),
            _ => (),
        }
    }
}

fn list(program: &mut Program, numbers: &[u32]) -> Slots {
    let start = program.slots.len() as u32;
    program.slots.extend_from_slice(numbers);
    Slots { start, len: numbers.len() as u32 }
}
