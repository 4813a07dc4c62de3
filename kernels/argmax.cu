// The index of the largest element of each row.
#include "common.cuh"

// An element that may be the largest. A NaN is larger than everything and comes before everything, so that its index,
// -1, is that of the row.
struct Candidate {
    float value;
    i32 index;
};

// The larger one; the one with the lower index among equals.
static __device__ Candidate larger(Candidate a, Candidate b) {
    bool second = b.value > a.value || (b.value == a.value && b.index < a.index);
    return second ? b : a;
}

// x [rows, FEATURES], out [rows]. One block a row, of whole warps.
extern "C" __global__ void argmax(i32* __restrict__ out, const Storage<ACT_DTYPE>::Element* __restrict__ x, u32 rows) {
    const float infinity = __uint_as_float(0x7f800000u);
    __shared__ Candidate candidates[32];
    u32 row = blockIdx.x;
    if (row >= rows) return;
    u64 start = (u64)row * FEATURES;
    // Nothing: as small as can be, and after everything, so that a row of -infinity still has an index.
    Candidate best = {-infinity, 0x7fffffff};
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        float value = Storage<ACT_DTYPE>::load(x[start + i]);
        best = larger(best, value != value ? Candidate{infinity, -1} : Candidate{value, (i32)i});
    }
    for (int offset = 16; offset > 0; offset >>= 1) {
        float value = __shfl_xor_sync(0xffffffffu, best.value, offset);
        i32 index = __shfl_xor_sync(0xffffffffu, best.index, offset);
        best = larger(best, Candidate{value, index});
    }
    if (threadIdx.x % 32 == 0) candidates[threadIdx.x / 32] = best;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (u32 warp = 1; warp < blockDim.x / 32; ++warp) best = larger(best, candidates[warp]);
        out[row] = best.index;
    }
}
