// Queries in the space of latents, on tensor cores: those of a prefill.
#include "mla_product.cuh"

constexpr u32 QK_HEAD_DIM = QK_NOPE_HEAD_DIM + QK_ROPE_HEAD_DIM;
constexpr bool EIGHTS = KV_LORA_RANK % 8 == 0 && QK_NOPE_HEAD_DIM % 8 == 0 && QK_ROPE_HEAD_DIM % 8 == 0;

// q_latent[t, h, :] = sum over n of q[t, h, n] * weight[h, n, :]. Heads lie along z.
extern "C" __global__ void __launch_bounds__(THREADS)
    mla_absorb_matmul(u16* __restrict__ q_latent,      // [tokens, NUM_ATTENTION_HEADS, KV_LORA_RANK]
                      const u16* __restrict__ q,       // [tokens, NUM_ATTENTION_HEADS, QK_HEAD_DIM], of which the first features
                      const u16* __restrict__ weight,  // [NUM_ATTENTION_HEADS, QK_NOPE_HEAD_DIM + V_HEAD_DIM, KV_LORA_RANK]
                      u32 tokens) {
    const u32 head = blockIdx.z;
    const u64 first_row = (u64)head * (QK_NOPE_HEAD_DIM + V_HEAD_DIM);
    head_product<QK_NOPE_HEAD_DIM, KV_LORA_RANK, true, EIGHTS>(
        q_latent + (u64)head * KV_LORA_RANK, (u64)NUM_ATTENTION_HEADS * KV_LORA_RANK, q + (u64)head * QK_HEAD_DIM,
        (u64)NUM_ATTENTION_HEADS * QK_HEAD_DIM, weight + first_row * KV_LORA_RANK, tokens);
}
