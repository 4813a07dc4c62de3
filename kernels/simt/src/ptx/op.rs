//! Instructions, typed. What the decoder cannot put into these is refused.

use super::{Alu, Order, RegisterId, Scope, Space, Type, VariableId};

/// An operand that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// A register.
    Register(RegisterId),
    /// A number: the bits, as wide as the operand's type, zero-extended. `0f3F800000`, `-1`, `0xff`, `1`.
    Bits(u64),
    /// `%tid.x` and its like.
    Special(Special),
    /// The address of a variable plus a number of bytes, in the variable's own space (generic where the instruction
    /// said `generic(x)`).
    Address {
        /// The variable.
        variable: VariableId,
        /// Bytes added.
        offset: i64,
        /// Whether the address is generic.
        generic: bool,
    },
}

/// Special registers (PTX ISA 9.0, section 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Special {
    /// `%tid`: axis 0 to 2.
    Tid(u8),
    /// `%ntid`.
    Ntid(u8),
    /// `%ctaid`.
    Ctaid(u8),
    /// `%nctaid`.
    Nctaid(u8),
    /// `%laneid`.
    LaneId,
    /// `%warpid`.
    WarpId,
    /// `%nwarpid`.
    NWarpId,
    /// `%smid`.
    SmId,
    /// `%nsmid`.
    NSmId,
    /// `%gridid` (64 bits).
    GridId,
    /// `%lanemask_eq`.
    LaneMaskEq,
    /// `%lanemask_le`.
    LaneMaskLe,
    /// `%lanemask_lt`.
    LaneMaskLt,
    /// `%lanemask_ge`.
    LaneMaskGe,
    /// `%lanemask_gt`.
    LaneMaskGt,
    /// `%clock` (32 bits).
    Clock,
    /// `%clock64`.
    Clock64,
    /// `%globaltimer` (64 bits).
    GlobalTimer,
    /// `%dynamic_smem_size`.
    DynamicSharedSize,
    /// `%total_smem_size`.
    TotalSharedSize,
}

/// Where an access goes: `[base + offset]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address {
    /// A register of 64 bits (or 32, for spaces other than generic and global), a variable, or a number.
    pub base: Source,
    /// Bytes added.
    pub offset: i64,
}

