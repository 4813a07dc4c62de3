// The residual stream: the sum of two activations.
#include "common.cuh"

// out, residual, x [tokens, FEATURES]. One block a token.
extern "C" __global__ void residual_add(Storage<ACT_DTYPE>::Element* __restrict__ out,
                                        const Storage<ACT_DTYPE>::Element* __restrict__ residual,
                                        const Storage<ACT_DTYPE>::Element* __restrict__ x, u32 tokens) {
    using Act = Storage<ACT_DTYPE>;
    u32 token = blockIdx.x;
    if (token >= tokens) return;
    u64 start = (u64)token * FEATURES;
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        out[start + i] = Act::store(Act::load(residual[start + i]) + Act::load(x[start + i]));
    }
}
