// Router logits of a block: of GATE_TOKENS tokens for GATE_WARPS experts, one a warp.
//
// A lane adds its eights in rising order, then the lanes of a warp: whatever else a run holds, a token's logits take the same
// steps, in a prefill as in a decode step. Sums are stored as they are, in f32.
#pragma once
#include "common.cuh"

using Weight = Storage<WEIGHT_DTYPE>;
using Activation = Storage<ACT_DTYPE>;

// Experts of a block.
constexpr u32 GATE_WARPS = 8;

// The logit of each of COUNT rows of `x`, IN_FEATURES apart, in every lane of the warp that `weight_row` belongs to. Rows from
// `rows` on are not read, and give 0.
template <u32 COUNT>
static __device__ __forceinline__ void gate_logits(float (&logits)[COUNT], const Weight::Element* weight_row,
                                                   const Activation::Element* x, u32 rows) {
#pragma unroll
    for (u32 t = 0; t < COUNT; ++t) logits[t] = 0.0f;
    const u32 lane = threadIdx.x % 32;
    if constexpr (IN_FEATURES % 8 == 0) {
#pragma unroll 2
        for (u32 i = 8 * lane; i < IN_FEATURES; i += 8 * 32) {
            float w[8];
            load_eight<WEIGHT_DTYPE>(w, weight_row + i);
#pragma unroll
            for (u32 t = 0; t < COUNT; ++t) {
                if (t >= rows) continue;
                float v[8];
                load_eight<ACT_DTYPE>(v, x + (u64)t * IN_FEATURES + i);
#pragma unroll
                for (u32 j = 0; j < 8; ++j) logits[t] = fmaf(w[j], v[j], logits[t]);
            }
        }
    } else {
        for (u32 i = lane; i < IN_FEATURES; i += 32) {
            const float w = Weight::load(weight_row[i]);
#pragma unroll
            for (u32 t = 0; t < COUNT; ++t) {
                if (t < rows) logits[t] = fmaf(w, Activation::load(x[(u64)t * IN_FEATURES + i]), logits[t]);
            }
        }
    }
#pragma unroll
    for (u32 t = 0; t < COUNT; ++t) logits[t] = warp_sum(logits[t]);
}
