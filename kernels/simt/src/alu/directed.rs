//! `f32` results rounded any way, from what is exact in `f64`.
//!
//! The nearest `f32` is one of the two neighbours of the exact result. What is left, the exact result less the
//! nearest, says by its sign which of the two it is; and its sign is always known exactly:
//! * a product of two `f32` is exact in `f64`, and a sum of two `f64` is exact as a sum and an error (Knuth's
//!   two-sum; no `f64` here is large or small enough to overflow or to lose bits);
//! * `a - q b` and `a - r r` are exact in `f64` where `q` and `r` are the nearest quotient and root (Sterbenz).

/// To nearest, ties to even.
pub(super) const NEAREST: u8 = 0;
/// Toward zero.
pub(super) const ZERO: u8 = 1;
/// Toward minus infinity.
pub(super) const DOWN: u8 = 2;
/// Toward plus infinity.
pub(super) const UP: u8 = 3;
/// To the neighbour whose last bit is one, where the result is not exact. What is then rounded to nearest, to a type
/// at least two bits shorter, is rounded as if at once.
pub(super) const ODD: u8 = 4;

/// The result, from the nearest and the sign of what is left.
#[inline(always)]
fn settle<const R: u8>(nearest: f32, left: f64) -> f32 {
    let bits = nearest.to_bits();
    let negative = bits >> 31 != 0;
    // A NaN is left where the result is infinite or NaN already: then neither holds.
    let (above, below) = (left > 0.0, left < 0.0);
    let (up, down) = match R {
        ZERO => (above & negative, below & !negative),
        DOWN => (false, below),
        UP => (above, false),
        ODD => (above & (bits & 1 == 0), below & (bits & 1 == 0)),
        _ => (false, false),
    };
    let zero = bits & 0x7fff_ffff == 0;
    // Away from zero is the next larger number of bits. From zero the sign is that of the direction.
    let next_up = if zero {
        1
    } else if negative {
        bits.wrapping_sub(1)
    } else {
        bits.wrapping_add(1)
    };
    let next_down = if zero {
        0x8000_0001
    } else if negative {
        bits.wrapping_add(1)
    } else {
        bits.wrapping_sub(1)
    };
    f32::from_bits(if up {
        next_up
    } else if down {
        next_down
    } else {
        bits
    })
}

/// `a + b` of two values that are exact.
#[inline(always)]
fn sum<const R: u8>(a: f64, b: f64) -> f32 {
    let s = a + b;
    let t = s - a;
    let error = (a - (s - t)) + (b - t);
    let nearest = s as f32;
    let rest = s - f64::from(nearest);
    let left = if rest == 0.0 { error } else { rest };
    let result = settle::<R>(nearest, left);
    if R == DOWN && s == 0.0 {
        // An exact zero is negative, unless both are positive zeros.
        f32::from_bits(((a.to_bits() | b.to_bits()) >> 63 << 31) as u32)
    } else {
        result
    }
}

/// `a + b`.
#[inline(always)]
pub(super) fn add<const R: u8>(a: f32, b: f32) -> f32 {
    if R == NEAREST { a + b } else { sum::<R>(f64::from(a), f64::from(b)) }
}

/// `a * b`.
#[inline(always)]
pub(super) fn mul<const R: u8>(a: f32, b: f32) -> f32 {
    if R == NEAREST {
        return a * b;
    }
    let exact = f64::from(a) * f64::from(b);
    let nearest = exact as f32;
    settle::<R>(nearest, exact - f64::from(nearest))
}

/// `a * b + c`, rounded once.
#[inline(always)]
pub(super) fn fma<const R: u8>(a: f32, b: f32, c: f32) -> f32 {
    if R == NEAREST { a.mul_add(b, c) } else { sum::<R>(f64::from(a) * f64::from(b), f64::from(c)) }
}

/// `a / b`.
#[inline(always)]
pub(super) fn div<const R: u8>(a: f32, b: f32) -> f32 {
    let nearest = a / b;
    let left = f64::from(a) - f64::from(nearest) * f64::from(b);
    settle::<R>(nearest, if b < 0.0 { -left } else { left })
}

/// The square root.
#[inline(always)]
pub(super) fn sqrt<const R: u8>(a: f32) -> f32 {
    let nearest = a.sqrt();
    settle::<R>(nearest, f64::from(a) - f64::from(nearest) * f64::from(nearest))
}

/// An `f64` as `f32`. A NaN keeps its sign and the upper bits of what it carries, made quiet.
#[inline(always)]
pub(super) fn narrow<const R: u8>(a: f64) -> f32 {
    let nearest = a as f32;
    let rounded = settle::<R>(nearest, a - f64::from(nearest));
    let bits = a.to_bits();
    let nan = ((bits >> 32) as u32 & 0x8000_0000) | 0x7fc0_0000 | ((bits >> 29) as u32 & 0x003f_ffff);
    if a.is_nan() { f32::from_bits(nan) } else { rounded }
}
