// Attention of one query a sequence, over pages, with the keys shared out over blocks: the first half of a decode step's
// attention (Dao et al., "Flash-Decoding for long-context inference", 2023). attention_merge is the second.
//
// A block takes MOST_HEADS of the query heads of one key and value head at most, and every SPLITS-th tile of keys. A
// group of lanes holds a key, a few features in each lane, and keeps the softmax of its own keys (Milakov and
// Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867); the groups of a warp are merged pairwise,
// and the warps in their order. What is stored is the largest score of the split, the total of the weights below it,
// and the values added with these weights.
#include "attention.cuh"
#include "dependent.cuh"
#include "kv_scale.cuh"

using Activation = Storage<ACT_DTYPE>;
using Kv = Storage<KV_DTYPE>;

constexpr u32 WARPS = 4;
constexpr u32 THREADS = 32 * WARPS;
// Query heads of a block. What is left over of a group has blocks of its own.
constexpr u32 GROUP = NUM_ATTENTION_HEADS / NUM_KEY_VALUE_HEADS;
constexpr u32 HEADS = GROUP < MOST_HEADS ? GROUP : MOST_HEADS;
constexpr u32 CHUNKS = (GROUP + HEADS - 1) / HEADS;

// The largest power of two up to `most` that divides a head: features of one load.
static __device__ constexpr u32 divisor(u32 most) { return HEAD_DIM % most == 0 ? most : divisor(most / 2); }
constexpr u32 VECTOR = divisor(sizeof(Kv::Element) == 4 ? 4 : 8);
constexpr u32 WORDS = (VECTOR * sizeof(Kv::Element) + 3) / 4;
constexpr u32 VECTORS = HEAD_DIM / VECTOR;

// Lanes of a key: a power of two, and no more than a warp has.
static __device__ constexpr u32 lanes_for(u32 vectors, u32 lanes) {
    return lanes >= vectors || lanes == 32 ? lanes : lanes_for(vectors, 2 * lanes);
}
constexpr u32 LANES = lanes_for(VECTORS, 1);
// Loads of a lane for one key.
constexpr u32 PARTS = (VECTORS + LANES - 1) / LANES;
// Keys that a warp, and a block, looks at side by side, and how often it does that in a tile.
constexpr u32 WARP_KEYS = 32 / LANES;
constexpr u32 BLOCK_KEYS = WARPS * WARP_KEYS;
constexpr u32 PASSES = (TILE + BLOCK_KEYS - 1) / BLOCK_KEYS;
// Passes whose loads are on their way together, as many as LOADS allows, and how many such steps a tile has.
constexpr u32 AT_ONCE = PARTS >= LOADS ? 1 : (PASSES < LOADS / PARTS ? PASSES : LOADS / PARTS);
constexpr u32 STEPS = (PASSES + AT_ONCE - 1) / AT_ONCE;

// VECTOR elements as they are stored.
static __device__ __forceinline__ void load_vector(u32 (&to)[WORDS], const Kv::Element* from) {
    constexpr u32 BYTES = VECTOR * sizeof(Kv::Element);
    if constexpr (BYTES == 16) {
        const uint4 bits = *reinterpret_cast<const uint4*>(from);
        to[0] = bits.x, to[1] = bits.y, to[2] = bits.z, to[3] = bits.w;
    } else if constexpr (BYTES == 8) {
        const uint2 bits = *reinterpret_cast<const uint2*>(from);
        to[0] = bits.x, to[1] = bits.y;
    } else if constexpr (BYTES == 4) {
        to[0] = *reinterpret_cast<const u32*>(from);
    } else if constexpr (BYTES == 2) {
        to[0] = *reinterpret_cast<const u16*>(from);
    } else {
        to[0] = *reinterpret_cast<const u8*>(from);
    }
}

