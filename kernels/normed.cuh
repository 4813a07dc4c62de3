// The norm of a row in shared memory, in front of a product: bit by bit what rmsnorm.cu stores.
//
// rmsnorm runs in blocks of NORM_THREADS, whose order of squares is kept here whatever the block is: the first
// NORM_THREADS threads of it do what those do, and the others wait.
#pragma once
#include "common.cuh"

constexpr u32 NORM_THREADS = 256;
static_assert(32 * WARPS >= NORM_THREADS, "the norm takes eight warps");

// The weight of the norm put by: no kernel writes it, so that this may be before wait_for_predecessor(). Each thread
// reads back what it wrote itself.
template <int NORM, u32 COUNT>
static __device__ __forceinline__ void keep_gain(typename Storage<NORM>::Element* gain,
                                                 const typename Storage<NORM>::Element* __restrict__ weight) {
    if (threadIdx.x >= NORM_THREADS) return;
#pragma unroll 8
    for (u32 i = threadIdx.x; i < COUNT; i += NORM_THREADS) gain[i] = weight[i];
}

// `row[i] = x[i] / sqrt(mean(x^2) + eps) * gain[i]`, rounded to what activations are stored as, for the whole block.
template <int ACT, int NORM, u32 COUNT>
static __device__ __forceinline__ void normalise(typename Storage<ACT>::Element* row,
                                                 const typename Storage<ACT>::Element* x,
                                                 const typename Storage<NORM>::Element* gain, float eps) {
    __shared__ float warp_squares[NORM_THREADS / 32];
    const bool takes_part = threadIdx.x < NORM_THREADS;
    if (takes_part) {
        float squares = 0.0f;
#pragma unroll 8
        for (u32 i = threadIdx.x; i < COUNT; i += NORM_THREADS) {
            row[i] = x[i];
            float value = Storage<ACT>::load(row[i]);
            squares = fmaf(value, value, squares);
        }
        squares = warp_sum(squares);
        if (threadIdx.x % 32 == 0) warp_squares[threadIdx.x / 32] = squares;
    }
    __syncthreads();
    if (takes_part) {
        float total = 0.0f;
        for (u32 warp = 0; warp < NORM_THREADS / 32; ++warp) total += warp_squares[warp];
        float scale = 1.0f / sqrtf(total / (float)COUNT + eps);
#pragma unroll 8
        for (u32 i = threadIdx.x; i < COUNT; i += NORM_THREADS) {
            row[i] = Storage<ACT>::store(Storage<ACT>::load(row[i]) * scale * Storage<NORM>::load(gain[i]));
        }
    }
    __syncthreads();
}
