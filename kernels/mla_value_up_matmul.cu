// Values of heads from what was attended to in the space of latents, on tensor cores: those of a prefill.
#include "mla_product.cuh"

constexpr bool EIGHTS = KV_LORA_RANK % 8 == 0;

// out[t, h, v] = sum over r of context[t, h, r] * weight[h, QK_NOPE_HEAD_DIM + v, r]. Heads lie along z.
extern "C" __global__ void __launch_bounds__(THREADS)
    mla_value_up_matmul(u16* __restrict__ out,             // [tokens, NUM_ATTENTION_HEADS, V_HEAD_DIM]
                        const u16* __restrict__ context,   // [tokens, NUM_ATTENTION_HEADS, KV_LORA_RANK]
                        const u16* __restrict__ weight,    // [NUM_ATTENTION_HEADS, nope + v, KV_LORA_RANK]
                        u32 tokens) {
    const u32 head = blockIdx.z;
    const u64 first_row = (u64)head * (QK_NOPE_HEAD_DIM + V_HEAD_DIM) + QK_NOPE_HEAD_DIM;
    head_product<KV_LORA_RANK, V_HEAD_DIM, false, EIGHTS>(
        out + (u64)head * V_HEAD_DIM, (u64)NUM_ATTENTION_HEADS * V_HEAD_DIM, context + (u64)head * KV_LORA_RANK,
        (u64)NUM_ATTENTION_HEADS * KV_LORA_RANK, weight + first_row * KV_LORA_RANK, tokens);
}