/// What an instruction does.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the operands are those of the ISA")]
pub enum Op {
    /// Computes registers from registers; `to` and `from` in the order of [`Alu`].
    Alu { alu: Alu, to: Vec<RegisterId>, from: Vec<Source> },
    /// `ld`: as many destinations as the vector has elements. `nc` for `ld.global.nc`.
    Load {
        space: Space,
        order: Order,
        scope: Scope,
        nc: bool,
        ty: Type,
        to: Vec<RegisterId>,
        address: Address,
    },
    /// `st`.
    Store { space: Space, order: Order, scope: Scope, ty: Type, address: Address, from: Vec<Source> },
    /// `atom`, and `red` where there is no `to`. `from` has one operand, two for `Cas` (compare, then value); vector
    /// forms have `vector` times as many.
    Atomic {
        space: Space,
        order: Order,
        scope: Scope,
        op: AtomicOp,
        ty: Type,
        vector: u8,
        to: Vec<RegisterId>,
        address: Address,
        from: Vec<Source>,
    },
    /// `cvta`: an address of a space as a generic one, or back (`to_space`).
    Cvta { space: Space, to_space: bool, to: RegisterId, from: Source },
    /// `isspacep`.
    IsSpace { space: Space, to: RegisterId, from: Source },
    /// `prefetch`, `prefetchu`, `createpolicy`-free hints: nothing happens, and the address is not checked.
    Prefetch,
    /// `ldmatrix.sync.aligned.m8n8.xN[.trans].shared.b16`.
    LoadMatrix { transposed: bool, to: Vec<RegisterId>, address: Address },
    /// `stmatrix.sync.aligned.m8n8.xN[.trans].shared.b16`.
    StoreMatrix { transposed: bool, address: Address, from: Vec<Source> },
    /// `movmatrix.sync.aligned.m8n8.trans.b16`.
    MoveMatrix { to: RegisterId, from: Source },
    /// `cp.async.ca|cg.shared.global [to], [from], bytes{, source_bytes}`; what is past `source_bytes` becomes zero.
    AsyncCopy { bytes: u8, to: Address, from: Address, source_bytes: Option<Source> },
    /// `cp.async.commit_group`.
    AsyncCommit,
    /// `cp.async.wait_group N`; `None` for `cp.async.wait_all`.
    AsyncWait(Option<u32>),
    /// `bra`: to the instruction of this index.
    Branch { target: usize, uniform: bool },
    /// `brx.idx`: to one of these.
    BranchIndexed { index: Source, targets: Vec<usize> },
    /// `call` of a function by name. Arguments and results are `.param` variables of the caller, or registers.
    Call { function: String, to: Vec<CallOperand>, from: Vec<CallOperand> },
    /// `ret`.
    Return,
    /// `exit`.
    Exit,
    /// `trap`.
    Trap,
    /// `brkpt`.
    Breakpoint,
    /// `nanosleep`.
    Nanosleep,
    /// `bar.sync`, `barrier.sync[.aligned]`, with its number and, where given, how many threads take part.
    BarrierSync { aligned: bool, barrier: Source, threads: Option<Source> },
    /// `bar.arrive`, `barrier.arrive[.aligned]`.
    BarrierArrive { aligned: bool, barrier: Source, threads: Source },
    /// `bar.red.popc|and|or`.
    BarrierReduce {
        aligned: bool,
        op: BarrierReduction,
        to: RegisterId,
        barrier: Source,
        threads: Option<Source>,
        predicate: Source,
        negated: bool,
    },
    /// `bar.warp.sync`.
    WarpSync { mask: Source },
    /// `membar`, `fence`.
    Fence { order: Order, scope: Scope },
    /// `shfl.sync`; `valid` is the predicate that says whether the source lane was in range.
    Shuffle {
        mode: ShuffleMode,
        to: RegisterId,
        valid: Option<RegisterId>,
        from: Source,
        lane: Source,
        clamp: Source,
        mask: Source,
    },
    /// `vote.sync`; `to` is a predicate, for `Ballot` a register.
    Vote { mode: VoteMode, to: RegisterId, predicate: Source, negated: bool, mask: Source },
    /// `match.any.sync`, `match.all.sync` (then `all` is the predicate).
    Match { ty: Type, all: Option<Option<RegisterId>>, to: RegisterId, from: Source, mask: Source },
    /// `redux.sync`.
    Redux { op: AtomicOp, ty: Type, to: RegisterId, from: Source, mask: Source },
    /// `activemask`.
    ActiveMask { to: RegisterId },
    /// `elect.sync`.
    Elect { to: Option<RegisterId>, predicate: RegisterId, mask: Source },
    /// `griddepcontrol.wait`.
    GridDependencyWait,
    /// `griddepcontrol.launch_dependents`.
    GridDependencyLaunch,
}

/// What an atomic operation does with the old value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum AtomicOp {
    Add,
    Min,
    Max,
    And,
    Or,
    Xor,
    Exch,
    Cas,
    Inc,
    Dec,
}

/// What `bar.red` does with the predicates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum BarrierReduction {
    Popc,
    And,
    Or,
}

/// Which lane `shfl` takes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum ShuffleMode {
    Up,
    Down,
    Butterfly,
    Index,
}

/// What `vote` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum VoteMode {
    All,
    Any,
    Uniform,
    Ballot,
}

/// What a call passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallOperand {
    /// A `.param` variable of the caller.
    Variable(VariableId),
    /// A register.
    Register(RegisterId),
    /// A number.
    Bits(u64),
}
