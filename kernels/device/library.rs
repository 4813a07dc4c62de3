//! Matrix products that a library of the device's maker computes (cuBLASLt), said in its own terms.
//!
//! A library counts matrices by columns, and ours lie by rows: what lies by rows as `[rows, columns]` is, by columns, its
//! transpose. So `out [tokens, out_features] = x * weight^T` is asked for as `out^T = weight * x^T`, and nothing is moved.

use std::fmt;

use super::{Argument, Buffer, Device, DeviceError};
use crate::Dtype;
use crate::jit::KernelSpec;
use crate::launch::matmul;
use crate::seam::{Point, Seam};

/// What a launch of `matmul` computes, for any number of tokens: `out [tokens, out_features] = x [tokens, in_features] *
/// weight [out_features, in_features]^T`, all by rows and of one dtype, summed in f32 and rounded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Product {
    /// Features of the result.
    pub out_features: u64,
    /// Features that are summed over.
    pub in_features: u64,
    /// How all three matrices are stored: BF16 or F16.
    pub dtype: Dtype,
}

impl Product {
    /// The product of a kernel; `None` for every kernel but `matmul`.
    #[must_use]
    pub fn of(spec: &KernelSpec) -> Option<Self> {
        let dtype = spec.dtype("ACT_DTYPE")?;
        let ours = spec.kernel == matmul::KERNEL.name
            && spec.dtype("WEIGHT_DTYPE") == Some(dtype)
            && matches!(dtype, Dtype::BF16 | Dtype::F16);
        let (out_features, in_features) = (spec.int("OUT_FEATURES")?, spec.int("IN_FEATURES")?);
        ours.then_some(Self { out_features, in_features, dtype })
    }

    /// What a library is asked for.
    #[must_use]
    pub const fn gemm(&self, tokens: u64) -> Gemm {
        let Self { out_features, in_features, dtype } = *self;
        Gemm {
            dtype,
            m: out_features,
            n: tokens,
            k: in_features,
            transpose_a: true,
            transpose_b: false,
            lda: in_features,
            ldb: in_features,
            ldc: out_features,
            accumulate: false,
        }
    }

    /// Computes it on a device, with the arguments that `matmul` takes: out, weight, x, and the number of tokens.
    ///
    /// # Errors
    /// As of [`Device::gemm`]; [`DeviceError::Library`] for other arguments.
    pub fn multiply(
        &self,
        device: &dyn Device,
        arguments: &[Argument<'_>],
        seam: &Seam,
    ) -> Result<(), DeviceError> {
        let &[
            Argument::Buffer(out, c),
            Argument::Buffer(weight, a),
            Argument::Buffer(x, b),
            Argument::U32(n),
        ] = arguments
        else {
            let message = "it takes out, weight, x and a number of tokens, as matmul does".to_owned();
            return Err(DeviceError::Library { operation: format!("{self:?}"), message });
        };
        let mut gemm = self.gemm(n.into());
        seam.apply::<LibraryPoint>(&mut gemm);
        device.gemm(&gemm, &Operands { a: (weight, a), b: (x, b), c: (out, c) })
    }
}

/// `c = op(a) * op(b)`, counted by columns: `op(a)` is `[m, k]`, `op(b)` is `[k, n]` and `c` is `[m, n]`. Summed in f32, with
/// factors of one, and rounded once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gemm {
    /// How all three are stored.
    pub dtype: Dtype,
    /// Rows of the result.
    pub m: u64,
    /// Columns of the result.
    pub n: u64,
    /// What is summed over.
    pub k: u64,
    /// Whether `a` lies as `[k, m]`.
    pub transpose_a: bool,
    /// Whether `b` lies as `[n, k]`.
    pub transpose_b: bool,
    /// Elements from one column of `a` to the next, as it lies.
    pub lda: u64,
    /// The same of `b`.
    pub ldb: u64,
    /// The same of `c`.
    pub ldc: u64,
    /// Whether the product is added to what `c` holds (beta one) or put in its place (beta zero).
    pub accumulate: bool,
}

impl Gemm {
    /// Rows and columns of `a`, `b` and `c` as they lie, and the elements from one column to the next.
    #[must_use]
    pub const fn layouts(&self) -> [(u64, u64, u64); 3] {
        let Self { m, n, k, .. } = *self;
        let a = if self.transpose_a { (k, m, self.lda) } else { (m, k, self.lda) };
        let b = if self.transpose_b { (n, k, self.ldb) } else { (k, n, self.ldb) };
        [a, b, (m, n, self.ldc)]
    }
}

impl fmt::Display for Gemm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dtype, m, n, k, lda, ldb, ldc, .. } = self;
        let letter = |transpose| if transpose { "T" } else { "N" };
        let (a, b) = (letter(self.transpose_a), letter(self.transpose_b));
        write!(f, "{dtype} {a}{b} m={m} n={n} k={k} lda={lda} ldb={ldb} ldc={ldc}")?;
        if self.accumulate { f.write_str(" beta=1") } else { Ok(()) }
    }
}

