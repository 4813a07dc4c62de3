// One bias per feature, added to every token.
#include "common.cuh"

// out, x [tokens, FEATURES], bias [FEATURES]. One block a token.
extern "C" __global__ void bias(Storage<ACT_DTYPE>::Element* __restrict__ out,
                                const Storage<ACT_DTYPE>::Element* __restrict__ x,
                                const Storage<BIAS_DTYPE>::Element* __restrict__ bias, u32 tokens) {
    using Act = Storage<ACT_DTYPE>;
    u32 token = blockIdx.x;
    if (token >= tokens) return;
    u64 start = (u64)token * FEATURES;
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        out[start + i] = Act::store(Act::load(x[start + i]) + Storage<BIAS_DTYPE>::load(bias[i]));
    }
}
