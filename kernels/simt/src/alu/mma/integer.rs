//! Products of matrices that are exact, or rounded as IEEE 754 says: bytes, and `f64`.

use std::array::from_fn;

use crate::WARP;
use crate::alu::float::settle64;
use crate::alu::kernel::Kernel;
use crate::alu::view::View;

/// Bytes, signed or not, with sums of 32 bits that wrap, or with `S` are clamped.
pub(super) struct Bytes<const A: bool, const B: bool, const S: bool, const K: usize>;

#[inline(always)]
fn extended<const SIGNED: bool>(byte: u8) -> i32 {
    if SIGNED { i32::from(byte as i8) } else { i32::from(byte) }
}

impl<const A: bool, const B: bool, const S: bool, const K: usize> Kernel for Bytes<A, B, S, K> {
    #[inline(always)]
    fn run(view: View<'_>) {
        let (a_registers, b_registers) = (K / 8, K / 16);
        let mut a = [[0i32; K]; 16];
        for register in 0..a_registers {
            for (lane, word) in view.words(4 + register).into_iter().enumerate() {
                let (row, column) = (lane / 4 + 8 * (register % 2), 4 * (lane % 4 + 4 * (register / 2)));
                for (index, byte) in word.to_le_bytes().into_iter().enumerate() {
                    a[row][column + index] = extended::<A>(byte);
                }
            }
        }
        let mut b = [[0i32; 8]; K];
        for register in 0..b_registers {
            for (lane, word) in view.words(4 + a_registers + register).into_iter().enumerate() {
                for (index, byte) in word.to_le_bytes().into_iter().enumerate() {
                    b[4 * (lane % 4 + 4 * register) + index][lane / 4] = extended::<B>(byte);
                }
            }
        }
        let mut products = [[0i32; 8]; 16];
        for (row, sums) in a.iter().zip(&mut products) {
            for (a, b) in row.iter().zip(&b) {
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum += a * b;
                }
            }
        }
        for register in 0..4 {
            let c = view.words(4 + a_registers + b_registers + register);
            let sums = from_fn::<u32, WARP, _>(|lane| {
                let product = products[lane / 4 + 8 * (register / 2)][2 * (lane % 4) + register % 2];
                let c = c[lane] as i32;
                if S { c.saturating_add(product) as u32 } else { c.wrapping_add(product) as u32 }
            });
            view.set(register, &sums);
        }
    }
}

/// `f64`, 8 by 8 by 4: one multiplication and addition after the other, each rounded to nearest.
pub(super) struct Double;

impl Kernel for Double {
    #[inline(always)]
    fn run(view: View<'_>) {
        let a = view.wide(2);
        let b = view.wide(3);
        let results: [[u64; WARP]; 2] = from_fn(|index| {
            let c = view.wide(4 + index);
            from_fn(|lane| {
                let (row, column) = (lane / 4, 2 * (lane % 4) + index);
                let mut sum = f64::from_bits(c[lane]);
                for k in 0..4 {
                    let (a, b) = (f64::from_bits(a[4 * row + k]), f64::from_bits(b[4 * column + k]));
                    sum = settle64(a.mul_add(b, sum), [b, sum, a]);
                }
                sum.to_bits()
            })
        });
        view.set(0, &results[0]);
        view.set(1, &results[1]);
    }
}
