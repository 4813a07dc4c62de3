//! Operands of an instruction: registers, numbers, addresses.

use super::emit::Emitter;
use super::frame::{Frame, Home, Width};
use super::refused;
use crate::alu;
use crate::device::Error;
use crate::exec::program::{ALWAYS, Code, Shape, Slots, Value, Where};
use crate::memory::{LOCAL_WINDOW, SHARED_WINDOW, moving};
use crate::ptx::{Address, Alu, Order, RegisterId, Source, Space, Special, Type, VariableId};
use crate::registers::Slot;

impl Emitter<'_> {
    /// Reads a register.
    pub(super) fn read(&mut self, frame: &Frame, id: RegisterId, width: Width) -> Result<Slot, Error> {
        let line = self.line;
        let place = self.place_of(frame, id)?;
        if place.width == width {
            self.now.reads.push(place.number);
            return Ok(place.slot);
        }
        if (place.width, width) == (Width::Wide, Width::Narrow) {
            // A wider register where the instruction takes its low bits.
            let (low, high) = (self.register(Type::B32), self.register(Type::B32));
            let slots = self.list(&[low.slot, high.slot, place.slot]);
            let function = alu::function(&Alu::Unpack { part: Type::B32, parts: 2 }, self.environment.level)
                .ok_or_else(|| refused(line, "64-bit registers cannot be split"))?;
            let kept = std::mem::take(&mut self.now);
            self.now.reads.push(place.number);
            self.now.writes.push(low.number);
            self.now.copies = true;
            self.push(Code::Alu { function, slots }, ALWAYS, false, false)?;
            self.now = kept;
            self.now.reads.push(low.number);
            return Ok(low.slot);
        }
        Err(refused(line, format!("a register of type {:?} does not fit the instruction", place.ty)))
    }

    /// Writes a register.
    pub(super) fn write(&mut self, frame: &Frame, id: RegisterId, width: Width) -> Result<Slot, Error> {
        let line = self.line;
        let place = self.place_of(frame, id)?;
        if place.width != width {
            return Err(refused(line, format!("a result does not fit a register of type {:?}", place.ty)));
        }
        self.now.writes.push(place.number);
        Ok(place.slot)
    }

    /// The width of a register.
    pub(super) fn width(&mut self, frame: &Frame, id: RegisterId) -> Result<(Width, Type), Error> {
        let place = self.place_of(frame, id)?;
        Ok((place.width, place.ty))
    }

    /// The slot of an operand.
    pub(super) fn operand(&mut self, frame: &Frame, source: Source, width: Width) -> Result<Slot, Error> {
        match source {
            Source::Register(id) => self.read(frame, id, width),
            Source::Bits(bits) if width == Width::Predicate => Ok(self.truth(bits & 1 != 0)),
            Source::Bits(bits) => Ok(self.constant(bits, width == Width::Wide)),
            Source::Special(special) => {
                if width == Width::Wide && !matches!(special, Special::GridId) {
                    return Err(refused(
                        self.line,
                        format!("{special:?} has 32 bits, and the instruction takes 64"),
                    ));
                }
                Ok(self.special(special))
            }
            Source::Address { variable, offset, generic } => {
                let address = self.address_of(frame, variable, generic)?.wrapping_add_signed(offset);
                Ok(self.constant(address, width == Width::Wide))
            }
        }
    }

    /// The address of a variable, in its own space or as a generic one.
    pub(super) fn address_of(
        &self,
        frame: &Frame,
        variable: VariableId,
        generic: bool,
    ) -> Result<u64, Error> {
        let (address, window) = match self.home(frame, variable)? {
            Home::Global(address) => (address, 0),
            Home::Shared(offset) => (u64::from(offset), SHARED_WINDOW),
            Home::Local(offset) => (offset, LOCAL_WINDOW),
            Home::Parameter(_) => {
                return Err(refused(
                    self.line,
                    "the address of a kernel's parameter is taken; only ld.param reads it",
                ));
            }
        };
        Ok(if generic { address + window } else { address })
    }

    pub(super) fn value(&mut self, frame: &Frame, source: Source) -> Result<Value, Error> {
        match source {
            Source::Bits(bits) => Ok(Value::Number(bits as u32)),
            other => Ok(Value::Slot(self.operand(frame, other, Width::Narrow)?)),
        }
    }

    pub(super) fn place(&mut self, frame: &Frame, address: Address) -> Result<Where, Error> {
        match address.base {
            Source::Register(id) => {
                let (width, _) = self.width(frame, id)?;
                let slot = self.read(frame, id, width)?;
                Ok(Where { slot, wide: width == Width::Wide, offset: address.offset })
            }
            Source::Bits(bits) => {
                Ok(Where { slot: ALWAYS, wide: true, offset: (bits as i64).wrapping_add(address.offset) })
            }
            Source::Address { variable, offset, generic } => {
                let begin = self.address_of(frame, variable, generic)?;
                let offset = (begin as i64).wrapping_add(offset).wrapping_add(address.offset);
                Ok(Where { slot: ALWAYS, wide: true, offset })
            }
            Source::Special(_) => Err(refused(self.line, "a special register is no address")),
        }
    }

    /// What data registers of a memory access are like.
    pub(super) fn shape(
        &mut self,
        frame: &Frame,
        ty: Type,
        register: Option<RegisterId>,
        elements: usize,
    ) -> Result<Shape, Error> {
        let (width, declared) = match register {
            Some(id) => self.width(frame, id)?,
            None => (Width::of(ty), ty),
        };
        if width == Width::Predicate {
            return Err(refused(self.line, "predicates are not in memory"));
        }
        Ok(Shape {
            space: Space::Generic,
            order: Order::Weak,
            scope: crate::ptx::Scope::Block,
            nc: false,
            moved: moving::Shape {
                element_bytes: ty.bytes(),
                elements: elements as u32,
                register_bytes: declared.bytes(),
                sign_extend: ty.is_signed(),
            },
        })
    }

    pub(super) fn reads(&mut self, frame: &Frame, from: &[Source], width: Width) -> Result<Slots, Error> {
        let slots: Result<Vec<Slot>, Error> =
            from.iter().map(|&source| self.operand(frame, source, width)).collect();
        let slots = slots?;
        Ok(self.list(&slots))
    }

    pub(super) fn writes(&mut self, frame: &Frame, to: &[RegisterId]) -> Result<Slots, Error> {
        let slots: Result<Vec<Slot>, Error> = to
            .iter()
            .map(|&id| {
                let (width, _) = self.width(frame, id)?;
                self.write(frame, id, width)
            })
            .collect();
        let slots = slots?;
        Ok(self.list(&slots))
    }
}