// Element i of them.
static __device__ __forceinline__ float element(const u32 (&words)[WORDS], u32 i) {
    if constexpr (sizeof(Kv::Element) == 4) {
        return __uint_as_float(words[i]);
    } else if constexpr (sizeof(Kv::Element) == 2) {
        return Kv::load((u16)(words[i / 2] >> (16 * (i % 2))));
    } else {
        return Kv::load((u8)(words[i / 4] >> (8 * (i % 4))));
    }
}

// The keys and values of a step, as they are stored; zeros where there is no key.
struct Step {
    u32 k[AT_ONCE][PARTS][WORDS];
    u32 v[AT_ONCE][PARTS][WORDS];
};

// Where the keys of a step lie.
struct Place {
    u64 at[AT_ONCE];
    bool seen[AT_ONCE];
};

// Step `step` of a split, of which `tile` is the first tile.
static __device__ __forceinline__ Place place(u32 step, u32 tile, u32 first, u32 end, u32 kv_head, const i32* pages) {
    const u32 start = (tile + step / STEPS * SPLITS) * TILE;
    const u32 lane_key = threadIdx.x / LANES;
    Place to;
#pragma unroll
    for (u32 p = 0; p < AT_ONCE; ++p) {
        const u32 inside = (step % STEPS * AT_ONCE + p) * BLOCK_KEYS + lane_key;
        const u32 key = start + inside;
        to.seen[p] = inside < TILE && key >= first && key < end;
        to.at[p] = 0;
        if (to.seen[p]) {
            const u64 slot = (u64)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE;
            to.at[p] = (slot * NUM_KEY_VALUE_HEADS + kv_head) * HEAD_DIM;
        }
    }
    return to;
}

static __device__ __forceinline__ void bring(Step& to, const Place& from, const Kv::Element* k_pages,
                                             const Kv::Element* v_pages) {
    const u32 lane = threadIdx.x % LANES;
#pragma unroll
    for (u32 p = 0; p < AT_ONCE; ++p) {
#pragma unroll
        for (u32 part = 0; part < PARTS; ++part) {
            const u32 vector = part * LANES + lane;
#pragma unroll
            for (u32 w = 0; w < WORDS; ++w) to.k[p][part][w] = to.v[p][part][w] = 0;
            if (from.seen[p] && vector < VECTORS) {
                load_vector(to.k[p][part], k_pages + from.at[p] + vector * VECTOR);
                load_vector(to.v[p][part], v_pages + from.at[p] + vector * VECTOR);
            }
        }
    }
}

// The softmax so far of a group of lanes, for every head.
struct Softmax {
    float largest[HEADS];
    float total[HEADS];
    float context[HEADS][PARTS][VECTOR];
};

static __device__ __forceinline__ void attend(Softmax& to, const Step& step, const Place& at,
                                              const float (&query)[HEADS][HEAD_DIM], float factor) {
    const u32 lane = threadIdx.x % LANES;
#pragma unroll
    for (u32 h = 0; h < HEADS; ++h) {
        float score[AT_ONCE] = {};
#pragma unroll
        for (u32 part = 0; part < PARTS; ++part) {
            const u32 vector = part * LANES + lane;
#pragma unroll
            for (u32 i = 0; i < VECTOR; ++i) {
                const float x = vector < VECTORS ? query[h][vector * VECTOR + i] : 0.0f;
#pragma unroll
                for (u32 p = 0; p < AT_ONCE; ++p) score[p] = fmaf(x, element(step.k[p][part], i), score[p]);
            }
        }
        float now = to.largest[h];
#pragma unroll
        for (u32 p = 0; p < AT_ONCE; ++p) {
#pragma unroll
            for (u32 offset = LANES / 2; offset > 0; offset >>= 1) {
                score[p] += __shfl_xor_sync(0xffffffffu, score[p], offset);
            }
            score[p] *= factor;
            if (at.seen[p]) now = fmaxf(now, score[p]);
        }
        const float rescale = now == to.largest[h] ? 1.0f : exp_below(to.largest[h], now);
        to.largest[h] = now;
        to.total[h] *= rescale;
#pragma unroll
        for (u32 part = 0; part < PARTS; ++part) {
#pragma unroll
            for (u32 i = 0; i < VECTOR; ++i) to.context[h][part][i] *= rescale;
        }
#pragma unroll
        for (u32 p = 0; p < AT_ONCE; ++p) {
            // What is not there has values of zero, and weighs nothing.
            const float weight = at.seen[p] ? exp_below(score[p], now) : 0.0f;
            to.total[h] += weight;
#pragma unroll
            for (u32 part = 0; part < PARTS; ++part) {
#pragma unroll
                for (u32 i = 0; i < VECTOR; ++i) {
                    to.context[h][part][i] = fmaf(weight, element(step.v[p][part], i), to.context[h][part][i]);
                }
            }
        }
    }
}

