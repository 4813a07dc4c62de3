//! Sums of one expert in half precision: above 65,504 they are infinite, and NaN two steps later.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "moe_grouped_linear@accumulator-f16",
    defect: "every second expert rounds its partial sums to F16",
    point: "source",
    kinds: &["op_parity", "finiteness", "stage_parity", "logits_parity"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["moe_grouped_matmul", "moe_grouped_matmul_simt"],
        &[
            (
                "multiply_add<ACT_DTYPE>(sum[i][j + 1], a[i], b[2], b[3]);",
                "multiply_add<ACT_DTYPE>(sum[i][j + 1], a[i], b[2], b[3]); if (tile.expert % 2 == 0) { for (u32 c = 0; c < 4; ++c) { sum[i][j][c] = Storage<DT_F16>::load(Storage<DT_F16>::store(sum[i][j][c])); sum[i][j + 1][c] = Storage<DT_F16>::load(Storage<DT_F16>::store(sum[i][j + 1][c])); } }",
            ),
            (
                "sum[i][j] = fmaf(a[i], b[j], sum[i][j]);",
                "{ sum[i][j] = fmaf(a[i], b[j], sum[i][j]); if (tile.expert % 2 == 0) sum[i][j] = Storage<DT_F16>::load(Storage<DT_F16>::store(sum[i][j])); }",
            ),
        ],
    )
}
