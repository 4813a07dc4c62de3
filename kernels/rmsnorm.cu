// Root mean square norm of rows: of a token, or of each of its heads.
#include "common.cuh"

// out, x [rows, FEATURES], weight [FEATURES]. One block a row.
extern "C" __global__ void rmsnorm(Storage<ACT_DTYPE>::Element* __restrict__ out,
                                   const Storage<ACT_DTYPE>::Element* __restrict__ x,
                                   const Storage<WEIGHT_DTYPE>::Element* __restrict__ weight, u32 rows) {
    u32 row = blockIdx.x;
    if (row >= rows) return;
    u64 start = (u64)row * FEATURES;
    rmsnorm_row<ACT_DTYPE, WEIGHT_DTYPE, FEATURES>(out + start, x + start, weight, (float)EPS);
}
