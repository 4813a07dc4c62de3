//! One instruction at a time.

use super::emit::Emitter;
use super::frame::{Frame, Home, Width};
use super::{refused, widths};
use crate::alu;
use crate::device::Error;
use crate::exec::program::{ALWAYS, Code, Reduce, Shape, Where};
use crate::ptx::{Address, Alu, Op, Order, RegisterId, Source, Space, Special};
use crate::registers::Slot;

impl Emitter<'_> {
    /// Translates anything but branches and calls.
    pub(super) fn translate(
        &mut self,
        frame: &Frame,
        op: &Op,
        guard: Slot,
        negated: bool,
    ) -> Result<(), Error> {
        let code = match op {
            Op::Alu { alu, to, from } => self.compute(frame, alu, to, from)?,
            Op::Load { space, order, scope, nc, ty, to, address } => {
                let shape = self.shape(frame, *ty, to.first().copied(), to.len())?;
                let shape = Shape { space: *space, order: *order, scope: *scope, nc: *nc, ..shape };
                if *space == Space::Param {
                    self.load_parameter(frame, shape, to, *address)?
                } else {
                    self.communicates(*space, *order);
                    let address = self.place(frame, *address)?;
                    Code::Load { shape, address, to: self.writes(frame, to)? }
                }
            }
            Op::Store { space, order, scope, ty, address, from } => {
                let register = from.iter().find_map(|source| match source {
                    Source::Register(id) => Some(*id),
                    _ => None,
                });
                let shape = self.shape(frame, *ty, register, from.len())?;
                let space = match space {
                    Space::Param => {
                        self.local_only(frame, *address)?;
                        Space::Local
                    }
                    other => *other,
                };
                self.communicates(space, *order);
                let shape = Shape { space, order: *order, scope: *scope, ..shape };
                let address = self.place(frame, *address)?;
                let width = Width::of_bytes(shape.moved.register_bytes);
                Code::Store { shape, address, from: self.reads(frame, from, width)? }
            }
            Op::Atomic { space, order, scope, op, ty, vector, to, address, from } => {
                self.communicates(*space, Order::Relaxed);
                let shape = self.shape(frame, *ty, None, usize::from(*vector).max(1))?;
                let shape = Shape { space: *space, order: *order, scope: *scope, ..shape };
                let address = self.place(frame, *address)?;
                let from = self.reads(frame, from, Width::of(*ty))?;
                Code::Atomic { shape, op: *op, ty: *ty, address, to: self.writes(frame, to)?, from }
            }
            Op::Cvta { space, to_space, to, from } => self.cvta(frame, *space, *to_space, *to, *from)?,
            Op::IsSpace { space, to, from } => {
                let from = self.operand(frame, *from, Width::Wide)?;
                Code::IsSpace { space: *space, to: self.write(frame, *to, Width::Predicate)?, from }
            }
            Op::LoadMatrix { transposed, to, address } => {
                let address = self.place(frame, *address)?;
                Code::LoadMatrix { transposed: *transposed, address, to: self.writes(frame, to)? }
            }
            Op::StoreMatrix { transposed, address, from } => {
                let address = self.place(frame, *address)?;
                Code::StoreMatrix {
                    transposed: *transposed,
                    address,
                    from: self.reads(frame, from, Width::Narrow)?,
                }
            }
            Op::MoveMatrix { to, from } => {
                let from = self.operand(frame, *from, Width::Narrow)?;
                Code::MoveMatrix { to: self.write(frame, *to, Width::Narrow)?, from }
            }
            Op::AsyncCopy { bytes, to, from, source_bytes } => {
                let (to, from) = (self.place(frame, *to)?, self.place(frame, *from)?);
                let source_bytes = match source_bytes {
                    Some(source) => Some(self.operand(frame, *source, Width::Narrow)?),
                    None => None,
                };
                Code::AsyncCopy { bytes: u32::from(*bytes), to, from, source_bytes }
            }
            Op::AsyncCommit => Code::AsyncCommit,
            Op::AsyncWait(pending) => Code::AsyncWait { pending: *pending },
            Op::Trap => Code::Trap,
            Op::Prefetch | Op::Breakpoint | Op::Nanosleep | Op::GridDependencyLaunch => Code::Nothing,
            Op::GridDependencyWait => Code::GridWait,
            Op::Branch { .. } | Op::BranchIndexed { .. } | Op::Call { .. } | Op::Return | Op::Exit => {
                return Err(refused(self.line, "a jump where none is expected"));
            }
            other => self.synchronise(frame, other)?,
        };
        self.push(code, guard, negated, true)
    }

    /// Barriers, and what passes between lanes.
    fn synchronise(&mut self, frame: &Frame, op: &Op) -> Result<Code, Error> {
        Ok(match op {
            Op::BarrierSync { aligned, barrier, threads } => {
                let number = self.value(frame, *barrier)?;
                let threads = threads.map(|threads| self.value(frame, threads)).transpose()?;
                Code::Barrier { aligned: *aligned, number, threads, reduce: None }
            }
            Op::BarrierArrive { barrier, threads, .. } => {
                let number = self.value(frame, *barrier)?;
                Code::Arrive { number, threads: self.value(frame, *threads)? }
            }
            Op::BarrierReduce { aligned, op, to, barrier, threads, predicate, negated } => {
                let number = self.value(frame, *barrier)?;
                let threads = threads.map(|threads| self.value(frame, threads)).transpose()?;
                let predicate = self.operand(frame, *predicate, Width::Predicate)?;
                let (width, _) = self.width(frame, *to)?;
                let to = self.write(frame, *to, width)?;
                let reduce = Some(Reduce { op: *op, to, predicate, negated: *negated });
                Code::Barrier { aligned: *aligned, number, threads, reduce }
            }
            Op::WarpSync { mask } => Code::WarpSync { mask: self.value(frame, *mask)? },
            Op::Fence { order, scope } => {
                self.communicating = true;
                Code::Fence { order: *order, scope: *scope }
            }
            Op::Shuffle { mode, to, valid, from, lane, clamp, mask } => {
                let from = self.operand(frame, *from, Width::Narrow)?;
                let (lane, clamp) = (self.value(frame, *lane)?, self.value(frame, *clamp)?);
                let mask = self.value(frame, *mask)?;
                let to = self.write(frame, *to, Width::Narrow)?;
                let valid = valid.map(|valid| self.write(frame, valid, Width::Predicate)).transpose()?;
                Code::Shuffle { mode: *mode, to, valid, from, lane, clamp, mask }
            }
            Op::Vote { mode, to, predicate, negated, mask } => {
                let predicate = self.operand(frame, *predicate, Width::Predicate)?;
                let mask = self.value(frame, *mask)?;
                let (width, _) = self.width(frame, *to)?;
                Code::Vote {
                    mode: *mode,
                    to: self.write(frame, *to, width)?,
                    predicate,
                    negated: *negated,
                    mask,
                }
            }
            Op::Match { ty, all, to, from, mask } => {
                let width = Width::of(*ty);
                let from = self.operand(frame, *from, width)?;
                let mask = self.value(frame, *mask)?;
                let to = self.write(frame, *to, Width::Narrow)?;
                let agrees = match all {
                    Some(Some(id)) => Some(self.write(frame, *id, Width::Predicate)?),
                    _ => None,
                };
                Code::Match { wide: width == Width::Wide, all: all.is_some(), agrees, to, from, mask }
            }
            Op::Redux { op, ty, to, from, mask } => {
                let from = self.operand(frame, *from, Width::Narrow)?;
                let mask = self.value(frame, *mask)?;
                Code::Redux { op: *op, ty: *ty, to: self.write(frame, *to, Width::Narrow)?, from, mask }
            }
            Op::ActiveMask { to } => Code::ActiveMask { to: self.write(frame, *to, Width::Narrow)? },
            Op::Elect { to, predicate, mask } => {
                let mask = self.value(frame, *mask)?;
                let to = to.map(|id| self.write(frame, id, Width::Narrow)).transpose()?;
                Code::Elect { to, predicate: self.write(frame, *predicate, Width::Predicate)?, mask }
            }
            other => return Err(refused(self.line, format!("{other:?} is not run"))),
        })
    }

    fn communicates(&mut self, space: Space, order: Order) {
        self.communicating |= order != Order::Weak && matches!(space, Space::Global | Space::Generic);
    }

    fn compute(
        &mut self,
        frame: &Frame,
        alu: &Alu,
        to: &[RegisterId],
        from: &[Source],
    ) -> Result<Code, Error> {
        if let (
            Alu::Mov(_),
            [to],
            [Source::Special(special @ (Special::Clock | Special::Clock64 | Special::GlobalTimer))],
        ) = (alu, to, from)
        {
            let wide = *special != Special::Clock;
            let to = self.write(frame, *to, if wide { Width::Wide } else { Width::Narrow })?;
            return Ok(Code::Clock { to, wide });
        }
        let function = alu::function(alu, self.environment.level)
            .ok_or_else(|| refused(self.line, format!("{alu:?} is decoded and cannot be computed")))?;
        let mut sources = Vec::with_capacity(from.len());
        for (index, &source) in from.iter().enumerate() {
            sources.push(self.operand(frame, source, widths::source(alu, index))?);
        }
        let mut slots = Vec::with_capacity(to.len() + from.len());
        for (index, &id) in to.iter().enumerate() {
            slots.push(self.write(frame, id, widths::destination(alu, index))?);
        }
        slots.extend(sources);
        self.now.copies = matches!(alu, Alu::Mov(_) | Alu::Pack { .. } | Alu::Unpack { .. } | Alu::Selp(_));
        let slots = self.list(&slots);
        Ok(match alu {
            Alu::Mma(_) => Code::WarpAlu { function, slots },
            _ => Code::Alu { function, slots },
        })
    }

    fn load_parameter(
        &mut self,
        frame: &Frame,
        shape: Shape,
        to: &[RegisterId],
        address: Address,
    ) -> Result<Code, Error> {
        let Source::Address { variable, offset, .. } = address.base else {
            return Err(refused(
                self.line,
                "ld.param takes a parameter by name; addresses in registers are not read",
            ));
        };
        match self.home(frame, variable)? {
            Home::Parameter(begin) => {
                let at = i64::from(begin).wrapping_add(offset).wrapping_add(address.offset);
                let at = u32::try_from(at)
                    .map_err(|_| refused(self.line, "ld.param before the first parameter"))?;
                Ok(Code::LoadParameter { offset: at, shape, to: self.writes(frame, to)? })
            }
            _ => {
                let shape = Shape { space: Space::Local, ..shape };
                let address = self.place(frame, address)?;
                Ok(Code::Load { shape, address, to: self.writes(frame, to)? })
            }
        }
    }

    /// A store to a parameter must go to one of a function that is called.
    fn local_only(&self, frame: &Frame, address: Address) -> Result<(), Error> {
        match address.base {
            Source::Address { variable, .. } if matches!(self.home(frame, variable)?, Home::Local(_)) => {
                Ok(())
            }
            _ => Err(refused(self.line, "st.param goes to a parameter of a call")),
        }
    }

    fn cvta(
        &mut self,
        frame: &Frame,
        space: Space,
        back: bool,
        to: RegisterId,
        from: Source,
    ) -> Result<Code, Error> {
        let from = match from {
            Source::Address { variable, offset, .. } => {
                let begin = self.address_of(frame, variable, false)?;
                Where { slot: ALWAYS, wide: true, offset: (begin as i64).wrapping_add(offset) }
            }
            other => Where { slot: self.operand(frame, other, Width::Wide)?, wide: true, offset: 0 },
        };
        if space == Space::Param {
            return Err(refused(
                self.line,
                "cvta.param: the address of a kernel's parameter is taken; only ld.param reads it",
            ));
        }
        let (width, _) = self.width(frame, to)?;
        if width != Width::Wide {
            return Err(refused(self.line, "cvta with a 32-bit result; addresses have 64 bits"));
        }
        Ok(Code::Cvta { space, back, to: self.write(frame, to, Width::Wide)?, from })
    }
}
