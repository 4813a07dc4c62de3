//! Tiles that are not filled up with zeros: what is behind the last row or feature is whatever was there.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "matmul@tail-left-unwritten",
    defect: "matrix products leave unwritten what of a tile lies outside of the matrix",
    point: "source",
    kinds: &["memory_safety"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["matmul", "matmul_simt"],
        &[
            (
                "            *reinterpret_cast<uint4*>(to) = eight;",
                "            if (inside && first + column < IN_FEATURES) *reinterpret_cast<uint4*>(to) = eight;",
            ),
            (
                "for (u32 j = 0; j < 8; ++j) to[j] = inside && first + column + j < IN_FEATURES ? from[j] : (u16)0;",
                "for (u32 j = 0; j < 8; ++j) if (inside && first + column + j < IN_FEATURES) to[j] = from[j];",
            ),
            (
                "        tile[column + i][row] =\n            inside ? Storage<DTYPE>::load(matrix[(u64)(first_row + row) * IN_FEATURES + feature]) : 0.0f;",
                "        if (inside) tile[column + i][row] = Storage<DTYPE>::load(matrix[(u64)(first_row + row) * IN_FEATURES + feature]);",
            ),
        ],
    )
}
