// Attention in the space of latents of one query a sequence, over pages, with the keys shared out over blocks: the first half
// of a decode step's attention (Dao et al., "Flash-Decoding for long-context inference", 2023). attention_merge is the second.
//
// A block takes MOST_HEADS query heads at most, and every SPLITS-th tile of keys, which it brings to shared memory: latents,
// which are keys and values in one, and behind each the part of the key that was turned. A warp takes every WARPS-th of the
// heads, one after the other, and keeps the softmax of each (Milakov and Gimelshein, "Online normalizer calculation for
// softmax", arXiv 1805.02867). What is stored is the largest score of the split, the total of the weights below it, and the
// latents added with these weights.
#include "common.cuh"
#include "dependent.cuh"
#include "kv_scale.cuh"
#include "seen.cuh"

using Activation = Storage<ACT_DTYPE>;
using Kv = Storage<KV_DTYPE>;

constexpr u32 WARPS = 4;
constexpr u32 THREADS = 32 * WARPS;
constexpr u32 WIDTH = KV_LORA_RANK + QK_ROPE_HEAD_DIM;
constexpr u32 QK_HEAD_DIM = QK_NOPE_HEAD_DIM + QK_ROPE_HEAD_DIM;
// Query heads of a block, and of a warp. What is left over of them has a block of its own.
constexpr u32 HEADS = NUM_ATTENTION_HEADS < MOST_HEADS ? NUM_ATTENTION_HEADS : MOST_HEADS;
constexpr u32 CHUNKS = (NUM_ATTENTION_HEADS + HEADS - 1) / HEADS;
constexpr u32 WARP_HEADS = (HEADS + WARPS - 1) / WARPS;
// From one key to the next: odd, so that rows begin in different banks.
constexpr u32 STRIDE = WIDTH | 1;
// Features of a latent in a lane.
constexpr u32 PARTS = (KV_LORA_RANK + 31) / 32;
// Lanes of a key while scores are taken, and features of each.
constexpr u32 KEY_LANES = 32 / TILE;
constexpr u32 SHARE = (WIDTH + KEY_LANES - 1) / KEY_LANES;
static_assert(32 % TILE == 0, "a key has a whole number of lanes");

