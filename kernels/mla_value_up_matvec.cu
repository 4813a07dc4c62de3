// Values of heads from what was attended to in the space of latents, for few tokens, and for any sizes and formats.
//
// A block takes a token, a head, and a feature of the value in each warp, whose lanes take the features of the latent in
// turn. f32 sums, one rounding at the store.
#include "common.cuh"
#include "dependent.cuh"

using Weight = Storage<WEIGHT_DTYPE>;
using Activation = Storage<ACT_DTYPE>;

// Features of a block: one a warp.
constexpr u32 FEATURES_PER_BLOCK = 8;

// out[t, h, v] = sum over r of context[t, h, r] * weight[h, QK_NOPE_HEAD_DIM + v, r].
extern "C" __global__ void __launch_bounds__(32 * FEATURES_PER_BLOCK)
    mla_value_up_matvec(Activation::Element* __restrict__ out,            // [tokens, NUM_ATTENTION_HEADS, V_HEAD_DIM]
                        const Activation::Element* __restrict__ context,  // [tokens, NUM_ATTENTION_HEADS, KV_LORA_RANK]
                        const Weight::Element* __restrict__ weight,       // [NUM_ATTENTION_HEADS, nope + v, KV_LORA_RANK]
                        u32 tokens) {
    let_successor_start();
    wait_for_predecessor();
    const u32 token = blockIdx.x;
    const u32 head = blockIdx.y;
    const u32 lane = threadIdx.x % 32;
    const u32 feature = blockIdx.z * FEATURES_PER_BLOCK + threadIdx.x / 32;
    // The same for a whole warp: those that go on have all their lanes.
    if (token >= tokens || feature >= V_HEAD_DIM) return;
    const u64 row = (u64)token * NUM_ATTENTION_HEADS + head;
    const u64 first_row = (u64)head * (QK_NOPE_HEAD_DIM + V_HEAD_DIM) + QK_NOPE_HEAD_DIM;
    const Weight::Element* const weight_row = weight + (first_row + feature) * KV_LORA_RANK;
    float sum = 0.0f;
#pragma unroll 4
    for (u32 r = lane; r < KV_LORA_RANK; r += 32) {
        sum = fmaf(Weight::load(weight_row[r]), Activation::load(context[row * KV_LORA_RANK + r]), sum);
    }
    sum = warp_sum(sum);
    if (lane == 0) out[row * V_HEAD_DIM + feature] = Activation::store(sum);
}
