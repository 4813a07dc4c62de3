// The residual stream and the norm of it, in one pass.
#include "common.cuh"

// residual_out, out, residual, x [rows, FEATURES], weight [FEATURES]. One block a row. The norm is of the sum as it is
// stored, which each thread reads back where it wrote it: bit by bit what residual_add and then rmsnorm give.
extern "C" __global__ void add_rmsnorm(Storage<ACT_DTYPE>::Element* residual_out,
                                       Storage<ACT_DTYPE>::Element* __restrict__ out,
                                       const Storage<ACT_DTYPE>::Element* __restrict__ residual,
                                       const Storage<ACT_DTYPE>::Element* __restrict__ x,
                                       const Storage<WEIGHT_DTYPE>::Element* __restrict__ weight, u32 rows) {
    using Act = Storage<ACT_DTYPE>;
    u32 row = blockIdx.x;
    if (row >= rows) return;
    u64 start = (u64)row * FEATURES;
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        residual_out[start + i] = Act::store(Act::load(residual[start + i]) + Act::load(x[start + i]));
    }
    rmsnorm_row<ACT_DTYPE, WEIGHT_DTYPE, FEATURES>(out + start, residual_out + start, weight, (float)EPS);
}
