// Latents of new tokens and the key that all heads share, written side by side to their row of the pages.
#include "common.cuh"
#include "kv_scale.cuh"
#include "dependent.cuh"

// latent_pages [num_pages * page_size, KV_LORA_RANK + QK_ROPE_HEAD_DIM], latent [tokens, KV_LORA_RANK], k_pe [tokens,
// QK_ROPE_HEAD_DIM], slot_mapping [tokens]. One block a token. A token with a negative slot is padding, and is written
// nowhere. What pages of E4M3 store is divided by k_scale, the whole row alike.
extern "C" __global__ void mla_write(Storage<KV_DTYPE>::Element* __restrict__ latent_pages,
                                     const Storage<ACT_DTYPE>::Element* __restrict__ latent,
                                     const Storage<ACT_DTYPE>::Element* __restrict__ k_pe,
                                     const i32* __restrict__ slot_mapping, u32 tokens, float k_scale) {
    let_successor_start();
    wait_for_predecessor();
    const u32 token = blockIdx.x;
    if (token >= tokens) return;
    const i32 slot = slot_mapping[token];
    if (slot < 0) return;
    Storage<KV_DTYPE>::Element* const to = latent_pages + (u64)slot * (KV_LORA_RANK + QK_ROPE_HEAD_DIM);
    for (u32 i = threadIdx.x; i < KV_LORA_RANK; i += blockDim.x) {
        to[i] = to_page<ACT_DTYPE, KV_DTYPE>(latent[(u64)token * KV_LORA_RANK + i], k_scale);
    }
    for (u32 i = threadIdx.x; i < QK_ROPE_HEAD_DIM; i += blockDim.x) {
        to[KV_LORA_RANK + i] = to_page<ACT_DTYPE, KV_DTYPE>(k_pe[(u64)token * QK_ROPE_HEAD_DIM + i], k_scale);
    }
}
