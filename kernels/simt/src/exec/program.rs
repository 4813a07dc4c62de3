//! A program: what the warps of a kernel run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::alu::AluFn;
use crate::memory::moving;
use crate::ptx::{
    AtomicOp, BarrierReduction, Location, Order, Scope, ShuffleMode, Space, Special, Type, VoteMode,
};
use crate::registers::Slot;

/// A kernel that can be run: one list of instructions, with the functions that it calls in place of the calls.
pub(crate) struct Program {
    /// The kernel's name.
    pub(crate) kernel: String,
    /// The instructions.
    pub(crate) code: Vec<Instruction>,
    /// Operands of instructions: each has a [`Slots`] of these.
    pub(crate) slots: Vec<Slot>,
    /// Where each instruction comes from.
    pub(crate) sites: Vec<Site>,
    /// How many [`Lanes`](crate::registers::Lanes) a warp has.
    pub(crate) lanes: usize,
    /// How many predicates.
    pub(crate) predicates: usize,
    /// How many registers are watched because they may be read before they are written.
    pub(crate) watched: usize,
    /// Slots that hold a number throughout: slot, number, whether it has 64 bits.
    pub(crate) constants: Vec<(Slot, u64, bool)>,
    /// Slots that hold a special register throughout.
    pub(crate) specials: Vec<(Slot, Special)>,
    /// Predicates that are true throughout.
    pub(crate) truths: Vec<Slot>,
    /// Bytes of parameters.
    pub(crate) parameter_bytes: u32,
    /// Bytes of shared memory that it declares.
    pub(crate) static_shared: u32,
    /// Where dynamic shared memory begins.
    pub(crate) dynamic_shared: u32,
    /// Variables in shared memory: name, offset, size.
    pub(crate) shared_names: Vec<(String, u32, u32)>,
    /// Bytes of local memory of a thread.
    pub(crate) local_bytes: u32,
    /// Whether blocks can order each other's accesses: it has atomics, fences or strong accesses, or prints.
    pub(crate) communicating: bool,
    /// The most threads of a block, where the text says.
    pub(crate) max_threads: Option<[u32; 3]>,
    /// The threads of a block, where the text says.
    pub(crate) required_threads: Option<[u32; 3]>,
    /// Numbers of allocations that may not be written: `.const` variables.
    pub(crate) read_only: Vec<u32>,
    /// The source files by number.
    pub(crate) files: Arc<BTreeMap<u32, String>>,
    /// The text.
    pub(crate) text: Arc<str>,
    /// Instructions that were entered by a jump, or by the way past one; empty where that is not recorded.
    pub(crate) entered: Box<[AtomicBool]>,
}

/// Where an instruction comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Site {
    /// Line of PTX.
    pub(crate) line: u32,
    /// Line of source.
    pub(crate) source: Option<Location>,
    /// Whether the text has it: checks that were put in have not.
    pub(crate) real: bool,
}

/// A range of [`Program::slots`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// An instruction.
pub(crate) struct Instruction {
    /// The predicate that lets it run; [`ALWAYS`] if nothing does.
    pub(crate) guard: Slot,
    /// Whether it runs where the predicate is false.
    pub(crate) negated: bool,
    /// What it does.
    pub(crate) code: Code,
}

/// The guard of an instruction that always runs.
pub(crate) const ALWAYS: Slot = Slot::MAX;

/// An address: the register, if there is one, and what is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Where {
    /// The register; [`ALWAYS`] for none.
    pub(crate) slot: Slot,
    /// Whether it has 64 bits.
    pub(crate) wide: bool,
    /// Bytes added.
    pub(crate) offset: i64,
}

/// A value that is a register or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// A register of at most 32 bits.
    Slot(Slot),
    /// A number.
    Number(u32),
}

/// What a memory access is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) space: Space,
    pub(crate) order: Order,
    pub(crate) scope: Scope,
    pub(crate) nc: bool,
    /// What is moved.
    pub(crate) moved: moving::Shape,
}

