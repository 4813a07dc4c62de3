// The output of a mixture of experts: what the experts of a token gave, weighed and added in the order of its slots.
#include "common.cuh"

// out [tokens, FEATURES], y [tokens * TOP_K, FEATURES], weights [tokens, TOP_K]. One block a token. No other expert is looked
// at: what is NaN there stays there.
extern "C" __global__ void moe_combine(Storage<ACT_DTYPE>::Element* __restrict__ out,
                                       const Storage<ACT_DTYPE>::Element* __restrict__ y,
                                       const float* __restrict__ weights, u32 tokens) {
    using Act = Storage<ACT_DTYPE>;
    u32 token = blockIdx.x;
    if (token >= tokens) return;
    const u64 slot = (u64)token * TOP_K;
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        float sum = 0.0f;
#pragma unroll 8
        for (u32 place = 0; place < TOP_K; ++place) {
            sum = fmaf(weights[slot + place], Act::load(y[(slot + place) * FEATURES + i]), sum);
        }
        out[(u64)token * FEATURES + i] = Act::store(sum);
    }
}
