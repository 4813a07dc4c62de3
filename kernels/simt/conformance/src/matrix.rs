//! Which lane holds which element of a matrix product, and how great the addends of each sum are (PTX ISA 9.0,
//! section 9.7.14.5, "Matrix fragments for mma").

use crate::fragment::Element;

/// A product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Rows of the result.
    pub m: u32,
    /// Its columns.
    pub n: u32,
    /// Products of a sum.
    pub k: u32,
    /// What the result holds.
    pub sum: Element,
    /// What the factors hold.
    pub factor: Element,
}

/// A sum: what it adds.
#[derive(Debug, Clone, PartialEq)]
pub struct Sum {
    /// The products.
    pub factors: Vec<(f64, f64)>,
    /// What is added to them.
    pub c: f64,
}

impl Sum {
    /// The greatest magnitude among the addends.
    #[must_use]
    pub fn greatest(&self) -> f64 {
        self.factors.iter().map(|(a, b)| (a * b).abs()).fold(self.c.abs(), f64::max)
    }
}

impl Shape {
    /// Registers of the result (and of what is added), of the left and of the right factor.
    #[must_use]
    pub const fn registers(self) -> (usize, usize, usize) {
        const fn count(elements: u32, element: Element) -> usize {
            let register = if element.bits() == 64 { 64 } else { 32 };
            (elements * element.bits() / register / 32) as usize
        }
        (
            count(self.m * self.n, self.sum),
            count(self.m * self.k, self.factor),
            count(self.k * self.n, self.factor),
        )
    }

    /// Where an element of the result is: its lane, register and place in it.
    #[must_use]
    pub const fn place(self, row: u32, column: u32) -> (usize, usize, usize) {
        let lane = row % 8 * 4 + column % 8 / 2;
        let at = if self.sum.bits() == 16 { (row / 8, column % 2) } else { (row / 8 * 2 + column % 2, 0) };
        (lane as usize, at.0 as usize, at.1 as usize)
    }

    /// Where an element of the left factor is.
    const fn left(self, row: u32, k: u32) -> (usize, usize, usize) {
        let part = self.parts();
        let lane = row % 8 * 4 + k / part % 4;
        let rows = self.m / 8;
        ((lane) as usize, (row / 8 + rows * (k / (4 * part))) as usize, (k % part) as usize)
    }

    /// Where an element of the right factor is.
    const fn right(self, k: u32, column: u32) -> (usize, usize, usize) {
        let part = self.parts();
        ((column * 4 + k / part % 4) as usize, (k / (4 * part)) as usize, (k % part) as usize)
    }

    /// Elements of a register.
    const fn parts(self) -> u32 {
        if self.factor.bits() == 64 { 1 } else { 32 / self.factor.bits() }
    }

    /// What an element of the result is the sum of. `operands` are those of the warp's lanes: left factor, right
    /// factor, addend. `None` where an operand is missing.
    #[must_use]
    pub fn sum(self, operands: &[Vec<u64>], row: u32, column: u32) -> Option<Sum> {
        let (_, lefts, rights) = self.registers();
        let get = |(lane, register, part): (usize, usize, usize), base: usize, element: Element| {
            let value = operands.get(lane)?.get(base + register)? >> (part as u32 * element.bits() % 64);
            Some(element.decode(value & element.mask()))
        };
        let factors = (0..self.k).map(|k| {
            Some((get(self.left(row, k), 0, self.factor)?, get(self.right(k, column), lefts, self.factor)?))
        });
        let factors = factors.collect::<Option<Vec<_>>>()?;
        let c = get(self.place(row, column), lefts + rights, self.sum)?;
        Some(Sum { factors, c })
    }
}
