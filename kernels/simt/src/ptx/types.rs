//! Types, rounding and state spaces, as PTX names them.

/// A fundamental type (PTX ISA 9.0, section 5.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// Untyped bits.
    B8,
    /// Untyped bits.
    B16,
    /// Untyped bits.
    B32,
    /// Untyped bits.
    B64,
    /// Unsigned.
    U8,
    /// Unsigned.
    U16,
    /// Unsigned.
    U32,
    /// Unsigned.
    U64,
    /// Signed, two's complement.
    S8,
    /// Signed, two's complement.
    S16,
    /// Signed, two's complement.
    S32,
    /// Signed, two's complement.
    S64,
    /// IEEE 754 binary16.
    F16,
    /// Two binary16, the first in the low half.
    F16x2,
    /// The upper half of a binary32.
    BF16,
    /// Two bfloat16, the first in the low half.
    BF16x2,
    /// IEEE 754 binary32.
    F32,
    /// IEEE 754 binary64.
    F64,
    /// A binary32 whose low 13 bits do not count, in matrix products.
    TF32,
    /// OCP 8-bit floating point, 4 bits of exponent.
    E4M3,
    /// OCP 8-bit floating point, 5 bits of exponent.
    E5M2,
    /// Two of them, the first in the low byte.
    E4M3x2,
    /// Two of them, the first in the low byte.
    E5M2x2,
    /// A predicate.
    Pred,
}

impl Type {
    /// Bytes of a value in memory; 0 for a predicate.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        match self {
            Self::Pred => 0,
            Self::B8 | Self::U8 | Self::S8 | Self::E4M3 | Self::E5M2 => 1,
            Self::B16 | Self::U16 | Self::S16 | Self::F16 | Self::BF16 | Self::E4M3x2 | Self::E5M2x2 => 2,
            Self::B32 | Self::U32 | Self::S32 | Self::F16x2 | Self::BF16x2 | Self::F32 | Self::TF32 => 4,
            Self::B64 | Self::U64 | Self::S64 | Self::F64 => 8,
        }
    }

    /// Whether arithmetic takes the sign into account.
    #[must_use]
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::S8 | Self::S16 | Self::S32 | Self::S64)
    }
}

/// How a result is rounded (PTX ISA 9.0, section 6.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// To nearest, ties to even: `.rn`.
    Nearest,
    /// Toward zero: `.rz`.
    Zero,
    /// Toward minus infinity: `.rm`.
    Down,
    /// Toward plus infinity: `.rp`.
    Up,
    /// To nearest, ties away from zero: `.rna`.
    Away,
    /// To an integer, to nearest, ties to even: `.rni`.
    IntegerNearest,
    /// To an integer, toward zero: `.rzi`.
    IntegerZero,
    /// To an integer, toward minus infinity: `.rmi`.
    IntegerDown,
    /// To an integer, toward plus infinity: `.rpi`.
    IntegerUp,
}

/// How two values are compared (PTX ISA 9.0, section 9.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Unsigned: `.lo`, and so on.
    Lo,
    Ls,
    Hi,
    Hs,
    /// True where either is NaN: `.equ`, and so on.
    Equ,
    Neu,
    Ltu,
    Leu,
    Gtu,
    Geu,
    /// Both are numbers.
    Num,
    /// Either is NaN.
    Nan,
}

/// What a comparison is combined with (PTX ISA 9.0, section 9.7.6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum Combine {
    And,
    Or,
    Xor,
}

/// Where an address points (PTX ISA 9.0, section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// Any of the others, told by the address.
    Generic,
    /// Memory of the device.
    Global,
    /// Memory of a block.
    Shared,
    /// Memory of a thread.
    Local,
    /// Constants of the module.
    Const,
    /// Parameters of the kernel, or of a function called.
    Param,
}

/// What an access orders (PTX ISA 9.0, section 8.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// No synchronisation: a race where another thread writes.
    Weak,
    /// `.volatile`: as relaxed, with system scope.
    Volatile,
    /// `.relaxed`: a strong access that orders nothing else.
    Relaxed,
    /// `.acquire`.
    Acquire,
    /// `.release`.
    Release,
    /// `.acq_rel`.
    AcquireRelease,
    /// `.sc`.
    SequentiallyConsistent,
}

/// Which threads an ordering is for (PTX ISA 9.0, section 8.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Those of the block: `.cta`.
    Block,
    /// Those of the cluster: `.cluster`.
    Cluster,
    /// Those of the device: `.gpu`.
    Device,
    /// All: `.sys`.
    System,
}
