//! Instructions that compute registers from registers. They touch no memory, and no other lane except where it is
//! said: then all lanes of the warp take part.

use super::{Combine, Comparison, Rounding, Type};

/// What is computed. Each member says its operands, destinations first: `d <- a, b`. Types of 16 bits and fewer lie
/// zero-extended in their register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the operands are those of the ISA")]
pub enum Alu {
    /// `d <- a`. Types: of 16, 32, 64 bits, and predicates.
    Mov(Type),
    /// `d <- a0, a1, ..`: `mov.b32 d, {a0, a1}`; `part` is the type of the parts, the first is the lowest.
    Pack { part: Type, parts: u8 },
    /// `d0, d1, .. <- a`. A part that is not wanted (`_`) has a register that nothing reads.
    Unpack { part: Type, parts: u8 },

    // Integers: U16, S16, U32, S32, U64, S64.
    /// `d <- a, b`; `saturate` for `add.sat.s32`. Also U16x2-like forms are not taken.
    Add { ty: Type, saturate: bool },
    /// `d <- a, b`.
    Sub { ty: Type, saturate: bool },
    /// `d, carry <- a, b`: `add.cc`. The carry flag is a predicate operand.
    AddCarryOut { ty: Type },
    /// `d, carry <- a, b, carry`: `addc`, `addc.cc`.
    AddCarryIn { ty: Type },
    /// `d, carry <- a, b`: `sub.cc`; the flag is the borrow.
    SubCarryOut { ty: Type },
    /// `d, carry <- a, b, carry`: `subc`, `subc.cc`.
    SubCarryIn { ty: Type },
    /// `d <- a, b`: the low half of the product.
    MulLo(Type),
    /// `d <- a, b`: the high half.
    MulHi(Type),
    /// `d <- a, b`: `d` is twice as wide as `ty`, which is of 16 or 32 bits.
    MulWide(Type),
    /// `d <- a, b, c`.
    MadLo(Type),
    /// `d <- a, b, c`.
    MadHi(Type),
    /// `d <- a, b, c`: `c` and `d` are twice as wide.
    MadWide(Type),
    /// `d <- a, b, c`: |a - b| + c.
    Sad(Type),
    /// `d <- a, b`. By zero: all bits one, as hardware answers.
    Div(Type),
    /// `d <- a, b`. By zero: all bits one, as hardware answers.
    Rem(Type),
    /// `d <- a`. S16, S32, S64.
    Abs(Type),
    /// `d <- a`. S16, S32, S64.
    Neg(Type),
    /// `d <- a, b`.
    Min(Type),
    /// `d <- a, b`.
    Max(Type),
    /// `d <- a`; `d` is U32. B32, B64.
    Popc(Type),
    /// `d <- a`; `d` is U32. B32, B64.
    Clz(Type),
    /// `d <- a`; `d` is U32. U32, S32, U64, S64.
    Bfind { ty: Type, shift_amount: bool },
    /// `d <- a`. B32, B64.
    Brev(Type),
    /// `d <- a, b, c`; `b` (position) and `c` (length) are U32.
    Bfe(Type),
    /// `d <- a, b, c, e`: `a` inserted into `b` at `c` with length `e` (both U32). B32, B64.
    Bfi(Type),
    /// `d <- a, b, c`: four products of bytes.
    Dp4a { a_signed: bool, b_signed: bool },
    /// `d <- a, b, c`: two products of 16 by 8 bits.
    Dp2a { a_signed: bool, b_signed: bool, high: bool },

    // Bits: B16, B32, B64 and Pred.
    /// `d <- a, b`.
    And(Type),
    /// `d <- a, b`.
    Or(Type),
    /// `d <- a, b`.
    Xor(Type),
    /// `d <- a`.
    Not(Type),
    /// `d <- a`: 1 where `a` is 0. B16, B32, B64.
    Cnot(Type),
    /// `d <- a, b, c`. B32.
    Lop3 { table: u8 },
    /// `d <- a, b`; `b` is U32 and clamped to the width. B16, B32, B64.
    Shl(Type),
    /// `d <- a, b`; likewise. B16.. U16.. fill with zeros, S16, S32, S64 with the sign.
    Shr(Type),
    /// `d <- a, b, c`: the funnel of `b:a`. B32.
    Shf { left: bool, wrap: bool },
    /// `d <- a, b, c`. B32.
    Prmt(Prmt),

