// Attention of many queries a sequence, over pages.
//
// A block takes one head and a tile of 16 queries of one sequence, and walks over its keys in tiles of 32, which begin at
// multiples of 32 counted from the beginning of the sequence, wherever the queries begin. Each query keeps an online
// softmax (Milakov and Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867). A tile that a query
// does not see changes none of its bits; so a token's result is the same in one prefill and in any chunks of it.
#include "common.cuh"
#include "kv_scale.cuh"
#include "seen.cuh"

static_assert(HEAD_DIM % 16 == 0 && HEAD_DIM >= 32 && HEAD_DIM <= 256, "take attention_plain");

using Activation = Storage<ACT_DTYPE>;
using Kv = Storage<KV_DTYPE>;

constexpr u32 QUERIES = 16;
constexpr u32 KEYS = 32;
constexpr u32 THREADS = 128;
// Threads of a query: neighbours in one warp. They share out the keys of a tile, and then the features of the head.
constexpr u32 TEAM = THREADS / QUERIES;
// From one row of a tile to the next: odd, so that rows begin in different banks.
constexpr u32 STRIDE = HEAD_DIM + 1;

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    attention_prefill(Activation::Element* __restrict__ out,            // [tokens, NUM_ATTENTION_HEADS, HEAD_DIM]
                      const Activation::Element* __restrict__ q,        // the same
                      const Kv::Element* __restrict__ k_pages,          // [rows, NUM_KEY_VALUE_HEADS, HEAD_DIM]
                      const Kv::Element* __restrict__ v_pages,          // the same
                      const i32* __restrict__ qo_indptr,                // [batch + 1]
                      const i32* __restrict__ kv_page_indptr,           // [batch + 1]
                      const i32* __restrict__ kv_page_indices,          // [kv_page_indptr[batch]]
                      const i32* __restrict__ kv_len,                   // [batch]
                      u32 batch, float k_scale, float v_scale) {
    extern __shared__ float shared[];
    float* const q_tile = shared;                      // [QUERIES][STRIDE]
    float* const k_tile = q_tile + QUERIES * STRIDE;   // [KEYS][STRIDE]
    float* const v_tile = k_tile + KEYS * STRIDE;      // [KEYS][STRIDE]
    float* const weights = v_tile + KEYS * STRIDE;     // [QUERIES][KEYS + 1]

    const u32 head = blockIdx.y;
    const u32 sequence = blockIdx.z;
    if (sequence >= batch) return;
    const u32 first_token = qo_indptr[sequence];
    const u32 q_len = qo_indptr[sequence + 1] - first_token;
    const u32 first_query = blockIdx.x * QUERIES;
    if (first_query >= q_len) return;
    const u32 queries = min(QUERIES, q_len - first_query);
    const u32 kv_head = head / (NUM_ATTENTION_HEADS / NUM_KEY_VALUE_HEADS);
    const u32 length = kv_len[sequence];
    const u32 first_position = length - q_len + first_query;
    const i32* const pages = kv_page_indices + kv_page_indptr[sequence];

    for (u32 i = threadIdx.x; i < QUERIES * HEAD_DIM; i += THREADS) {
        const u32 row = i / HEAD_DIM, d = i % HEAD_DIM;
        const u64 token = first_token + first_query + row;
        q_tile[row * STRIDE + d] =
            row < queries ? Activation::load(q[(token * NUM_ATTENTION_HEADS + head) * HEAD_DIM + d]) : 0.0f;
    }

    const u32 row = threadIdx.x / TEAM;
    const u32 member = threadIdx.x % TEAM;
    // A row without a query sees nothing.
    const u32 first = first_key(first_position + row);
    const u32 end = row < queries ? end_key(first_position + row, length) : 0;

    const float factor = scaled<KV_DTYPE>((float)(SCALE), k_scale);
    float largest = NEGATIVE_INFINITY, total = 0.0f;
    float context[HEAD_DIM / TEAM] = {};
    const u32 last_end = end_key(first_position + queries - 1, length);
    for (u32 tile = first_key(first_position) / KEYS * KEYS; tile < last_end; tile += KEYS) {
        // Everyone is done with the tile before.
        __syncthreads();
        for (u32 i = threadIdx.x; i < KEYS * HEAD_DIM; i += THREADS) {
            const u32 key = tile + i / HEAD_DIM, d = i % HEAD_DIM;
            float k = 0.0f, v = 0.0f;
            if (key < length) {
                const u64 slot = (u64)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE;
                const u64 at = (slot * NUM_KEY_VALUE_HEADS + kv_head) * HEAD_DIM + d;
                k = Kv::load(k_pages[at]);
                v = Kv::load(v_pages[at]);
            }
            k_tile[i / HEAD_DIM * STRIDE + d] = k;
            v_tile[i / HEAD_DIM * STRIDE + d] = v;
        }
        __syncthreads();

        float score[KEYS / TEAM] = {};
#pragma unroll 8
        for (u32 d = 0; d < HEAD_DIM; ++d) {
            const float query = q_tile[row * STRIDE + d];
#pragma unroll
            for (u32 i = 0; i < KEYS / TEAM; ++i) {
                score[i] = fmaf(query, k_tile[(i * TEAM + member) * STRIDE + d], score[i]);
            }
        }
        // Keys of the tile that this query sees: none where `low` is not below `high`.
        const u32 low = first > tile ? first - tile : 0;
        const u32 high = end > tile ? min(end - tile, KEYS) : 0;
        float now = largest;
#pragma unroll
        for (u32 i = 0; i < KEYS / TEAM; ++i) {
            const u32 key = i * TEAM + member;
            score[i] = key >= low && key < high ? score[i] * factor : NEGATIVE_INFINITY;
            now = fmaxf(now, score[i]);
        }
        for (u32 offset = TEAM / 2; offset > 0; offset /= 2) {
            now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, offset));
        }
        float sum = 0.0f;
#pragma unroll
        for (u32 i = 0; i < KEYS / TEAM; ++i) {
            // 0 for a key that is not seen, so that neither the sum nor what was summed before changes.
            const float weight = exp_below(score[i], now);
            weights[row * (KEYS + 1) + i * TEAM + member] = weight;
            sum += weight;
        }
        for (u32 offset = TEAM / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
        const float rescale = now == largest ? 1.0f : exp_below(largest, now);
        largest = now;
        total = fmaf(total, rescale, sum);
        __syncwarp();
#pragma unroll
        for (u32 j = 0; j < HEAD_DIM / TEAM; ++j) context[j] *= rescale;
        // Only over what is seen: 0 times a value that is NaN would be NaN.
        for (u32 key = low; key < high; ++key) {
            const float weight = weights[row * (KEYS + 1) + key];
#pragma unroll
            for (u32 j = 0; j < HEAD_DIM / TEAM; ++j) {
                context[j] = fmaf(weight, v_tile[key * STRIDE + j * TEAM + member], context[j]);
            }
        }
    }

    if (row < queries) {
        const u64 token = first_token + first_query + row;
        Activation::Element* const to = out + (token * NUM_ATTENTION_HEADS + head) * HEAD_DIM;
#pragma unroll
        for (u32 j = 0; j < HEAD_DIM / TEAM; ++j) {
            to[j * TEAM + member] = Activation::store(scaled<KV_DTYPE>(context[j] / total, v_scale));
        }
    }
}
