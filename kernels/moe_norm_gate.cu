// The norm of a row and the router logits of it: bit by bit what rmsnorm and moe_gate give.
//
// Every block norms the row of its token for itself; the first one of a token stores it, for the experts.
#define WARPS 8
#include "normed.cuh"
#include "moe_gate.cuh"
#include "dependent.cuh"

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
    float sum[1];
    gate_logits(sum, weight + (u64)expert * IN_FEATURES, normed, 1);
    if (threadIdx.x % 32 == 0) logits[(u64)token * EXPERTS + expert] = sum[0];
}
