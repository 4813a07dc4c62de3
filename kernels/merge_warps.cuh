// The end of attention in which each warp of a block keeps the softmax of its own keys (Milakov and Gimelshein, "Online
// normalizer calculation for softmax", arXiv 1805.02867): the warps are merged in their order.
#pragma once
#include "common.cuh"

// Calls `store(d, context)` for each of WIDTH features. A warp gives the largest score of its keys, the sum of their
// weights, and the weighted sum of their values, of which lane l has the features 32 i + l. A warp without keys gives minus
// infinity and zeros. Called by all WARPS warps of a block, once.
template <u32 WARPS, u32 WIDTH, class Store>
static __device__ __forceinline__ void merge_warps(float largest, float total, const float (&context)[(WIDTH + 31) / 32],
                                                   Store store) {
    __shared__ float largest_of[WARPS];
    __shared__ float total_of[WARPS];
    __shared__ float context_of[WARPS][WIDTH];
    const u32 warp = threadIdx.x / 32;
    const u32 lane = threadIdx.x % 32;
    if (lane == 0) {
        largest_of[warp] = largest;
        total_of[warp] = total;
    }
#pragma unroll
    for (u32 i = 0; i < (WIDTH + 31) / 32; ++i) {
        const u32 d = 32 * i + lane;
        if (d < WIDTH) context_of[warp][d] = context[i];
    }
    __syncthreads();

    float most = NEGATIVE_INFINITY;
    for (u32 w = 0; w < WARPS; ++w) most = fmaxf(most, largest_of[w]);
    float share[WARPS];
    float all = 0.0f;
#pragma unroll
    for (u32 w = 0; w < WARPS; ++w) {
        share[w] = exp_below(largest_of[w], most);
        all = fmaf(total_of[w], share[w], all);
    }
    for (u32 d = threadIdx.x; d < WIDTH; d += 32 * WARPS) {
        float sum = 0.0f;
#pragma unroll
        for (u32 w = 0; w < WARPS; ++w) sum = fmaf(context_of[w][d], share[w], sum);
        store(d, sum / all);
    }
}
