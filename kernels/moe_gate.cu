// Router logits: what each expert is worth to each token, before any choice.
//
// Blocks of tokens lie along x, of which a grid has enough; a warp has one expert, whose row it reads once for four tokens.
#include "moe_gate.cuh"
#include "dependent.cuh"

// Tokens of a block.
constexpr u32 GATE_TOKENS = 4;

extern "C" __global__ void __launch_bounds__(32 * GATE_WARPS)
    moe_gate(float* __restrict__ logits,                   // [tokens, EXPERTS]
             const Weight::Element* __restrict__ weight,   // [EXPERTS, IN_FEATURES]
             const Activation::Element* x,                 // [tokens, IN_FEATURES]
             u32 tokens) {
    const u32 expert = blockIdx.y * GATE_WARPS + threadIdx.x / 32;
    const u32 first = blockIdx.x * GATE_TOKENS;
    wait_for_predecessor();
    let_successor_start();
    // The same for a whole warp: those that go on have all their lanes.
    if (expert >= EXPERTS || first >= tokens) return;
    const u32 rows = min(tokens - first, GATE_TOKENS);
    float sums[GATE_TOKENS];
    gate_logits(sums, weight + (u64)expert * IN_FEATURES, x + (u64)first * IN_FEATURES, rows);
    if (threadIdx.x % 32 != 0) return;
#pragma unroll
    for (u32 t = 0; t < GATE_TOKENS; ++t) {
        if (t < rows) logits[(u64)(first + t) * EXPERTS + expert] = sums[t];
    }
}
