//! The names of types, and which register goes with which type (PTX ISA 9.0, sections 5.2 and 9.4).

use super::Type;

/// The type of a modifier, if it is one.
pub(super) fn type_of(text: &str) -> Option<Type> {
    Some(match text {
        "b8" => Type::B8,
        "b16" => Type::B16,
        "b32" => Type::B32,
        "b64" => Type::B64,
        "u8" => Type::U8,
        "u16" => Type::U16,
        "u32" => Type::U32,
        "u64" => Type::U64,
        "s8" => Type::S8,
        "s16" => Type::S16,
        "s32" => Type::S32,
        "s64" => Type::S64,
        "f16" => Type::F16,
        "f16x2" => Type::F16x2,
        "bf16" => Type::BF16,
        "bf16x2" => Type::BF16x2,
        "f32" => Type::F32,
        "f64" => Type::F64,
        "tf32" => Type::TF32,
        "e4m3" => Type::E4M3,
        "e5m2" => Type::E5M2,
        "e4m3x2" => Type::E4M3x2,
        "e5m2x2" => Type::E5M2x2,
        "pred" => Type::Pred,
        _ => return None,
    })
}

/// What kind of values a type has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Bits,
    Integer,
    Float,
    Predicate,
}

const fn class(ty: Type) -> Class {
    match ty {
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::S8 | Type::S16 | Type::S32 | Type::S64 => {
            Class::Integer
        }
        Type::F16 | Type::F16x2 | Type::F32 | Type::F64 => Class::Float,
        Type::Pred => Class::Predicate,
        // These have no registers of their own: they lie in untyped ones (section 5.2.3).
        Type::B8 | Type::B16 | Type::B32 | Type::B64 => Class::Bits,
        Type::BF16 | Type::BF16x2 | Type::TF32 => Class::Bits,
        Type::E4M3 | Type::E5M2 | Type::E4M3x2 | Type::E5M2x2 => Class::Bits,
    }
}

/// Whether a register of a declared type goes with an instruction's type: of the same size, and not an integer where
/// a float is meant.
pub(super) fn agrees(instruction: Type, register: Type) -> bool {
    let (a, b) = (class(instruction), class(register));
    if a == Class::Predicate || b == Class::Predicate {
        return a == b;
    }
    instruction.bytes() == register.bytes() && (a == b || a == Class::Bits || b == Class::Bits)
}

/// The same for `ld`, `st` and `cvt`, where the register may be wider (section 9.4.1).
pub(super) fn agrees_wider(instruction: Type, register: Type) -> bool {
    if agrees(instruction, register) {
        return true;
    }
    let (a, b) = (class(instruction), class(register));
    let wider = register.bytes() > instruction.bytes() && b != Class::Predicate && a != Class::Predicate;
    wider && b != Class::Float && (b == Class::Bits || a != Class::Float)
}
