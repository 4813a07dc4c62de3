//! The library of the double: products as BLAS defines them, by columns, each sum in another order than kernels take.

use kernels::device::{Buffer, DeviceError, Gemm, Operands};

use super::Heap;

pub(super) fn gemm(heap: &mut Heap, gemm: &Gemm, operands: &Operands<'_>) -> Result<(), DeviceError> {
    operands.addresses(gemm)?;
    let mut read = |(buffer, offset): (&Buffer, u64), (rows, columns, ld): (u64, u64, u64)| {
        assert_eq!(offset, 0);
        heap.floats(buffer, gemm.dtype, usize::try_from((columns - 1) * ld + rows).unwrap())
    };
    let [of_a, of_b, of_c] = gemm.layouts();
    let (a, b, mut c) = (read(operands.a, of_a)?, read(operands.b, of_b)?, read(operands.c, of_c)?);
    let at = |transposed, ld, row, column| match transposed {
        true => usize::try_from(column + row * ld).unwrap(),
        false => usize::try_from(row + column * ld).unwrap(),
    };
    for column in 0..gemm.n {
        for row in 0..gemm.m {
            // From the last to the first.
            let sum: f32 = (0..gemm.k)
                .rev()
                .map(|i| {
                    a[at(gemm.transpose_a, gemm.lda, row, i)] * b[at(gemm.transpose_b, gemm.ldb, i, column)]
                })
                .sum();
            let to = &mut c[at(false, gemm.ldc, row, column)];
            *to = if gemm.accumulate { *to + sum } else { sum };
        }
    }
    heap.store(operands.c.0, gemm.dtype, 0, &c)
}
