// The heads of new tokens turned to their positions, and keys and values put into their pages, in one launch; bit by bit
// what rmsnorm, rope and kv_write give one after the other.
#pragma once
#include "common.cuh"
#include "dependent.cuh"
#include "kv_scale.cuh"

#define HALF (HEAD_DIM / 2)

using Act = Storage<ACT_DTYPE>;
using Kv = Storage<KV_DTYPE>;

constexpr u32 THREADS = 256;
constexpr u32 WARPS = THREADS / 32;

// Radians per position of a pair: theta^(-2 pair / head_dim), rescaled as SCALING says: 0 not at all, 1 linear, 2 as
// Llama 3.1 does. The steps are those of rope.
static __device__ double frequency(u32 pair) {
    double plain = exp2(-(2.0 * pair / HEAD_DIM) * log2((double)THETA));
#if SCALING == 0
    return plain;
#elif SCALING == 1
    return plain / FACTOR;
#elif SCALING == 2
    double wavelength = 6.283185307179586476925 / plain;
    if (wavelength < ORIGINAL_MAX_POSITION_EMBEDDINGS / HIGH_FREQ_FACTOR) return plain;
    if (wavelength > ORIGINAL_MAX_POSITION_EMBEDDINGS / LOW_FREQ_FACTOR) return plain / FACTOR;
    double smooth = ORIGINAL_MAX_POSITION_EMBEDDINGS / wavelength - LOW_FREQ_FACTOR;
    smooth /= HIGH_FREQ_FACTOR - LOW_FREQ_FACTOR;
    return (1.0 - smooth) * plain / FACTOR + smooth * plain;
#else
#error "SCALING is 0, 1 or 2"
#endif
}

// What the features of a head are multiplied by before their weights. A warp takes the steps of the 256 threads of
// rmsnorm: each lane those of the thread in the same place of every warp, and the warps in their order.
static __device__ __forceinline__ float norm_scale(const Act::Element* x, float eps) {
    const u32 lane = threadIdx.x % 32;
    float total = 0.0f;
#pragma unroll
    for (u32 warp = 0; warp < WARPS; ++warp) {
        // Warps behind the last feature add nothing, to the bit.
        if (warp * 32 >= HEAD_DIM) break;
        float squares = 0.0f;
        for (u32 i = warp * 32 + lane; i < HEAD_DIM; i += THREADS) {
            float value = Act::load(x[i]);
            squares = fmaf(value, value, squares);
        }
        total += warp_sum(squares);
    }
    return 1.0f / sqrtf(total / (float)HEAD_DIM + eps);
}

// A block takes a token and HEADS of its heads: queries first, then keys, then values; a warp one of them at a time. With
// NORM the heads of queries and keys are normed by `q_weight` and `k_weight` before they are turned. What pages of E4M3
// store is divided by `k_scale` or `v_scale`.
template <bool NORM, class Weight>
static __device__ __forceinline__ void rope_kv_write_heads(Kv::Element* k_pages, Kv::Element* v_pages,
                                                           Act::Element* q_out, const Act::Element* q,
                                                           const Act::Element* k, const Act::Element* v,
                                                           const typename Weight::Element* q_weight,
                                                           const typename Weight::Element* k_weight, float eps,
                                                           const i32* positions, const i32* slot_mapping, u32 tokens,
                                                           float k_scale, float v_scale) {
    constexpr u32 ALL = NUM_ATTENTION_HEADS + 2 * NUM_KEY_VALUE_HEADS;
    __shared__ float sines[HALF];
    __shared__ float cosines[HALF];

    let_successor_start();
    const u32 token = blockIdx.x;
    if (token >= tokens) return;
    // Positions are there before the step, so the turns are taken while the kernel before still runs.
    const double position = (double)positions[token];
    const i32 slot = slot_mapping[token];
    for (u32 pair = threadIdx.x; pair < HALF; pair += THREADS) {
        double turns = position * frequency(pair) * 0.15915494309189533576888;
        turns -= rint(turns);
        sincospif((float)(2.0 * turns), &sines[pair], &cosines[pair]);
    }
    wait_for_predecessor();
    __syncthreads();

    const u32 lane = threadIdx.x % 32;
    const u32 end = min((blockIdx.y + 1) * HEADS, ALL);
    for (u32 head = blockIdx.y * HEADS + threadIdx.x / 32; head < end; head += WARPS) {
        const bool query = head < NUM_ATTENTION_HEADS;
        if (!query && slot < 0) continue;
        if (head >= NUM_ATTENTION_HEADS + NUM_KEY_VALUE_HEADS) {
            const u32 own = head - NUM_ATTENTION_HEADS - NUM_KEY_VALUE_HEADS;
            const u64 from = ((u64)token * NUM_KEY_VALUE_HEADS + own) * HEAD_DIM;
            const u64 to = ((u64)slot * NUM_KEY_VALUE_HEADS + own) * HEAD_DIM;
            for (u32 i = lane; i < HEAD_DIM; i += 32) {
                v_pages[to + i] = to_page<ACT_DTYPE, KV_DTYPE>(v[from + i], v_scale);
            }
            continue;
        }
        const u32 own = query ? head : head - NUM_ATTENTION_HEADS;
        const u64 start = ((u64)token * (query ? NUM_ATTENTION_HEADS : NUM_KEY_VALUE_HEADS) + own) * HEAD_DIM;
        const Act::Element* const x = (query ? q : k) + start;
        const typename Weight::Element* const weight = query ? q_weight : k_weight;
        float scale = 1.0f;
        if constexpr (NORM) scale = norm_scale(x, eps);
        for (u32 pair = lane; pair < HALF; pair += 32) {
            const u32 first = pair;
            const u32 second = pair + HALF;
            float a = Act::load(x[first]);
            float b = Act::load(x[second]);
            if constexpr (NORM) {
                // Rounded as they would be stored.
                a = Act::load(Act::store(a * scale * Weight::load(weight[first])));
                b = Act::load(Act::store(b * scale * Weight::load(weight[second])));
            }
            const Act::Element low = Act::store(fmaf(a, cosines[pair], -(b * sines[pair])));
            const Act::Element high = Act::store(fmaf(b, cosines[pair], a * sines[pair]));
            if (query) {
                q_out[start + first] = low;
                q_out[start + second] = high;
            } else {
                const u64 to = ((u64)slot * NUM_KEY_VALUE_HEADS + own) * HEAD_DIM;
                k_pages[to + first] = to_page<ACT_DTYPE, KV_DTYPE>(low, k_scale);
                k_pages[to + second] = to_page<ACT_DTYPE, KV_DTYPE>(high, k_scale);
            }
        }
    }
}