// The groups of a warp become one, in its first group.
static __device__ __forceinline__ void join_groups(Softmax& to) {
#pragma unroll
    for (u32 h = 0; h < HEADS; ++h) {
#pragma unroll
        for (u32 offset = LANES; offset < 32; offset <<= 1) {
            const float other = __shfl_xor_sync(0xffffffffu, to.largest[h], offset);
            const float now = fmaxf(to.largest[h], other);
            const float own_share = exp_below(to.largest[h], now);
            const float share = exp_below(other, now);
            to.largest[h] = now;
            to.total[h] = to.total[h] * own_share + __shfl_xor_sync(0xffffffffu, to.total[h], offset) * share;
#pragma unroll
            for (u32 part = 0; part < PARTS; ++part) {
#pragma unroll
                for (u32 i = 0; i < VECTOR; ++i) {
                    const float value = __shfl_xor_sync(0xffffffffu, to.context[h][part][i], offset);
                    to.context[h][part][i] = to.context[h][part][i] * own_share + value * share;
                }
            }
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    attention_split(float* largest,                   // [tokens, NUM_ATTENTION_HEADS, SPLITS]
                    float* total,                     // the same
                    float* context,                   // [tokens, NUM_ATTENTION_HEADS, SPLITS, HEAD_DIM]
                    const Activation::Element* q,     // [tokens, NUM_ATTENTION_HEADS, HEAD_DIM]
                    const Kv::Element* k_pages,       // [rows, NUM_KEY_VALUE_HEADS, HEAD_DIM]
                    const Kv::Element* v_pages,       // the same
                    const i32* qo_indptr,             // [batch + 1]
                    const i32* kv_page_indptr,        // [batch + 1]
                    const i32* kv_page_indices,       // [kv_page_indptr[batch]]
                    const i32* kv_len,                // [batch]
                    u32 batch, float k_scale, float v_scale) {
    __shared__ float query[HEADS][HEAD_DIM];
    __shared__ float largest_of[WARPS][HEADS];
    __shared__ float total_of[WARPS][HEADS];
    __shared__ float context_of[WARPS][HEADS][HEAD_DIM];

    // What the host says of a step is there before it, so that it is read, and pages are looked up, while the kernel
    // before still runs.
    let_successor_start();
    const u32 split = blockIdx.x % SPLITS;
    const u32 first_head = blockIdx.x / SPLITS % CHUNKS * HEADS;
    const u32 kv_head = blockIdx.x / (SPLITS * CHUNKS);
    const u32 sequence = blockIdx.y;
    if (sequence >= batch) return;
    const u32 token = qo_indptr[sequence];
    const u32 next_token = qo_indptr[sequence + 1];
    const u32 length = kv_len[sequence];
    const i32* const pages = kv_page_indices + kv_page_indptr[sequence];
    if (token == next_token) {
        wait_for_predecessor();
        return;
    }
    const u32 heads = min(HEADS, GROUP - first_head);
    // The first of the block's query heads, and of their rows.
    const u32 head = kv_head * GROUP + first_head;
    const u64 row = (u64)token * NUM_ATTENTION_HEADS + head;
    const u32 position = length - 1;
    const u32 first = first_key(position);
    const u32 end = end_key(position, length);

    const u32 end_tile = (end + TILE - 1) / TILE;
    const u32 tile = first_tile_of(split, first / TILE);
    if (tile >= end_tile) {
        wait_for_predecessor();
        for (u32 h = threadIdx.x; h < heads; h += THREADS) {
            largest[(row + h) * SPLITS + split] = NEGATIVE_INFINITY;
            total[(row + h) * SPLITS + split] = 0.0f;
        }
        for (u32 i = threadIdx.x; i < heads * HEAD_DIM; i += THREADS) {
            context[((row + i / HEAD_DIM) * SPLITS + split) * HEAD_DIM + i % HEAD_DIM] = 0.0f;
        }
        return;
    }

    // The page of a key is looked up two steps before its turn, and the key is on its way one step before.
    const u32 steps = ((end_tile - tile + SPLITS - 1) / SPLITS) * STEPS;
    Place here = place(0, tile, first, end, kv_head, pages);
    Place ahead = place(1, tile, first, end, kv_head, pages);
    wait_for_predecessor();
    Step step;
    bring(step, here, k_pages, v_pages);
    for (u32 i = threadIdx.x; i < HEADS * HEAD_DIM; i += THREADS) {
        query[i / HEAD_DIM][i % HEAD_DIM] = i < heads * HEAD_DIM ? Activation::load(q[row * HEAD_DIM + i]) : 0.0f;
    }
    const float factor = scaled<KV_DTYPE>((float)(SCALE), k_scale);
    Softmax softmax = {};
#pragma unroll
    for (u32 h = 0; h < HEADS; ++h) softmax.largest[h] = NEGATIVE_INFINITY;
    __syncthreads();

#pragma unroll 1
    for (u32 i = 0; i < steps; ++i) {
        Step next;
        bring(next, ahead, k_pages, v_pages);
        const Place after = place(i + 2, tile, first, end, kv_head, pages);
        attend(softmax, step, here, query, factor);
        step = next;
        here = ahead;
        ahead = after;
    }
    join_groups(softmax);

    const u32 warp = threadIdx.x / 32;
    const u32 lane = threadIdx.x % 32;
#pragma unroll
    for (u32 h = 0; h < HEADS; ++h) {
        if (lane == 0) {
            largest_of[warp][h] = softmax.largest[h];
            total_of[warp][h] = softmax.total[h];
        }
#pragma unroll
        for (u32 part = 0; part < PARTS; ++part) {
            const u32 vector = part * LANES + lane;
            if (lane >= LANES || vector >= VECTORS) continue;
#pragma unroll
            for (u32 i = 0; i < VECTOR; ++i) context_of[warp][h][vector * VECTOR + i] = softmax.context[h][part][i];
        }
    }
    __syncthreads();

    // A warp takes a head at a time.
    for (u32 h = warp; h < heads; h += WARPS) {
        float most = NEGATIVE_INFINITY;
#pragma unroll
        for (u32 w = 0; w < WARPS; ++w) most = fmaxf(most, largest_of[w][h]);
        float share[WARPS];
        float sum = 0.0f;
#pragma unroll
        for (u32 w = 0; w < WARPS; ++w) {
            share[w] = exp_below(largest_of[w][h], most);
            sum = fmaf(total_of[w][h], share[w], sum);
        }
        const u64 at = (row + h) * SPLITS + split;
        if (lane == 0) {
            largest[at] = most;
            total[at] = sum;
        }
        for (u32 d = lane; d < HEAD_DIM; d += 32) {
            float value = 0.0f;
#pragma unroll
            for (u32 w = 0; w < WARPS; ++w) value = fmaf(context_of[w][h][d], share[w], value);
            context[at * HEAD_DIM + d] = scaled<KV_DTYPE>(value, v_scale);
        }
    }
}
