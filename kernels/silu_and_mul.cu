// The gated activation of the MLP.
#include "common.cuh"

// out, gate, up [tokens, FEATURES]. One block a token. silu is not rounded before the product.
extern "C" __global__ void silu_and_mul(Storage<ACT_DTYPE>::Element* __restrict__ out,
                                        const Storage<ACT_DTYPE>::Element* __restrict__ gate,
                                        const Storage<ACT_DTYPE>::Element* __restrict__ up, u32 tokens) {
    using Act = Storage<ACT_DTYPE>;
    u32 token = blockIdx.x;
    if (token >= tokens) return;
    u64 start = (u64)token * FEATURES;
    for (u32 i = threadIdx.x; i < FEATURES; i += blockDim.x) {
        float value = Act::load(gate[start + i]);
        // For very negative gates expf is infinite and the quotient is -0, which is right; exp(x) / (1 + exp(x)) would
        // make NaN of large ones.
        float silu = value / (1.0f + expf(-value));
        out[start + i] = Act::store(silu * Act::load(up[start + i]));
    }
}
