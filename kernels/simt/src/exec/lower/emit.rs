//! Control, calls, and the list of instructions.

use std::collections::HashMap;
use std::sync::Arc;

use super::frame::{Frame, Home, Width};
use super::layout::{SharedLayout, Stack, parameters};
use super::{Environment, MOST_INSTRUCTIONS, refused};
use crate::device::Error;
use crate::exec::program::{ALWAYS, Code, Instruction, Program, Site, Slots};
use crate::ptx::{self, Op, Special};
use crate::registers::Slot;

/// Marks the target of a branch that still counts instructions of its function.
const LOCAL: u32 = 1 << 31;
/// The same, to the end of a function that was called.
const RETURN: u32 = u32::MAX;

/// Calls inside calls.
const DEEPEST: usize = 64;

/// The target of a branch, counted in its function.
fn local(target: usize) -> u32 {
    u32::try_from(target).unwrap_or(LOCAL).min(LOCAL - 2) | LOCAL
}

/// What an instruction reads and writes, by the numbers of registers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Effects {
    pub(super) reads: Vec<u32>,
    pub(super) writes: Vec<u32>,
    /// Whether it only passes bits on: then what was not written may be read, and is passed on as not written.
    pub(super) copies: bool,
}

/// Makes the list of instructions.
pub(super) struct Emitter<'e> {
    pub(super) environment: &'e Environment<'e>,
    kernel: usize,
    pub(super) code: Vec<Instruction>,
    pub(super) slots: Vec<Slot>,
    sites: Vec<Site>,
    effects: Vec<Effects>,
    pub(super) lanes: u32,
    pub(super) predicates: u32,
    pub(super) numbers: u32,
    pub(super) constants: HashMap<(u64, bool), Slot>,
    pub(super) specials: HashMap<Special, Slot>,
    pub(super) truths: [Option<Slot>; 2],
    pub(super) shared: SharedLayout,
    parameters: Vec<u32>,
    parameter_bytes: u32,
    pub(super) local: Stack,
    pub(super) communicating: bool,
    /// What the instruction being translated reads and writes so far.
    pub(super) now: Effects,
    /// The line being translated.
    pub(super) line: u32,
    pub(super) source: Option<ptx::Location>,
}

impl<'e> Emitter<'e> {
    pub(super) fn new(environment: &'e Environment<'e>, kernel: usize) -> Result<Self, Error> {
        let function =
            environment.module.functions.get(kernel).ok_or_else(|| refused(1, "there is no such kernel"))?;
        let places = parameters(environment.module, function)?;
        Ok(Self {
            environment,
            kernel,
            code: Vec::new(),
            slots: Vec::new(),
            sites: Vec::new(),
            effects: Vec::new(),
            lanes: 0,
            predicates: 0,
            numbers: 0,
            constants: HashMap::new(),
            specials: HashMap::new(),
            truths: [None; 2],
            shared: SharedLayout::new(environment.module, kernel)?,
            parameter_bytes: places.last().map_or(0, |last| last.offset + last.bytes),
            parameters: places.iter().map(|place| place.offset).collect(),
            local: Stack::default(),
            communicating: false,
            now: Effects::default(),
            line: function.line,
            source: None,
        })
    }

    /// Everything, from the kernel on.
    pub(super) fn run(&mut self) -> Result<(), Error> {
        let parameters = self.parameters.iter().map(|&offset| Home::Parameter(offset)).collect();
        self.function(self.kernel, parameters, &[], &mut Vec::new())
    }

    /// The instructions of a function, whose parameters and results lie there.
    pub(super) fn function(
        &mut self,
        index: usize,
        parameters: Vec<Home>,
        returns: &[Home],
        callers: &mut Vec<usize>,
    ) -> Result<(), Error> {
        let module = self.environment.module;
        let line = self.line;
        let function =
            module.functions.get(index).ok_or_else(|| refused(line, "there is no such function"))?;
        let Some(body) = &function.body else {
            return Err(refused(line, format!("function {} is declared and has no body", function.name)));
        };
        if callers.contains(&index) {
            return Err(refused(
                line,
                format!("function {} calls itself; recursion is not run", function.name),
            ));
        }
        if callers.len() >= DEEPEST {
            return Err(refused(line, format!("more than {DEEPEST} calls inside each other")));
        }
        callers.push(index);
        let frame = self.frame(index, &parameters, returns)?;
        // Where each of its instructions begins here, and the branches that are to be told.
        let mut begins = Vec::with_capacity(body.len() + 1);
        let first = self.code.len();
        for instruction in body {
            begins.push(self.position()?);
            self.line = instruction.line;
            self.source = instruction.source;
            self.one(&frame, instruction, callers)?;
        }
        let end = self.position()?;
        begins.push(end);
        if callers.len() == 1 {
            // A body that ends without `ret` ends the threads.
            self.push(Code::Exit, ALWAYS, false, false)?;
        }
        let position = |target: u32| begins.get(target as usize).copied().unwrap_or(end);
        for at in first..end as usize {
            let Some(instruction) = self.code.get_mut(at) else { continue };
            match &mut instruction.code {
                Code::Branch { target } if *target & LOCAL != 0 => {
                    *target = if *target == RETURN { end } else { position(*target & !LOCAL) };
                }
                Code::BranchIndexed { targets, .. } => {
                    for target in targets.iter_mut().filter(|target| **target & LOCAL != 0) {
                        *target = position(*target & !LOCAL);
                    }
                }
                _ => (),
            }
        }
        callers.pop();
        Ok(())
    }