    // Floats.
    /// `d <- a, b`. F32, F64, F16, F16x2, BF16, BF16x2.
    FAdd { ty: Type, round: Rounding, ftz: bool, saturate: bool },
    /// `d <- a, b`.
    FSub { ty: Type, round: Rounding, ftz: bool, saturate: bool },
    /// `d <- a, b`.
    FMul { ty: Type, round: Rounding, ftz: bool, saturate: bool },
    /// `d <- a, b, c`. `relu` for half types only.
    Fma { ty: Type, round: Rounding, ftz: bool, saturate: bool, relu: bool },
    /// `d <- a, b`: rounded as IEEE 754 says. F32, F64.
    FDiv { ty: Type, round: Rounding, ftz: bool },
    /// `d <- a, b`: `div.full.f32` and `div.approx.f32`.
    DivApprox { full: bool, ftz: bool },
    /// `d <- a`. F32, F64.
    Rcp { ty: Type, round: Rounding, ftz: bool },
    /// `d <- a`. F32, F64.
    Sqrt { ty: Type, round: Rounding, ftz: bool },
    /// `d <- a`: not rounded as IEEE 754 says, but within a few units. `ty` is F32 (F64 for `rcp.approx.ftz.f64` and
    /// `rsqrt.approx.f64`; F16, F16x2, BF16, BF16x2 for `ex2` and `tanh`).
    Approx { function: Approx, ty: Type, ftz: bool },
    /// `d <- a`.
    FAbs { ty: Type, ftz: bool },
    /// `d <- a`.
    FNeg { ty: Type, ftz: bool },
    /// `d <- a, b`. A NaN gives the other operand, except with `nan`; -0 is less than +0.
    FMin { ty: Type, ftz: bool, nan: bool, xorsign_abs: bool },
    /// `d <- a, b`.
    FMax { ty: Type, ftz: bool, nan: bool, xorsign_abs: bool },
    /// `d <- a, b`: the magnitude of `b` with the sign of `a`. F32, F64.
    Copysign(Type),
    /// `d <- a`; `d` is a predicate. F32, F64.
    Testp { ty: Type, class: FloatClass },

    // Choice.
    /// `p <- a, b`, or with `combine` `p <- a, b, c`.
    Setp { compare: Comparison, ty: Type, ftz: bool, combine: Option<(Combine, bool)> },
    /// `p, q <- a, b`, or with `combine` `p, q <- a, b, c`: `q` has the negated comparison. Of F16x2 and BF16x2 `p` is
    /// that of the low half and `q` that of the high half.
    SetpBoth { compare: Comparison, ty: Type, ftz: bool, combine: Option<(Combine, bool)> },
    /// `d <- a, b`: `set`; `to` is U32, S32 (all ones), F32 (1.0), or F16, F16x2, BF16, BF16x2 (1.0 each half).
    Set { compare: Comparison, to: Type, ty: Type, ftz: bool },
    /// `d <- a, b, p`.
    Selp(Type),
    /// `d <- a, b, c`: `a` where `c` is at least 0; `compare_ty` is S32 or F32.
    Slct { ty: Type, compare_ty: Type, ftz: bool },

    // Conversions.
    /// `d <- a`, or `d <- a, b` for the packed results (`F16x2`, `BF16x2`, `E4M3x2`, `E5M2x2` from F32: `a` is the
    /// high half, `b` the low half). `round` is `None` where the conversion is exact.
    Cvt { to: Type, from: Type, round: Option<Rounding>, ftz: bool, saturate: bool, relu: bool },

    // Matrix products: all lanes of the warp.
    /// `d.. <- a.., b.., c..` (see [`Mma::registers`]).
    Mma(Mma),
}

/// How `prmt` picks bytes (PTX ISA 9.0, section 9.7.9.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum Prmt {
    Index,
    Forward4Extract,
    Backward4Extract,
    Replicate8,
    EdgeClampLeft,
    EdgeClampRight,
    Replicate16,
}

/// A function that hardware computes to a few units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum Approx {
    Rcp,
    Sqrt,
    Rsqrt,
    Sin,
    Cos,
    Lg2,
    Ex2,
    Tanh,
}

/// What `testp` asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the ISA")]
pub enum FloatClass {
    Finite,
    Infinite,
    Number,
    NotANumber,
    Normal,
    Subnormal,
}

/// `mma.sync.aligned.mMnNkK.row.col.D.A.B.C` (PTX ISA 9.0, section 9.7.14.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mma {
    /// Rows of `a` and `d`.
    pub m: u8,
    /// Columns of `b` and `d`.
    pub n: u8,
    /// Columns of `a`, rows of `b`.
    pub k: u8,
    /// Type of the result and of what is added: F32, F16, S32, F64.
    pub d: Type,
    /// Type of `a`: F16, BF16, TF32, E4M3, E5M2, S8, U8, F64.
    pub a: Type,
    /// Type of `b`.
    pub b: Type,
    /// Whether integer sums are clamped.
    pub saturate: bool,
}

impl Mma {
    /// How many registers hold `d` (and `c`), `a` and `b`: of 32 bits, or of 64 for F64.
    #[must_use]
    pub const fn registers(&self) -> (usize, usize, usize) {
        const fn count(elements: usize, ty: Type) -> usize {
            let bytes = ty.bytes() as usize;
            let unit = if bytes == 8 { 8 } else { 4 };
            elements * bytes / unit / 32
        }
        let (m, n, k) = (self.m as usize, self.n as usize, self.k as usize);
        (count(m * n, self.d), count(m * k, self.a), count(k * n, self.b))
    }
}
