// Attention of any queries over pages, for every head_dim.
//
// A block takes one token and head. Key j goes to warp j % 4, counted from the beginning of the sequence, each warp
// keeps the softmax of its own keys (Milakov and Gimelshein, "Online normalizer calculation for softmax", arXiv
// 1805.02867), and the four are merged in their order. So a token's result depends on its own query and keys only.
#include "common.cuh"
#include "kv_scale.cuh"
#include "merge_warps.cuh"
#include "seen.cuh"

using Activation = Storage<ACT_DTYPE>;
using Kv = Storage<KV_DTYPE>;

constexpr u32 WARPS = 4;
// Features of a head in a lane.
constexpr u32 PARTS = (HEAD_DIM + 31) / 32;

extern "C" __global__ void __launch_bounds__(32 * WARPS)
    attention_plain(Activation::Element* __restrict__ out,              // [tokens, NUM_ATTENTION_HEADS, HEAD_DIM]
                    const Activation::Element* __restrict__ q,          // the same
                    const Kv::Element* __restrict__ k_pages,            // [rows, NUM_KEY_VALUE_HEADS, HEAD_DIM]
                    const Kv::Element* __restrict__ v_pages,            // the same
                    const i32* __restrict__ qo_indptr,                  // [batch + 1]
                    const i32* __restrict__ kv_page_indptr,             // [batch + 1]
                    const i32* __restrict__ kv_page_indices,            // [kv_page_indptr[batch]]
                    const i32* __restrict__ kv_len,                     // [batch]
                    u32 batch, float k_scale, float v_scale) {
    const u32 warp = threadIdx.x / 32;
    const u32 lane = threadIdx.x % 32;
    const u32 token = blockIdx.x;
    const u32 head = blockIdx.y;
    if (token >= (u32)qo_indptr[batch]) return;
    const u32 sequence = sequence_of(qo_indptr, batch, token);
    const u32 kv_head = head / (NUM_ATTENTION_HEADS / NUM_KEY_VALUE_HEADS);
    const u32 length = kv_len[sequence];
    const u32 q_len = qo_indptr[sequence + 1] - qo_indptr[sequence];
    const u32 position = length - q_len + (token - qo_indptr[sequence]);
    const i32* const pages = kv_page_indices + kv_page_indptr[sequence];

    const u64 row = ((u64)token * NUM_ATTENTION_HEADS + head) * HEAD_DIM;
    float query[PARTS], context[PARTS] = {};
#pragma unroll
    for (u32 i = 0; i < PARTS; ++i) {
        const u32 d = 32 * i + lane;
        query[i] = d < HEAD_DIM ? Activation::load(q[row + d]) : 0.0f;
    }

    const float factor = scaled<KV_DTYPE>((float)(SCALE), k_scale);
    float largest = NEGATIVE_INFINITY, total = 0.0f;
    const u32 first = first_key(position);
    const u32 end = end_key(position, length);
    for (u32 key = first + (warp + WARPS - first % WARPS) % WARPS; key < end; key += WARPS) {
        const u64 slot = (u64)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE;
        const u64 at = (slot * NUM_KEY_VALUE_HEADS + kv_head) * HEAD_DIM;
        float dot = 0.0f;
#pragma unroll
        for (u32 i = 0; i < PARTS; ++i) {
            const u32 d = 32 * i + lane;
            if (d < HEAD_DIM) dot = fmaf(query[i], Kv::load(k_pages[at + d]), dot);
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
            if (d < HEAD_DIM) context[i] = fmaf(weight, Kv::load(v_pages[at + d]), context[i] * rescale);
        }
    }

    merge_warps<WARPS, HEAD_DIM>(largest, total, context, [&](u32 d, float merged) {
        out[row + d] = Activation::store(scaled<KV_DTYPE>(merged, v_scale));
    });
}