extern "C" __global__ void __launch_bounds__(THREADS, 4)
    mla_attention_split(float* largest,                      // [tokens, NUM_ATTENTION_HEADS, SPLITS]
                        float* total,                        // the same
                        float* context,                      // [tokens, NUM_ATTENTION_HEADS, SPLITS, KV_LORA_RANK]
                        const Activation::Element* q_latent,  // [tokens, NUM_ATTENTION_HEADS, KV_LORA_RANK]
                        const Activation::Element* q,         // [tokens, NUM_ATTENTION_HEADS, QK_HEAD_DIM]
                        const Kv::Element* latent_pages,      // [rows, WIDTH]
                        const i32* qo_indptr,                 // [batch + 1]
                        const i32* kv_page_indptr,            // [batch + 1]
                        const i32* kv_page_indices,           // [kv_page_indptr[batch]]
                        const i32* kv_len,                    // [batch]
                        u32 batch, float k_scale) {
    extern __shared__ float shared[];
    float* const queries = shared;                    // [HEADS][WIDTH]
    float* const keys = queries + HEADS * WIDTH;      // [TILE][STRIDE]
    float* const weights = keys + TILE * STRIDE;      // [WARPS][TILE]

    let_successor_start();
    wait_for_predecessor();
    const u32 split = blockIdx.x % SPLITS;
    const u32 first_head = blockIdx.x / SPLITS * HEADS;
    const u32 sequence = blockIdx.y;
    if (sequence >= batch) return;
    const u32 token = qo_indptr[sequence];
    if (token == (u32)qo_indptr[sequence + 1]) return;
    const u32 heads = min(HEADS, NUM_ATTENTION_HEADS - first_head);
    const u32 length = kv_len[sequence];
    const u32 end = end_key(length - 1, length);
    const i32* const pages = kv_page_indices + kv_page_indptr[sequence];
    const u64 row = (u64)token * NUM_ATTENTION_HEADS + first_head;

    for (u32 i = threadIdx.x; i < heads * WIDTH; i += THREADS) {
        const u32 h = i / WIDTH, d = i % WIDTH;
        const bool latent = d < KV_LORA_RANK;
        const Activation::Element* const from = latent ? q_latent + (row + h) * KV_LORA_RANK + d
                                                       : q + (row + h) * QK_HEAD_DIM + QK_NOPE_HEAD_DIM + d - KV_LORA_RANK;
        queries[i] = Activation::load(*from);
    }

    const float factor = scaled<KV_DTYPE>((float)(SCALE), k_scale);
    const u32 warp = threadIdx.x / 32;
    const u32 lane = threadIdx.x % 32;
    float most[WARP_HEADS], sum[WARP_HEADS] = {}, value[WARP_HEADS][PARTS] = {};
#pragma unroll
    for (u32 h = 0; h < WARP_HEADS; ++h) most[h] = NEGATIVE_INFINITY;
    for (u32 tile = split * TILE; tile < end; tile += SPLITS * TILE) {
        const u32 count = min((u32)TILE, end - tile);
        // Everyone is done with the tile before.
        __syncthreads();
        for (u32 i = threadIdx.x; i < count * WIDTH; i += THREADS) {
            const u32 key = tile + i / WIDTH;
            const u64 slot = (u64)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE;
            keys[i / WIDTH * STRIDE + i % WIDTH] = Kv::load(latent_pages[slot * WIDTH + i % WIDTH]);
        }
        __syncthreads();
#pragma unroll
        for (u32 h = 0; h < WARP_HEADS; ++h) {
            const u32 head = h * WARPS + warp;
            if (head >= heads) continue;
            // Every lane has a share of the features of one key.
            const u32 key = lane % TILE;
            const u32 first = lane / TILE * SHARE;
            float score = 0.0f;
            if (key < count) {
                const u32 last = min(first + SHARE, WIDTH);
#pragma unroll 8
                for (u32 d = first; d < last; ++d) score = fmaf(queries[head * WIDTH + d], keys[key * STRIDE + d], score);
            }
#pragma unroll
            for (u32 offset = TILE; offset < 32; offset <<= 1) score += __shfl_xor_sync(0xffffffffu, score, offset);
            score = key < count ? score * factor : NEGATIVE_INFINITY;
            const float now = fmaxf(most[h], warp_max(score));
            const float rescale = now == most[h] ? 1.0f : exp_below(most[h], now);
            const float weight = key < count ? exp_below(score, now) : 0.0f;
            most[h] = now;
            // Lanes of the same key have the same weight, and one of them counts.
            sum[h] = fmaf(sum[h], rescale, warp_sum(lane < TILE ? weight : 0.0f));
            if (lane < TILE) weights[warp * TILE + key] = weight;
            __syncwarp();
#pragma unroll
            for (u32 i = 0; i < PARTS; ++i) value[h][i] *= rescale;
            for (u32 j = 0; j < count; ++j) {
                const float share = weights[warp * TILE + j];
#pragma unroll
                for (u32 i = 0; i < PARTS; ++i) {
                    const u32 d = 32 * i + lane;
                    if (d < KV_LORA_RANK) value[h][i] = fmaf(share, keys[j * STRIDE + d], value[h][i]);
                }
            }
            // The weights of the next head take their place.
            __syncwarp();
        }
    }

#pragma unroll
    for (u32 h = 0; h < WARP_HEADS; ++h) {
        const u32 head = h * WARPS + warp;
        if (head >= heads) continue;
        const u64 at = (row + head) * SPLITS + split;
        if (lane == 0) {
            largest[at] = most[h];
            total[at] = sum[h];
        }
#pragma unroll
        for (u32 i = 0; i < PARTS; ++i) {
            const u32 d = 32 * i + lane;
            if (d < KV_LORA_RANK) context[at * KV_LORA_RANK + d] = scaled<KV_DTYPE>(value[h][i], k_scale);
        }
    }
}
