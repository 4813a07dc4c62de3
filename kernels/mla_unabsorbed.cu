// Latent attention as it is written down, over pages: with a key and a value of every head, which kv_b_proj made from each
// latent. What the absorbed kernels are held to; it reads far more than they do.
//
// A block takes one token and head. Key j goes to warp j % 4, counted from the beginning of the sequence, each warp keeps the
// softmax of its own keys (Milakov and Gimelshein, arXiv 1805.02867), and the four are merged in their order.
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
constexpr u32 EXPANDED = QK_NOPE_HEAD_DIM + V_HEAD_DIM;
constexpr u32 PARTS = (V_HEAD_DIM + 31) / 32;

extern "C" __global__ void __launch_bounds__(32 * WARPS, 4)
    mla_unabsorbed(Activation::Element* __restrict__ out,           // [tokens, NUM_ATTENTION_HEADS, V_HEAD_DIM]
                   const Activation::Element* __restrict__ q,       // [tokens, NUM_ATTENTION_HEADS, QK_HEAD_DIM]
                   const Activation::Element* __restrict__ kv,      // [rows, NUM_ATTENTION_HEADS, EXPANDED]
                   const Kv::Element* __restrict__ latent_pages,    // [rows, WIDTH], of which the part that was turned
                   const i32* __restrict__ qo_indptr,               // [batch + 1]
                   const i32* __restrict__ kv_page_indptr,          // [batch + 1]
                   const i32* __restrict__ kv_page_indices,         // [kv_page_indptr[batch]]
                   const i32* __restrict__ kv_len,                  // [batch]
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
    const Activation::Element* const query = q + row * QK_HEAD_DIM;

    float largest = NEGATIVE_INFINITY, total = 0.0f, context[PARTS] = {};
    const u32 end = end_key(position, length);
    for (u32 key = warp; key < end; key += WARPS) {
        const u64 slot = (u64)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE;
        const Activation::Element* const expanded = kv + (slot * NUM_ATTENTION_HEADS + head) * EXPANDED;
        const Kv::Element* const turned = latent_pages + slot * WIDTH + KV_LORA_RANK;
        float dot = 0.0f;
        for (u32 d = lane; d < QK_NOPE_HEAD_DIM; d += 32) {
            dot = fmaf(Activation::load(query[d]), Activation::load(expanded[d]), dot);
        }
        for (u32 d = lane; d < QK_ROPE_HEAD_DIM; d += 32) {
            const float key = scaled<KV_DTYPE>(Kv::load(turned[d]), k_scale);
            dot = fmaf(Activation::load(query[QK_NOPE_HEAD_DIM + d]), key, dot);
        }
        const float score = warp_sum(dot) * (float)(SCALE);
        const float now = fmaxf(largest, score);
        const float rescale = now == largest ? 1.0f : exp_below(largest, now);
        const float weight = exp_below(score, now);
        largest = now;
        total = fmaf(total, rescale, weight);
#pragma unroll
        for (u32 i = 0; i < PARTS; ++i) {
            const u32 d = 32 * i + lane;
            if (d < V_HEAD_DIM) {
                context[i] = fmaf(weight, Activation::load(expanded[QK_NOPE_HEAD_DIM + d]), context[i] * rescale);
            }
        }
    }

    merge_warps<WARPS, V_HEAD_DIM>(largest, total, context, [&](u32 d, float merged) {
        out[row * V_HEAD_DIM + d] = Activation::store(merged);
    });
}