    fn position(&self) -> Result<u32, Error> {
        if self.code.len() >= MOST_INSTRUCTIONS {
            return Err(refused(
                self.line,
                format!("more than {MOST_INSTRUCTIONS} instructions with all calls"),
            ));
        }
        u32::try_from(self.code.len()).map_err(|_| refused(self.line, "too many instructions"))
    }

    /// A list of operands.
    pub(super) fn list(&mut self, slots: &[Slot]) -> Slots {
        let start = self.slots.len() as u32;
        self.slots.extend_from_slice(slots);
        Slots { start, len: slots.len() as u32 }
    }

    /// An instruction, with what was noted for it.
    pub(super) fn push(&mut self, code: Code, guard: Slot, negated: bool, real: bool) -> Result<(), Error> {
        self.position()?;
        self.code.push(Instruction { guard, negated, code });
        self.sites.push(Site { line: self.line, source: self.source, real });
        self.effects.push(std::mem::take(&mut self.now));
        Ok(())
    }

    fn one(
        &mut self,
        frame: &Frame,
        instruction: &ptx::Instruction,
        callers: &mut Vec<usize>,
    ) -> Result<(), Error> {
        let (guard, negated) = match instruction.guard {
            None => (ALWAYS, false),
            Some(guard) => (self.read(frame, guard.register, Width::Predicate)?, guard.negated),
        };
        let code = match &instruction.op {
            Op::Branch { target, .. } => Code::Branch { target: local(*target) },
            Op::BranchIndexed { index, targets } => Code::BranchIndexed {
                index: self.operand(frame, *index, Width::Narrow)?,
                targets: targets.iter().map(|&target| local(target)).collect(),
            },
            Op::Return if callers.len() > 1 => Code::Branch { target: RETURN },
            Op::Return | Op::Exit => Code::Exit,
            Op::Call { function, to, from } => {
                if guard != ALWAYS {
                    // Around the call: a branch with the guard the other way.
                    let around = self.code.len();
                    self.push(Code::Branch { target: 0 }, guard, !negated, true)?;
                    self.call(frame, function, to, from, callers)?;
                    let end = self.position()?;
                    if let Some(Instruction { code: Code::Branch { target }, .. }) = self.code.get_mut(around)
                    {
                        *target = end;
                    }
                    return Ok(());
                }
                return self.call(frame, function, to, from, callers);
            }
            op => return self.translate(frame, op, guard, negated),
        };
        self.push(code, guard, negated, true)
    }

    /// The program, and what its instructions read and write.
    pub(super) fn finish(self) -> (Program, Vec<Effects>) {
        let module = self.environment.module;
        let function = module.functions.get(self.kernel);
        let mut constants: Vec<_> =
            self.constants.iter().map(|(&(bits, wide), &slot)| (slot, bits, wide)).collect();
        constants.sort_unstable();
        let dynamic = self.shared.dynamic();
        let program = Program {
            kernel: function.map(|known| known.name.clone()).unwrap_or_default(),
            code: self.code,
            slots: self.slots,
            sites: self.sites,
            lanes: self.lanes as usize,
            predicates: self.predicates as usize,
            watched: 0,
            constants,
            specials: self.specials.iter().map(|(&special, &slot)| (slot, special)).collect(),
            truths: self.truths[1].into_iter().collect(),
            parameter_bytes: self.parameter_bytes,
            static_shared: self.shared.bytes(),
            dynamic_shared: dynamic,
            shared_names: self.shared.names,
            local_bytes: u32::try_from(self.local.bytes).unwrap_or(u32::MAX),
            communicating: self.communicating,
            max_threads: function.and_then(|known| known.max_threads),
            required_threads: function.and_then(|known| known.required_threads),
            read_only: self.environment.read_only.to_vec(),
            files: Arc::new(module.files.clone()),
            text: Arc::clone(&self.environment.text),
            entered: Box::default(),
        };
        (program, self.effects)
    }
}
