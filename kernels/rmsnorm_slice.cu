// Root mean square norm of the first features of rows that are longer: of a latent before what lies behind it.
#include "common.cuh"
#include "dependent.cuh"

// out [rows, FEATURES], x [rows, STRIDE], weight [FEATURES]. One block a row; bit by bit what rmsnorm gives of a copy.
extern "C" __global__ void rmsnorm_slice(Storage<ACT_DTYPE>::Element* __restrict__ out,
                                         const Storage<ACT_DTYPE>::Element* __restrict__ x,
                                         const Storage<WEIGHT_DTYPE>::Element* __restrict__ weight, u32 rows) {
    let_successor_start();
    wait_for_predecessor();
    const u32 row = blockIdx.x;
    if (row >= rows) return;
    rmsnorm_row<ACT_DTYPE, WEIGHT_DTYPE, FEATURES>(out + (u64)row * FEATURES, x + (u64)row * STRIDE, weight, (float)EPS);
}
