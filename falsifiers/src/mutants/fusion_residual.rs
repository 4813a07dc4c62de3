//! A fused norm that is taken of the sum before it was rounded to how it is stored.

use kernels::seam::Seam;

use super::Mutant;
use crate::plant::in_source;

/// Registry entry.
pub(super) static MUTANT: Mutant = Mutant {
    name: "fusion@residual-not-rounded",
    defect: "the fused norm is of the residual stream before rounding",
    point: "source",
    kinds: &["op_parity", "fusion_equality"],
    seam,
};

fn seam() -> Seam {
    in_source(
        &["add_rmsnorm"],
        &[(
            "    rmsnorm_row<ACT_DTYPE, WEIGHT_DTYPE, FEATURES>(out + start, residual_out + start, weight, (float)EPS);",
            r#"    __shared__ float warp_squares[32];
    float squares = 0.0f;
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        float value = Act::load(residual[start + i]) + Act::load(x[start + i]);
        squares = fmaf(value, value, squares);
    }
    squares = warp_sum(squares);
    if (threadIdx.x % 32 == 0) warp_squares[threadIdx.x / 32] = squares;
    __syncthreads();
    float total = 0.0f;
    for (u32 warp = 0; warp < blockDim.x / 32; ++warp) total += warp_squares[warp];
    float scale = 1.0f / sqrtf(total / (float)FEATURES + (float)EPS);
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        float value = Act::load(residual[start + i]) + Act::load(x[start + i]);
        out[start + i] = Act::store(value * scale * Storage<WEIGHT_DTYPE>::load(weight[i]));
    }"#,
        )],
    )
}
