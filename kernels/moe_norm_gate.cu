// The norm of a row and the router logits of it: bit by bit what rmsnorm and moe_gate give.
//
// Every block norms the row of its token for itself; the first one of a token stores it, for the experts. A warp asks for the row
// of its expert before it waits for the residual stream, where a lane's part of it fits into registers.
#define WARPS 8
#include "normed.cuh"
#include "moe_gate.cuh"
#include "dependent.cuh"
#include "eight.cuh"

// Elements that a warp reads at once, and how often it does.
constexpr u32 CHUNK = 8 * 32;
constexpr u32 CHUNKS = (IN_FEATURES + CHUNK - 1) / CHUNK;
constexpr bool EARLY = IN_FEATURES % 8 == 0 && CHUNKS * sizeof(EightWeights<WEIGHT_DTYPE>) <= 256;

extern "C" __global__ void __launch_bounds__(32 * GATE_WARPS)
    moe_norm_gate(Activation::Element* normed_out,                    // [tokens, IN_FEATURES]
                  float* logits,                                      // [tokens, EXPERTS]
                  const Activation::Element* x,                       // [tokens, IN_FEATURES]
                  const Storage<NORM_DTYPE>::Element* norm_weight,    // [IN_FEATURES]
                  const Weight::Element* weight,                      // [EXPERTS, IN_FEATURES]
                  u32 tokens) {
    __shared__ __align__(16) Activation::Element normed[IN_FEATURES];
    __shared__ Storage<NORM_DTYPE>::Element gain[IN_FEATURES];
    const u32 expert = blockIdx.y * GATE_WARPS + threadIdx.x / 32;
    const u32 token = blockIdx.x;
    if (token >= tokens) return;
    const u32 lane = threadIdx.x % 32;
    const Weight::Element* const weight_row = weight + (u64)expert * IN_FEATURES;
    EightWeights<WEIGHT_DTYPE> early[EARLY ? CHUNKS : 1];
    if constexpr (EARLY) {
#pragma unroll
        for (u32 chunk = 0; chunk < CHUNKS; ++chunk) {
            const u32 i = chunk * CHUNK + 8 * lane;
            if (expert < EXPERTS && i < IN_FEATURES) {
                early[chunk].ask(weight_row + i);
            } else {
                early[chunk].clear();
            }
        }
    }
    keep_gain<NORM_DTYPE, IN_FEATURES>(gain, norm_weight);
    wait_for_predecessor();
    let_successor_start();
    normalise<ACT_DTYPE, NORM_DTYPE, IN_FEATURES>(normed, x + (u64)token * IN_FEATURES, gain, (float)EPS);
    if (blockIdx.y == 0) {
        for (u32 i = threadIdx.x; i < IN_FEATURES; i += blockDim.x) {
            normed_out[(u64)token * IN_FEATURES + i] = normed[i];
        }
    }
    // The same for a whole warp.
    if (expert >= EXPERTS) return;
    float sum[1] = {};
    if constexpr (EARLY) {
        // In the order of gate_logits().
#pragma unroll
        for (u32 chunk = 0; chunk < CHUNKS; ++chunk) {
            const u32 i = chunk * CHUNK + 8 * lane;
            if (i >= IN_FEATURES) continue;
            float v[8];
            load_eight<ACT_DTYPE>(v, normed + i);
#pragma unroll
            for (u32 j = 0; j < 8; ++j) sum[0] = fmaf(early[chunk].at(j), v[j], sum[0]);
        }
        sum[0] = warp_sum(sum[0]);
    } else {
        gate_logits(sum, weight_row, normed, 1);
    }
    if (lane == 0) logits[(u64)token * EXPERTS + expert] = sum[0];
}
