//! Slots for registers and numbers, and places for variables.

use std::cell::RefCell;

use super::emit::Emitter;
use super::frame::{Frame, Home, Place, Width};
use super::layout::variable;
use super::refused;
use crate::device::Error;
use crate::ptx::{RegisterId, Space, Special, Type, VariableId};
use crate::registers::Slot;

/// Registers of 32 bits that a program may use: 8 MiB for each warp.
const MOST_LANES: u32 = 1 << 16;

impl Emitter<'_> {
    /// Registers and variables of a function, whose parameters and results lie there.
    pub(super) fn frame(
        &mut self,
        index: usize,
        parameters: &[Home],
        returns: &[Home],
    ) -> Result<Frame, Error> {
        let module = self.environment.module;
        let function =
            module.functions.get(index).ok_or_else(|| refused(self.line, "there is no such function"))?;
        let registers = RefCell::new(vec![None; function.registers.len()]);
        let mut variables = Vec::with_capacity(function.variables.len());
        for (number, variable) in function.variables.iter().enumerate() {
            let id = VariableId::Local(u32::try_from(number).unwrap_or(u32::MAX));
            let given =
                function.parameters.iter().position(|known| *known == id).and_then(|at| parameters.get(at));
            let given = given.or_else(|| {
                function.returns.iter().position(|known| *known == id).and_then(|at| returns.get(at))
            });
            let home = match (given, variable.space) {
                (Some(home), _) => *home,
                (None, Space::Shared) => Home::Shared(
                    self.shared.offset(Some(index), u32::try_from(number).unwrap_or(u32::MAX)).ok_or_else(
                        || refused(variable.line, format!("variable {} has no place", variable.name)),
                    )?,
                ),
                (None, Space::Local | Space::Param) => {
                    Home::Local(self.local.push(variable.bytes.unwrap_or(0), variable.align))
                }
                (None, _) => {
                    return Err(refused(
                        variable.line,
                        format!("variable {} may not stand in a function", variable.name),
                    ));
                }
            };
            variables.push(home);
        }
        Ok(Frame { function: index, registers, variables })
    }

    /// Where a variable lies.
    pub(super) fn home(&self, frame: &Frame, id: VariableId) -> Result<Home, Error> {
        match id {
            VariableId::Local(index) => frame.variables.get(index as usize).copied(),
            VariableId::Module(index) => {
                let module = self.environment.module;
                match module.variables.get(index as usize).map(|variable| variable.space) {
                    Some(Space::Shared) => self.shared.offset(None, index).map(Home::Shared),
                    Some(_) => self.environment.addresses.get(&index).map(|&address| Home::Global(address)),
                    None => None,
                }
            }
        }
        .ok_or_else(|| {
            let function = self.environment.module.functions.get(frame.function);
            let name = function.and_then(|function| variable(self.environment.module, function, id));
            refused(self.line, format!("variable {} has no place", name.map_or("?", |known| &known.name)))
        })
    }

    /// A register of a function.
    pub(super) fn place_of(&mut self, frame: &Frame, id: RegisterId) -> Result<Place, Error> {
        let index = id.0 as usize;
        if let Some(Some(place)) = frame.registers.borrow().get(index) {
            return Ok(*place);
        }
        let functions = &self.environment.module.functions;
        let declared = functions.get(frame.function).and_then(|function| function.registers.get(index));
        let ty = declared.ok_or_else(|| refused(self.line, "a register is not declared"))?.ty;
        let place = self.register(ty);
        if self.lanes > MOST_LANES {
            let problem = format!("more than {MOST_LANES} registers of 32 bits are used, with all calls");
            return Err(refused(self.line, problem));
        }
        if let Some(slot) = frame.registers.borrow_mut().get_mut(index) {
            *slot = Some(place);
        }
        Ok(place)
    }

    /// A new register.
    pub(super) fn register(&mut self, ty: Type) -> Place {
        let width = Width::of(ty);
        let slot = match width {
            Width::Predicate => {
                self.predicates += 1;
                self.predicates - 1
            }
            Width::Narrow => {
                self.lanes += 1;
                self.lanes - 1
            }
            Width::Wide => {
                self.lanes += 2;
                self.lanes - 2
            }
        };
        self.numbers += 1;
        Place { slot, width, ty, number: self.numbers - 1 }
    }

    /// The slot of a number.
    pub(super) fn constant(&mut self, bits: u64, wide: bool) -> Slot {
        if let Some(&slot) = self.constants.get(&(bits, wide)) {
            return slot;
        }
        let slot = self.register(if wide { Type::B64 } else { Type::B32 }).slot;
        self.constants.insert((bits, wide), slot);
        slot
    }

    /// The slot of a predicate that is always so.
    pub(super) fn truth(&mut self, value: bool) -> Slot {
        let index = usize::from(value);
        if let Some(slot) = self.truths[index] {
            return slot;
        }
        let slot = self.register(Type::Pred).slot;
        self.truths[index] = Some(slot);
        slot
    }

    /// The slot of a special register.
    pub(super) fn special(&mut self, special: Special) -> Slot {
        if let Some(&slot) = self.specials.get(&special) {
            return slot;
        }
        let wide = matches!(special, Special::GridId | Special::Clock64 | Special::GlobalTimer);
        let slot = self.register(if wide { Type::B64 } else { Type::B32 }).slot;
        self.specials.insert(special, slot);
        slot
    }
}
