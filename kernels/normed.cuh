// The norm of a row in shared memory, in front of a product: bit by bit what rmsnorm.cu stores.
//
// rmsnorm runs in blocks of NORM_THREADS, whose order of squares is kept here whatever the block is: the first
// NORM_THREADS threads of it do what those do, and the others wait.
#pragma once
#include "common.cuh"

constexpr u32 NORM_THREADS = 256;
static_assert(32 * WARPS >= NORM_THREADS, "the norm takes eight warps");

// The elements of a row that are a thread's, in the order in which it adds them up: TIMES times TOGETHER of them, which is
// at most sixteen. What is read together comes after one latency, and not after one for each.
template <u32 COUNT>
struct Shares {
    static constexpr u32 EACH = (COUNT + NORM_THREADS - 1) / NORM_THREADS;
    static constexpr u32 TIMES = (EACH + 15) / 16;
    static constexpr u32 TOGETHER = (EACH + TIMES - 1) / TIMES;

    static __device__ __forceinline__ u32 at(u32 time, u32 j) {
        return threadIdx.x + NORM_THREADS * (time * TOGETHER + j);
    }
};

// A thread's elements of a row put by in `to`. `use` sees each of them.
template <u32 COUNT, class Element, class Use>
static __device__ __forceinline__ void take(Element* to, const Element* from, Use use) {
    using Share = Shares<COUNT>;
    for (u32 time = 0; time < Share::TIMES; ++time) {
        Element taken[Share::TOGETHER];
#pragma unroll
        for (u32 j = 0; j < Share::TOGETHER; ++j) {
            const u32 i = Share::at(time, j);
            taken[j] = i < COUNT ? from[i] : Element{};
        }
#pragma unroll
        for (u32 j = 0; j < Share::TOGETHER; ++j) {
            const u32 i = Share::at(time, j);
            if (i < COUNT) {
                to[i] = taken[j];
                use(taken[j]);
            }
        }
    }
}

// The weight of the norm put by: no kernel writes it, so that this may be before wait_for_predecessor(). Each thread
// reads back what it wrote itself.
template <int NORM, u32 COUNT>
static __device__ __forceinline__ void keep_gain(typename Storage<NORM>::Element* gain,
                                                 const typename Storage<NORM>::Element* weight) {
    if (threadIdx.x < NORM_THREADS) take<COUNT>(gain, weight, [](typename Storage<NORM>::Element) {});
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
        take<COUNT>(row, x, [&](typename Storage<ACT>::Element taken) {
            const float value = Storage<ACT>::load(taken);
            squares = fmaf(value, value, squares);
        });
        squares = warp_sum(squares);
        if (threadIdx.x % 32 == 0) warp_squares[threadIdx.x / 32] = squares;
    }
    __syncthreads();
    if (takes_part) {
        float total = 0.0f;
        for (u32 warp = 0; warp < NORM_THREADS / 32; ++warp) total += warp_squares[warp];
        float scale = 1.0f / sqrtf(total / (float)COUNT + eps);
        for (u32 time = 0; time < Shares<COUNT>::TIMES; ++time) {
#pragma unroll
            for (u32 j = 0; j < Shares<COUNT>::TOGETHER; ++j) {
                const u32 i = Shares<COUNT>::at(time, j);
                if (i >= COUNT) continue;
                row[i] = Storage<ACT>::store(Storage<ACT>::load(row[i]) * scale * Storage<NORM>::load(gain[i]));
            }
        }
    }
    __syncthreads();
}
