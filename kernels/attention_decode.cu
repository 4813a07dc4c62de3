// Attention of one query a sequence, over pages: the attention of a decode step.
//
// A block takes one head of one sequence. Keys go to the warps in groups of four, group g to warp g % 8, counted from
// the beginning of the sequence; each warp keeps the softmax of its own keys (Milakov and Gimelshein, "Online normalizer
// calculation for softmax", arXiv 1805.02867), and the eight are merged in their order. So a sequence's result depends on
// its own query and keys only.
#include "common.cuh"
#include "kv_scale.cuh"
#include "merge_warps.cuh"
#include "seen.cuh"

using Activation = Storage<ACT_DTYPE>;
using Kv = Storage<KV_DTYPE>;

constexpr u32 WARPS = 8;
// Keys that a warp reads at once.
constexpr u32 GROUP = 4;
// Features of a head in a lane.
constexpr u32 PARTS = (HEAD_DIM + 31) / 32;

extern "C" __global__ void __launch_bounds__(32 * WARPS, 2)
    attention_decode(Activation::Element* __restrict__ out,             // [tokens, NUM_ATTENTION_HEADS, HEAD_DIM]
                     const Activation::Element* __restrict__ q,         // the same
                     const Kv::Element* __restrict__ k_pages,           // [rows, NUM_KEY_VALUE_HEADS, HEAD_DIM]
                     const Kv::Element* __restrict__ v_pages,           // the same
                     const i32* __restrict__ qo_indptr,                 // [batch + 1]
                     const i32* __restrict__ kv_page_indptr,            // [batch + 1]
                     const i32* __restrict__ kv_page_indices,           // [kv_page_indptr[batch]]
                     const i32* __restrict__ kv_len,                    // [batch]
                     u32 batch, float k_scale, float v_scale) {
    const u32 warp = threadIdx.x / 32;
    const u32 lane = threadIdx.x % 32;
    const u32 head = blockIdx.x;
    const u32 sequence = blockIdx.y;
    if (sequence >= batch || qo_indptr[sequence] == qo_indptr[sequence + 1]) return;
    const u32 token = qo_indptr[sequence];
    const u32 kv_head = head / (NUM_ATTENTION_HEADS / NUM_KEY_VALUE_HEADS);
    const u32 length = kv_len[sequence];
    const u32 position = length - 1;
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
    const u32 first_group = first / GROUP;
    for (u32 group = first_group + (warp + WARPS - first_group % WARPS) % WARPS; group * GROUP < end; group += WARPS) {
        u64 at[GROUP];
        bool seen[GROUP];
        float score[GROUP];
        float now = largest;
#pragma unroll
        for (u32 g = 0; g < GROUP; ++g) {
            const u32 key = group * GROUP + g;
            seen[g] = key >= first && key < end;
            at[g] = 0;
            float dot = 0.0f;
            if (seen[g]) {
                const u64 slot = (u64)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE;
                at[g] = (slot * NUM_KEY_VALUE_HEADS + kv_head) * HEAD_DIM;
#pragma unroll
                for (u32 i = 0; i < PARTS; ++i) {
                    const u32 d = 32 * i + lane;
                    if (d < HEAD_DIM) dot = fmaf(query[i], Kv::load(k_pages[at[g] + d]), dot);
                }
            }
            score[g] = warp_sum(dot) * factor;
            if (seen[g]) now = fmaxf(now, score[g]);
        }
        const float rescale = now == largest ? 1.0f : exp_below(largest, now);
        largest = now;
        total *= rescale;
#pragma unroll
        for (u32 i = 0; i < PARTS; ++i) context[i] *= rescale;
#pragma unroll
        for (u32 g = 0; g < GROUP; ++g) {
            if (!seen[g]) continue;
            const float weight = exp_below(score[g], now);
            total += weight;
#pragma unroll
            for (u32 i = 0; i < PARTS; ++i) {
                const u32 d = 32 * i + lane;
                if (d < HEAD_DIM) context[i] = fmaf(weight, Kv::load(v_pages[at[g] + d]), context[i]);
            }
        }
    }

    merge_warps<WARPS, HEAD_DIM>(largest, total, context, [&](u32 d, float merged) {
        out[row + d] = Activation::store(scaled<KV_DTYPE>(merged, v_scale));
    });
}