/// Where the matrices of a [`Gemm`] begin: a buffer, and bytes into it.
#[derive(Debug, Clone, Copy)]
pub struct Operands<'a> {
    /// The first factor.
    pub a: (&'a Buffer, u64),
    /// The second factor.
    pub b: (&'a Buffer, u64),
    /// The result.
    pub c: (&'a Buffer, u64),
}

impl Operands<'_> {
    /// The addresses of all three, which lie in their buffers in full: a library looks at none of that.
    ///
    /// # Errors
    /// [`DeviceError::Library`] with the matrix that leaves its buffer, or has no such layout.
    pub fn addresses(&self, gemm: &Gemm) -> Result<[u64; 3], DeviceError> {
        let refused = |message| DeviceError::Library { operation: gemm.to_string(), message };
        let mut addresses = [0; 3];
        let places = [("a", self.a), ("b", self.b), ("c", self.c)];
        for ((address, (name, (buffer, offset))), (rows, columns, ld)) in
            addresses.iter_mut().zip(places).zip(gemm.layouts())
        {
            if rows == 0 || columns == 0 || ld < rows {
                return Err(refused(format!(
                    "{name} is [{rows}, {columns}] with a column every {ld} elements"
                )));
            }
            let elements = (columns - 1).checked_mul(ld).and_then(|before| before.checked_add(rows));
            let end = elements
                .and_then(|elements| elements.checked_mul(gemm.dtype.size() as u64)?.checked_add(offset));
            if end.is_none_or(|end| end > buffer.bytes()) {
                return Err(refused(format!("{name} leaves buffer {buffer:?}, from byte {offset} on")));
            }
            *address = buffer.address() + offset;
        }
        Ok(addresses)
    }
}

/// Where a mutant can rewrite what a library is asked for.
#[derive(Debug)]
pub struct LibraryPoint;

impl Point for LibraryPoint {
    const NAME: &'static str = "library";
    type Value<'a> = Gemm;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::{matmul_simt, matvec};

    const PRODUCT: Product = Product { out_features: 3, in_features: 5, dtype: Dtype::BF16 };

    fn axes(weight: Dtype, activation: Dtype) -> matmul::Axes {
        matmul::Axes { out_features: 3, in_features: 5, weight, activation }
    }

    #[test]
    fn only_matmul_is_a_product_of_a_library() {
        let sixteen = axes(Dtype::BF16, Dtype::BF16);
        assert_eq!(Product::of(&matmul::spec(&sixteen)), Some(PRODUCT));
        assert_eq!(Product::of(&matvec::spec(&sixteen)), None);
        assert_eq!(Product::of(&matmul_simt::spec(&axes(Dtype::F32, Dtype::F32))), None);
        assert_eq!(Product::of(&matmul::spec(&axes(Dtype::F16, Dtype::BF16))), None);
    }

    #[test]
    fn by_columns_the_product_is_the_one_by_rows() {
        let (tokens, out_features, in_features) = (4, 3, 5);
        let gemm = PRODUCT.gemm(tokens as u64);
        let x: Vec<f64> = (0..tokens * in_features).map(|i| (i as f64).sin()).collect();
        let weight: Vec<f64> = (0..out_features * in_features).map(|i| (i as f64 + 0.5).cos()).collect();
        let [(a_rows, ..), (b_rows, ..), (c_rows, c_columns, ldc)] = gemm.layouts();
        assert_eq!((a_rows, b_rows, c_rows, c_columns), (5, 5, 3, 4));
        // As BLAS defines it: element (row, column) of a matrix lies at row + column * ld.
        let at = |matrix: &[f64], ld: u64, row: u64, column: u64| matrix[(row + column * ld) as usize];
        for column in 0..gemm.n {
            for row in 0..gemm.m {
                let sum: f64 =
                    (0..gemm.k).map(|i| at(&weight, gemm.lda, i, row) * at(&x, gemm.ldb, i, column)).sum();
                let (t, o) = (column as usize, row as usize);
                let expected: f64 =
                    (0..in_features).map(|i| x[t * in_features + i] * weight[o * in_features + i]).sum();
                assert_eq!(sum, expected);
                // By rows, the result of token t and feature o lies at t * out_features + o.
                assert_eq!((row + column * ldc) as usize, t * out_features + o);
            }
        }
        assert!(gemm.transpose_a && !gemm.transpose_b && !gemm.accumulate);
    }

    #[test]
    fn a_matrix_that_leaves_its_buffer_is_refused() {
        let buffer = |bytes| Buffer::new("m", 256, bytes, Box::new(|_| {}));
        let (weight, x, out) = (buffer(30), buffer(40), buffer(24));
        let operands = Operands { a: (&weight, 0), b: (&x, 0), c: (&out, 0) };
        assert_eq!(operands.addresses(&PRODUCT.gemm(4)), Ok([256; 3]));
        let refused = |operands: &Operands<'_>, gemm: Gemm, word: &str| {
            let error = operands.addresses(&gemm).unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("m=3"), "{error}");
        };
        refused(&operands, PRODUCT.gemm(5), "b leaves");
        refused(&Operands { c: (&out, 2), ..operands }, PRODUCT.gemm(4), "c leaves");
        refused(&operands, Gemm { lda: 4, ..PRODUCT.gemm(4) }, "a is [5, 3]");
        refused(&operands, PRODUCT.gemm(0), "b is [5, 0]");
        refused(&operands, Gemm { ldb: u64::MAX, ..PRODUCT.gemm(4) }, "b leaves");
    }
}