/// What an instruction does.
pub(crate) enum Code {
    /// Computes registers from registers.
    Alu { function: AluFn, slots: Slots },
    /// The same, by all lanes of the warp together.
    WarpAlu { function: AluFn, slots: Slots },
    /// Goes to another instruction.
    Branch { target: u32 },
    /// Goes to one of several.
    BranchIndexed { index: Slot, targets: Box<[u32]> },
    /// `ld`, from all spaces but parameters of the kernel.
    Load { shape: Shape, address: Where, to: Slots },
    /// `ld.param` of the kernel, at a fixed offset.
    LoadParameter { offset: u32, shape: Shape, to: Slots },
    /// `st`.
    Store { shape: Shape, address: Where, from: Slots },
    /// `atom` and `red`. `to` may be empty.
    Atomic { shape: Shape, op: AtomicOp, ty: Type, address: Where, to: Slots, from: Slots },
    /// `ldmatrix`.
    LoadMatrix { transposed: bool, address: Where, to: Slots },
    /// `stmatrix`.
    StoreMatrix { transposed: bool, address: Where, from: Slots },
    /// `movmatrix`.
    MoveMatrix { to: Slot, from: Slot },
    /// `cp.async`.
    AsyncCopy { bytes: u32, to: Where, from: Where, source_bytes: Option<Slot> },
    /// `cp.async.commit_group`.
    AsyncCommit,
    /// `cp.async.wait_group` and `wait_all`.
    AsyncWait { pending: Option<u32> },
    /// `cvta`: adds to an address or takes away.
    Cvta { space: Space, back: bool, to: Slot, from: Where },
    /// `isspacep`.
    IsSpace { space: Space, to: Slot, from: Slot },
    /// Threads end.
    Exit,
    /// Threads stop the kernel.
    Trap,
    /// A barrier of the block; `reduce` for `bar.red`.
    Barrier { aligned: bool, number: Value, threads: Option<Value>, reduce: Option<Reduce> },
    /// `bar.arrive`.
    Arrive { number: Value, threads: Value },
    /// `bar.warp.sync`.
    WarpSync { mask: Value },
    /// `membar`, `fence`.
    Fence { order: Order, scope: Scope },
    /// `shfl.sync`.
    Shuffle {
        mode: ShuffleMode,
        to: Slot,
        valid: Option<Slot>,
        from: Slot,
        lane: Value,
        clamp: Value,
        mask: Value,
    },
    /// `vote.sync`; `to` is a predicate, or a register for a ballot.
    Vote { mode: VoteMode, to: Slot, predicate: Slot, negated: bool, mask: Value },
    /// `match.sync`.
    Match { wide: bool, all: bool, agrees: Option<Slot>, to: Slot, from: Slot, mask: Value },
    /// `redux.sync`.
    Redux { op: AtomicOp, ty: Type, to: Slot, from: Slot, mask: Value },
    /// `activemask`.
    ActiveMask { to: Slot },
    /// `elect.sync`.
    Elect { to: Option<Slot>, predicate: Slot, mask: Value },
    /// `%clock` and its like.
    Clock { to: Slot, wide: bool },
    /// `vprintf(format, arguments)`: local offsets of both parameters, and of the result.
    Print { format: u32, arguments: u32, result: Option<u32> },
    /// `__assertfail(message, file, line, function, size)`: the local offset of the message.
    AssertFail { message: u32, line: u32 },
    /// These watched registers must have been written: their numbers.
    CheckWritten { registers: Slots },
    /// These watched registers are written now, where all in `from` were.
    MarkWritten { registers: Slots, from: Slots },
    /// `griddepcontrol.wait`.
    GridWait,
    /// Nothing.
    Nothing,
}

/// `bar.red`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reduce {
    pub(crate) op: BarrierReduction,
    /// A predicate, or for `popc` a register.
    pub(crate) to: Slot,
    pub(crate) predicate: Slot,
    pub(crate) negated: bool,
}

impl Program {
    /// Operands of an instruction.
    pub(crate) fn operands(&self, slots: Slots) -> &[Slot] {
        self.slots.get(slots.start as usize..(slots.start + slots.len) as usize).unwrap_or_default()
    }
}
