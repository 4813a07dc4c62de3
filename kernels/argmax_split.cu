// The largest element of each slice of each row: the first half of greedy decoding, with many blocks a row.
//
// A block takes one slice. Which slices there are plays no part in what comes out in the end: of equal elements the one
// with the lowest index is kept, in a slice and among them.
#include "common.cuh"
#include "candidate.cuh"
#include "dependent.cuh"

using Activation = Storage<ACT_DTYPE>;

// Elements that are loaded at once: rows of other lengths do not begin where eight may be loaded.
constexpr u32 AT_ONCE = FEATURES % 8 == 0 ? 8 : 1;
static_assert(WIDTH % AT_ONCE == 0, "a slice begins where elements may be loaded");

// x [rows, FEATURES]; largest, index [rows, SPLITS]. Slices have WIDTH elements, the last one what is left. The index is
// that of the row, -1 for a slice with a NaN.
extern "C" __global__ void __launch_bounds__(THREADS)
    argmax_split(float* largest, i32* index, const Activation::Element* x, u32 rows) {
    __shared__ Candidate candidates[THREADS / 32];

    let_successor_start();
    wait_for_predecessor();

    const u32 row = blockIdx.x / SPLITS;
    const u32 split = blockIdx.x % SPLITS;
    if (row >= rows) return;
    const Activation::Element* const from = x + (u64)row * FEATURES;
    const u32 first = split * WIDTH;
    const u32 end = min(first + WIDTH, (u32)FEATURES);

    Candidate best = nothing();
    for (u32 i = first + threadIdx.x * AT_ONCE; i < end; i += THREADS * AT_ONCE) {
        if constexpr (AT_ONCE == 8) {
            float values[8];
            load_eight<ACT_DTYPE>(values, from + i);
#pragma unroll
            for (u32 j = 0; j < 8; ++j) best = larger(best, candidate(values[j], i + j));
        } else {
            best = larger(best, candidate(Activation::load(from[i]), i));
        }
    }
    best = largest_of_warp(best);
    if (threadIdx.x % 32 == 0) candidates[threadIdx.x / 32] = best;
    __syncthreads();
    if (threadIdx.x == 0) {
#pragma unroll
        for (u32 warp = 1; warp < THREADS / 32; ++warp) best = larger(best, candidates[warp]);
        largest[blockIdx.x] = best.value;
        index[blockIdx.x] = best.index;
    }
}
