// Queries in the space of latents, for few tokens, and for any sizes and formats.
//
// A block takes a token, a head, and a feature of the latent in each thread, so that a token's sums run in the same order
// however many tokens there are: from feature 0 of the query on. f32 sums, one rounding at the store.
#include "common.cuh"
#include "dependent.cuh"

using Weight = Storage<WEIGHT_DTYPE>;
using Activation = Storage<ACT_DTYPE>;

constexpr u32 THREADS = 128;
constexpr u32 QK_HEAD_DIM = QK_NOPE_HEAD_DIM + QK_ROPE_HEAD_DIM;

// q_latent[t, h, :] = sum over n of q[t, h, n] * weight[h, n, :].
extern "C" __global__ void __launch_bounds__(THREADS)
    mla_absorb_matvec(Activation::Element* __restrict__ q_latent,     // [tokens, NUM_ATTENTION_HEADS, KV_LORA_RANK]
                      const Activation::Element* __restrict__ q,      // [tokens, NUM_ATTENTION_HEADS, QK_HEAD_DIM]
                      const Weight::Element* __restrict__ weight,     // [NUM_ATTENTION_HEADS, nope + v, KV_LORA_RANK]
                      u32 tokens) {
    __shared__ float query[QK_NOPE_HEAD_DIM];
    let_successor_start();
    wait_for_predecessor();
    const u32 token = blockIdx.x;
    const u32 head = blockIdx.y;
    if (token >= tokens) return;
    const u64 row = (u64)token * NUM_ATTENTION_HEADS + head;
    for (u32 n = threadIdx.x; n < QK_NOPE_HEAD_DIM; n += THREADS) query[n] = Activation::load(q[row * QK_HEAD_DIM + n]);
    __syncthreads();

    const u32 feature = blockIdx.z * THREADS + threadIdx.x;
    if (feature >= KV_LORA_RANK) return;
    const u64 first_row = (u64)head * (QK_NOPE_HEAD_DIM + V_HEAD_DIM);
    const Weight::Element* const column = weight + first_row * KV_LORA_RANK + feature;
    float sum = 0.0f;
#pragma unroll 8
    for (u32 n = 0; n < QK_NOPE_HEAD_DIM; ++n) sum = fmaf(Weight::load(column[n * KV_LORA_RANK]), query[n], sum);
    q_latent[row * KV_LORA_RANK + feature] = Activation::store(sum);
}
