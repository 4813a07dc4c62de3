// Reads memory as fast as it can be read, and leaves of it one word a block, so that nothing can be left out: what a
// decode step is held to.
#include "common.cuh"
#include "dependent.cuh"

using X = Storage<X_DTYPE>;

// Elements of 16 bytes.
constexpr u32 EACH = 16 / sizeof(X::Element);

// The exclusive or over the 32 lanes of a warp, in every lane.
static __device__ __forceinline__ u32 warp_xor(u32 x) {
    for (int offset = 16; offset > 0; offset >>= 1) x ^= __shfl_xor_sync(0xffffffffu, x, offset);
    return x;
}

// x [count], beginning at a multiple of 16 bytes; out [BLOCKS]: the exclusive or of the 32-bit words that the block read.
// Word of 16 bytes w is read by block (w / THREADS) % BLOCKS; elements behind the last whole one by block 0. LOADS of
// them are under way at a time in each thread.
extern "C" __global__ void __launch_bounds__(THREADS)
    read_bandwidth(u32* __restrict__ out, const X::Element* __restrict__ x, u32 count) {
    let_successor_start();
    wait_for_predecessor();
    __shared__ u32 warps[THREADS / 32];
    const uint4* const words = reinterpret_cast<const uint4*>(x);
    const u32 whole = count / EACH;
    const u64 stride = (u64)BLOCKS * THREADS;
    u64 at = (u64)blockIdx.x * THREADS + threadIdx.x;
    u32 found = 0;
    // As many loads are under way as the axis says, and no more that nothing would run.
#pragma unroll 1
    for (; at + (LOADS - 1) * stride < whole; at += LOADS * stride) {
        uint4 read[LOADS];
#pragma unroll
        for (u32 i = 0; i < LOADS; ++i) read[i] = __ldcs(words + at + i * stride);
#pragma unroll
        for (u32 i = 0; i < LOADS; ++i) found ^= read[i].x ^ read[i].y ^ read[i].z ^ read[i].w;
    }
#pragma unroll 1
    for (; at < whole; at += stride) {
        const uint4 read = __ldcs(words + at);
        found ^= read.x ^ read.y ^ read.z ^ read.w;
    }
    if (blockIdx.x == 0 && threadIdx.x < count % EACH) {
        const X::Element last = x[(u64)whole * EACH + threadIdx.x];
        if constexpr (sizeof(last) == 4) {
            found ^= __float_as_uint(last);
        } else {
            found ^= (u32)last;
        }
    }
    found = warp_xor(found);
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = found;
    __syncthreads();
    if (threadIdx.x == 0) {
#pragma unroll 1
        for (u32 warp = 1; warp < THREADS / 32; ++warp) found ^= warps[warp];
        out[blockIdx.x] = found;
    }
}
