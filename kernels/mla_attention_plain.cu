// Attention in the space of latents, over pages, for every size and format.
//
// A block takes one token and head. Key j goes to warp j % 4, counted from the beginning of the sequence, each warp keeps the
// softmax of its own keys (Milakov and Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867), and the
// four are merged in their order. So a token's result depends on its own query and keys only. All heads read the same row of
// a key: its latent, which is its value too, and behind it the part that was turned.
#include "common.cuh"
#include "dependent.cuh"
#include "kv_scale.cuh"
#include "merge_warps.cuh"
#include "seen.cuh"

using Activation = Storage<ACT_DTYPE>;
using Kv = Storage<KV_DTYPE>;

constexpr u32 WARPS = 4;
constexpr u32 WIDTH = KV_LORA_RANK + QK_ROPE_HEAD_DIM;
constexpr u32 QK_HEAD_DIM = QK_NOPE_HEAD_DIM + QK_ROPE_HEAD_DIM;
// Features of a key, and of a latent, in a lane.
constexpr u32 KEY_PARTS = (WIDTH + 31) / 32;
constexpr u32 PARTS = (KV_LORA_RANK + 31) / 32;

extern "C" __global__ void __launch_bounds__(32 * WARPS, 4)
    mla_attention_plain(Activation::Element* __restrict__ out,             // [tokens, NUM_ATTENTION_HEADS, KV_LORA_RANK]
                        const Activation::Element* __restrict__ q_latent,  // the same
                        const Activation::Element* __restrict__ q,         // [tokens, NUM_ATTENTION_HEADS, QK_HEAD_DIM]
                        const Kv::Element* __restrict__ latent_pages,      // [rows, WIDTH]
                        const i32* __restrict__ qo_indptr,                 // [batch + 1]
                        const i32* __restrict__ kv_page_indptr,            // [batch + 1]
                        const i32* __restrict__ kv_page_indices,           // [kv_page_indptr[batch]]
                        const i32* __restrict__ kv_len,                    // [batch]
                        u32 batch, float k_scale) {
    let_successor_start();
    wait_for_predecessor();
    const u32 warp = threadIdx.x / 32;
    const u32 lane = threadIdx.x % 32;
    const u32 token = blockIdx.x;
    const u32 head = blockIdx.y;
    if (token >= (u32)qo_indptr[batch]) return;
    const u32 sequence = sequence_of(qo_indptr, batch, token);
    const u32 length = kv_len[sequence];
    const u32 q_len = qo_indptr[sequence + 1] - qo_indptr[sequence];
    const u32 position = length - q_len + (token - qo_indptr[sequence]);
    const i32* const pages = kv_page_indices + kv_page_indptr[sequence];

    const u64 row = (u64)token * NUM_ATTENTION_HEADS + head;
    float query[KEY_PARTS], context[PARTS] = {};
#pragma unroll
    for (u32 i = 0; i < KEY_PARTS; ++i) {
        const u32 d = 32 * i + lane;
        query[i] = 0.0f;
        if (d < KV_LORA_RANK) query[i] = Activation::load(q_latent[row * KV_LORA_RANK + d]);
        else if (d < WIDTH) query[i] = Activation::load(q[row * QK_HEAD_DIM + QK_NOPE_HEAD_DIM + d - KV_LORA_RANK]);
    }

    const float factor = scaled<KV_DTYPE>((float)(SCALE), k_scale);
    float largest = NEGATIVE_INFINITY, total = 0.0f;
    const u32 end = end_key(position, length);
    for (u32 key = warp; key < end; key += WARPS) {
        const u64 slot = (u64)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE;
        const Kv::Element* const latent = latent_pages + slot * WIDTH;
        float dot = 0.0f;
#pragma unroll
        for (u32 i = 0; i < KEY_PARTS; ++i) {
            const u32 d = 32 * i + lane;
            if (d < WIDTH) dot = fmaf(query[i], Kv::load(latent[d]), dot);
        }
        const float score = warp_sum(dot) * factor;
        const float now = fmaxf(largest, score);
        const float rescale = now == largest ? 1.0f : exp_below(largest, now);
        const float weight = exp_below(score, now);
        largest = now;
        total = fmaf(total, rescale, weight);
#pragma unroll
        for (u32 i = 0; i < PARTS; ++i) {
            const u32 d = 32 * i + lane;
            if (d < KV_LORA_RANK) context[i] = fmaf(weight, Kv::load(latent[d]), context[i] * rescale);
        }
    }

    merge_warps<WARPS, KV_LORA_RANK>(largest, total, context, [&](u32 d, float merged) {
        out[row * KV_LORA_RANK + d] = Activation::store(scaled<KV_DTYPE>(merged, k_scale));
    });
}
