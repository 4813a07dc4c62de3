// The index of the largest element of each row.
#include "common.cuh"
#include "candidate.cuh"

// x [rows, FEATURES], out [rows]. One block a row, of whole warps.
extern "C" __global__ void argmax(i32* __restrict__ out, const Storage<ACT_DTYPE>::Element* __restrict__ x, u32 rows) {
    __shared__ Candidate candidates[32];
    u32 row = blockIdx.x;
    if (row >= rows) return;
    u64 start = (u64)row * FEATURES;
    Candidate best = nothing();
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        best = larger(best, candidate(Storage<ACT_DTYPE>::load(x[start + i]), i));
    }
    best = largest_of_warp(best);
    if (threadIdx.x % 32 == 0) candidates[threadIdx.x / 32] = best;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (u32 warp = 1; warp < blockDim.x / 32; ++warp) best = larger(best, candidates[warp]);
        out[row] = best.index;
    }
}
