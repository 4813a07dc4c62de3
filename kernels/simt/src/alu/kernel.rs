//! How an operation of one lane becomes a function for 32, compiled for what the host can do.

use std::marker::PhantomData;

use super::view::{Operand, View};
use super::{AluFn, Level};
use crate::WARP;
use crate::registers::{Registers, Slot};

/// What an instruction does to a warp.
pub(super) trait Kernel {
    /// Does it. Always inlined, so that it is compiled for the features of whoever calls.
    fn run(view: View<'_>);
}

/// What an instruction does in one lane.
pub(super) trait Map {
    /// The sources.
    type In: Inputs;
    /// The destinations.
    type Out: Outputs;
    /// Does it. Always inlined.
    fn apply(input: Self::In) -> Self::Out;
}

/// Sources of a lane: a tuple of operands.
pub(super) trait Inputs: Copy {
    /// Where they are read.
    type Readers: Copy;
    /// Where they are read; the first is operand `first`.
    fn readers(view: &View<'_>, first: usize) -> Self::Readers;
    /// Those of a lane.
    ///
    /// # Safety
    /// As [`Operand::read`].
    unsafe fn read(readers: Self::Readers, lane: usize) -> Self;
}

/// Destinations of a lane: an operand or a tuple of operands.
pub(super) trait Outputs: Copy {
    /// How many operands.
    const COUNT: usize;
    /// The results of all lanes.
    type Results;
    /// Results to fill.
    const EMPTY: Self::Results;
    /// Keeps those of a lane.
    fn keep(results: &mut Self::Results, lane: usize, value: Self);
    /// Writes those of the active lanes.
    fn store(view: &View<'_>, results: &Self::Results);
}

impl<T: Operand> Outputs for T {
    const COUNT: usize = 1;
    type Results = T::Results;
    const EMPTY: Self::Results = T::EMPTY;
    #[inline(always)]
    fn keep(results: &mut Self::Results, lane: usize, value: Self) {
        T::keep(results, lane, value);
    }
    #[inline(always)]
    fn store(view: &View<'_>, results: &Self::Results) {
        T::store(view, 0, results);
    }
}

macro_rules! tuples {
    ($(($count:literal: $($name:ident $index:tt),*))*) => {$(
        impl<$($name: Operand),*> Inputs for ($($name,)*) {
            type Readers = ($($name::Reader,)*);
            #[inline(always)]
            fn readers(view: &View<'_>, first: usize) -> Self::Readers {
                ($($name::reader(view, first + $index),)*)
            }
            #[inline(always)]
            unsafe fn read(readers: Self::Readers, lane: usize) -> Self {
                // SAFETY: the caller's promise.
                unsafe { ($($name::read(readers.$index, lane),)*) }
            }
        }
        impl<$($name: Operand),*> Outputs for ($($name,)*) {
            const COUNT: usize = $count;
            type Results = ($($name::Results,)*);
            const EMPTY: Self::Results = ($($name::EMPTY,)*);
            #[inline(always)]
            fn keep(results: &mut Self::Results, lane: usize, value: Self) {
                $($name::keep(&mut results.$index, lane, value.$index);)*
            }
            #[inline(always)]
            fn store(view: &View<'_>, results: &Self::Results) {
                $($name::store(view, $index, &results.$index);)*
            }
        }
    )*};
}
tuples! {
    (1: A 0)
    (2: A 0, B 1)
    (3: A 0, B 1, C 2)
    (4: A 0, B 1, C 2, D 3)
}

/// Every lane, whether active or not: for what is cheap. Results wait until all sources are read, so a destination may
/// be a source; and the loop has nothing that could alias, so it is vectorised.
pub(super) struct Each<M>(PhantomData<M>);

impl<M: Map> Kernel for Each<M> {
    #[inline(always)]
    fn run(view: View<'_>) {
        let readers = M::In::readers(&view, M::Out::COUNT);
        let mut results = M::Out::EMPTY;
        for lane in 0..WARP {
            // SAFETY: `lane` is less than 32, and the view borrows the registers.
            let input = unsafe { M::In::read(readers, lane) };
            M::Out::keep(&mut results, lane, M::apply(input));
        }
        M::Out::store(&view, &results);
    }
}

/// The active lanes, one after the other: for what takes long and is not vectorised.
pub(super) struct Slow<M>(PhantomData<M>);

impl<M: Map> Kernel for Slow<M> {
    #[inline(always)]
    fn run(view: View<'_>) {
        let readers = M::In::readers(&view, M::Out::COUNT);
        let mut results = M::Out::EMPTY;
        let mut left = view.active;
        while left != 0 {
            let lane = left.trailing_zeros() as usize;
            left &= left - 1;
            // SAFETY: `lane` is less than 32, and the view borrows the registers.
            let input = unsafe { M::In::read(readers, lane) };
            M::Out::keep(&mut results, lane, M::apply(input));
        }
        M::Out::store(&view, &results);
    }
}

unsafe fn portable<K: Kernel>(registers: &mut Registers, slots: &[Slot], active: u32) {
    // SAFETY: the caller's promise, that of `AluFn`.
    K::run(unsafe { View::new(registers, slots, active) });
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,f16c,lzcnt,popcnt")]
unsafe fn v3<K: Kernel>(registers: &mut Registers, slots: &[Slot], active: u32) {
    // SAFETY: the caller's promise, that of `AluFn`.
    K::run(unsafe { View::new(registers, slots, active) });
}

/// The function of a kernel, compiled for a level. There is no code of its own for V4: AVX-512 makes little of this
/// faster, and twice as much code takes twice as long to build.
pub(super) fn pick<K: Kernel>(level: Level) -> AluFn {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::V3 | Level::V4 => v3::<K>,
        _ => portable::<K>,
    }
}

/// The same for what is rare: code for any machine.
pub(super) fn pick_any<K: Kernel>(_level: Level) -> AluFn {
    portable::<K>
}

/// `map!(level, |a: u32, b: u32| -> u32 { .. })`: a function for all lanes, from what one lane does. The body sees the
/// items around it (types and constants), not variables. `map!(slow level, ..)` is for what is not vectorised,
/// `map!(rare level, ..)` for what is rare besides and is compiled only once.
macro_rules! map {
    (slow $level:expr, |$($arg:ident: $ty:ty),*| -> $out:ty $body:block) => {
        $crate::alu::kernel::map!(@ pick Slow $level, |$($arg: $ty),*| -> $out $body)
    };
    (rare $level:expr, |$($arg:ident: $ty:ty),*| -> $out:ty $body:block) => {
        $crate::alu::kernel::map!(@ pick_any Slow $level, |$($arg: $ty),*| -> $out $body)
    };
    ($level:expr, |$($arg:ident: $ty:ty),*| -> $out:ty $body:block) => {
        $crate::alu::kernel::map!(@ pick Each $level, |$($arg: $ty),*| -> $out $body)
    };
    (@ $pick:ident $how:ident $level:expr, |$($arg:ident: $ty:ty),*| -> $out:ty $body:block) => {{
        struct M;
        impl $crate::alu::kernel::Map for M {
            type In = ($($ty,)*);
            type Out = $out;
            #[inline(always)]
            fn apply(($($arg,)*): Self::In) -> Self::Out $body
        }
        Some($crate::alu::kernel::$pick::<$crate::alu::kernel::$how<M>>($level))
    }};
}

/// `types!(ty, T: U16 => u16, U32 => u32; expression)`: the expression with `T` the type that belongs to `ty`.
macro_rules! types {
    ($ty:expr, $T:ident: $($($name:ident)|+ => $rust:ty),+; $body:expr) => {
        match $ty {
            $($(Type::$name)|+ => { type $T = $rust; $body })+
            _ => None,
        }
    };
}

/// `flags!(B = condition; expression)`: the expression with `B` a constant.
macro_rules! flags {
    ($B:ident = $value:expr; $body:expr) => {
        if $value {
            const $B: bool = true;
            $body
        } else {
            const $B: bool = false;
            $body
        }
    };
}

pub(super) use {flags, map, types};
