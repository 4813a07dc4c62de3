// Attention in the space of latents on tensor cores, over pages: Dao, "FlashAttention-2", arXiv 2307.08691.
//
// Every head reads the same row of a key, so a row of this kernel is a head of a token: a block takes ROWS of them, which
// follow each other, and walks over the keys of their sequence in tiles of KEYS, which begin at multiples of KEYS wherever
// the rows begin. A latent is key and value in one, and lies in shared memory once. Two warps share 16 rows: each takes half
// of the keys of a tile for the scores, and half of the features of the latent for the values; weights go from one to the
// other through shared memory, rounded to the storage format. While a tile is worked on, the next one is copied.
//
// A key that a row does not see weighs exactly 0, and a tile of which it sees nothing changes none of its bits; so a token's
// result is the same in one prefill and in any chunks of it. A latent that is not finite makes all of a row NaN that sees it,
// through its score, and nothing of any other.
#include "common.cuh"
#include "seen.cuh"
#include "tensor.cuh"

static_assert(ACT_DTYPE == KV_DTYPE && (ACT_DTYPE == DT_BF16 || ACT_DTYPE == DT_F16), "take mla_attention_plain");
static_assert(KV_LORA_RANK % 32 == 0 && QK_ROPE_HEAD_DIM % 16 == 0 && QK_NOPE_HEAD_DIM % 8 == 0, "take mla_attention_plain");
static_assert(ROWS % 16 == 0, "no such tile");

constexpr u32 WIDTH = KV_LORA_RANK + QK_ROPE_HEAD_DIM;
constexpr u32 QK_HEAD_DIM = QK_NOPE_HEAD_DIM + QK_ROPE_HEAD_DIM;
// Keys of a tile: 16 for each of the two warps.
constexpr u32 KEYS = 32;
constexpr u32 WARPS = ROWS / 16 * 2;
constexpr u32 THREADS = 32 * WARPS;
// Features of the latent that a warp adds up.
constexpr u32 COLUMNS = KV_LORA_RANK / 2;
// Elements from one row of a tile to the next: an odd number of 16 bytes, so that eight rows lie in all the banks.
constexpr u32 STRIDE = WIDTH + 8;
constexpr u32 WEIGHT_STRIDE = KEYS + 8;
// Pieces of 16 bytes of a latent and of a row.
constexpr u32 LATENT_PIECES = KV_LORA_RANK / 8;
constexpr u32 PIECES = WIDTH / 8;
// Scores are powers of 2 in this: scale * log2(e).
constexpr float FACTOR = (float)((SCALE) * 1.4426950408889634);
// The bits of the exponent: all set in what is not finite.
constexpr u32 EXPONENT = ACT_DTYPE == DT_BF16 ? 0x7f80u : 0x7c00u;

// Two values with zeros in the place of what is not finite.
static __device__ __forceinline__ u32 finite_only(u32 both) {
    constexpr u32 EXPONENTS = EXPONENT * 0x10001u;
    constexpr u32 ONE = (EXPONENT & (0u - EXPONENT)) * 0x10001u;
    // An exponent of ones carries into the bit of the sign, which was cleared.
    const u32 found = ((both & EXPONENTS) + ONE) & 0x80008000u;
    return both & ~((found >> 15) * 0xffffu);
}

// context [16, COLUMNS] += weights [16, KEYS] * latents [KEYS, COLUMNS]. In a tile that some rows do not see in whole what is
// not finite is taken for 0: a weight of 0 times NaN would be NaN in rows that do not see it.
template <bool WHOLE>
static __device__ __forceinline__ void add_values(float (&context)[COLUMNS / 8][4], u32 weights, u32 latents) {
    const u32 lane = threadIdx.x % 32;
#pragma unroll
    for (u32 key = 0; key < KEYS; key += 16) {
        u32 a[4];
        load_matrices(a, weights + 2 * (lane % 16 * WEIGHT_STRIDE + key + lane / 16 * 8));
#pragma unroll
        for (u32 d = 0; d < COLUMNS; d += 16) {
            u32 b[4];
            load_transposed(b, latents + 2 * ((key + lane % 16) * STRIDE + d + lane / 16 * 8));
            if constexpr (!WHOLE) {
#pragma unroll
                for (u32 i = 0; i < 4; ++i) b[i] = finite_only(b[i]);
            }
            multiply_add<ACT_DTYPE>(context[d / 8], a, b[0], b[1]);
            multiply_add<ACT_DTYPE>(context[d / 8 + 1], a, b[2], b[3]);
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    mla_attention_flash(u16* __restrict__ out,                  // [tokens, NUM_ATTENTION_HEADS, KV_LORA_RANK]
                        const u16* __restrict__ q_latent,       // the same
                        const u16* __restrict__ q,              // [tokens, NUM_ATTENTION_HEADS, QK_HEAD_DIM]
                        const u16* __restrict__ latent_pages,   // [rows, WIDTH]
                        const i32* __restrict__ qo_indptr,      // [batch + 1]
                        const i32* __restrict__ kv_page_indptr,   // [batch + 1]
                        const i32* __restrict__ kv_page_indices,  // [kv_page_indptr[batch]]
                        const i32* __restrict__ kv_len,           // [batch]
                        u32 batch) {
    extern __shared__ uint4 shared[];
    u16* const q_rows = reinterpret_cast<u16*>(shared);                               // [ROWS][STRIDE]
    u16* const k_rows = q_rows + ROWS * STRIDE;                                       // [2][KEYS][STRIDE]
    u16* const weight_rows = k_rows + 2 * KEYS * STRIDE;                              // [ROWS][WEIGHT_STRIDE]
    float* const largest_of = reinterpret_cast<float*>(weight_rows + ROWS * WEIGHT_STRIDE);  // [2][ROWS]
    float* const total_of = largest_of + 2 * ROWS;                                    // [2][ROWS]

    const u32 sequence = blockIdx.y;
    if (sequence >= batch) return;
    const u32 first_token = qo_indptr[sequence];
    const u32 q_len = qo_indptr[sequence + 1] - first_token;
    const u32 all_rows = q_len * NUM_ATTENTION_HEADS;
    const u32 tiles = (all_rows + ROWS - 1) / ROWS;
    // Tiles with the most keys begin first.
    if (blockIdx.x >= tiles) return;
    const u32 first_row = (tiles - 1 - blockIdx.x) * ROWS;
    const u32 rows = min(ROWS, all_rows - first_row);
    const u32 length = kv_len[sequence];
    const u32 past = length - q_len;
    const i32* const pages = kv_page_indices + kv_page_indptr[sequence];
    const u32 end = end_key(past + (first_row + rows - 1) / NUM_ATTENTION_HEADS, length);
    // The first row of the block, of those of all tokens.
    const u64 begin_row = (u64)first_token * NUM_ATTENTION_HEADS + first_row;

    // Begins to copy a tile of keys; zeros behind the last.
    const auto bring_keys = [&](u32 tile, u32 stage) {
        const u32 to = shared_address(k_rows + stage * KEYS * STRIDE);
        for (u32 piece = threadIdx.x; piece < KEYS * PIECES; piece += THREADS) {
            const u32 row = piece / PIECES, column = piece % PIECES * 8;
            const u32 key = tile + row;
            const bool inside = key < end;
            const u16* from = latent_pages;
            if (inside) from += ((u64)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE) * WIDTH + column;
            copy_sixteen(to + 2 * (row * STRIDE + column), from, inside);
        }
        end_group();
    };
    for (u32 piece = threadIdx.x; piece < ROWS * PIECES; piece += THREADS) {
        const u32 row = piece / PIECES, eight = piece % PIECES;
        const bool inside = row < rows;
        const u16* from = q;
        if (inside && eight < LATENT_PIECES) from = q_latent + (begin_row + row) * KV_LORA_RANK + eight * 8;
        else if (inside) from = q + (begin_row + row) * QK_HEAD_DIM + QK_NOPE_HEAD_DIM + (eight - LATENT_PIECES) * 8;
        copy_sixteen(shared_address(q_rows) + 2 * (row * STRIDE + eight * 8), from, inside);
    }
    bring_keys(0, 0);

    const u32 lane = threadIdx.x % 32;
    // The warp of the two, the first of its rows, and the one of this lane.
    const u32 half = threadIdx.x / 32 % 2;
    const u32 row = threadIdx.x / 64 * 16;
    const u32 own = row + lane / 4;
    const u32 q_tile = shared_address(q_rows + row * STRIDE);
    const u32 weights = shared_address(weight_rows + row * WEIGHT_STRIDE);
    // What the two rows of this lane see, and all rows of the warp.
    u32 ends[2];
#pragma unroll
    for (u32 h = 0; h < 2; ++h) {
        const u32 at = own + h * 8;
        ends[h] = at < rows ? end_key(past + (first_row + at) / NUM_ATTENTION_HEADS, length) : 0;
    }
    const u32 all_end = row + 16 <= rows ? end_key(past + (first_row + row) / NUM_ATTENTION_HEADS, length) : 0;

    // Of the rows lane / 4 and lane / 4 + 8. Totals are those of the lane's own keys.
    float largest[2] = {NEGATIVE_INFINITY, NEGATIVE_INFINITY}, total[2] = {};
    float context[COLUMNS / 8][4] = {};
    u32 stage = 0;
    for (u32 tile = 0; tile < end; tile += KEYS, stage ^= 1) {
        // The tile is there, and everyone is done with the one before, whose place the next one takes.
        wait_for_groups<0>();
        __syncthreads();
        if (tile + KEYS < end) bring_keys(tile + KEYS, stage ^ 1);
        const u32 k_tile = shared_address(k_rows + stage * KEYS * STRIDE);
        const bool whole = tile + KEYS <= all_end;

        float score[2][4] = {};
        const u32 own_keys = k_tile + 2 * (half * 16 + lane % 8 + lane / 16 * 8) * STRIDE;
#pragma unroll 4
        for (u32 d = 0; d < WIDTH; d += 16) {
            u32 a[4], b[4];
            load_matrices(a, q_tile + 2 * (lane % 16 * STRIDE + d + lane / 16 * 8));
            load_matrices(b, own_keys + 2 * (d + lane / 8 % 2 * 8));
            multiply_add<ACT_DTYPE>(score[0], a, b[0], b[1]);
            multiply_add<ACT_DTYPE>(score[1], a, b[2], b[3]);
        }
#pragma unroll
        for (u32 h = 0; h < 2; ++h) {
            float most = NEGATIVE_INFINITY;
#pragma unroll
            for (u32 j = 0; j < 2; ++j) {
#pragma unroll
                for (u32 i = 0; i < 2; ++i) {
                    const u32 key = tile + half * 16 + j * 8 + lane % 4 * 2 + i;
                    if (key >= ends[h]) score[j][2 * h + i] = NEGATIVE_INFINITY;
                    most = fmaxf(most, score[j][2 * h + i]);
                }
            }
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 1));
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, 2));
            if (lane % 4 == 0) largest_of[half * ROWS + own + h * 8] = most;
        }
        __syncthreads();

        float rescale[2];
#pragma unroll
        for (u32 h = 0; h < 2; ++h) {
            const u32 at = own + h * 8;
            const float now = fmaxf(largest[h], fmaxf(largest_of[at], largest_of[ROWS + at]));
            // Rounded before it is taken away, so that the same largest rescales by exactly 1. Where there was nothing yet,
            // nothing weighs 0: the difference of two infinities, which is NaN, is never taken.
            const float base = now == NEGATIVE_INFINITY ? 0.0f : now * FACTOR;
            rescale[h] = exp2_fast(largest[h] * FACTOR - base);
            largest[h] = now;
            float sum = 0.0f;
            u32* const to = reinterpret_cast<u32*>(weight_rows + at * WEIGHT_STRIDE + half * 16) + lane % 4;
#pragma unroll
            for (u32 j = 0; j < 2; ++j) {
                const float low = exp2_fast(fmaf(score[j][2 * h], FACTOR, -base));
                const float high = exp2_fast(fmaf(score[j][2 * h + 1], FACTOR, -base));
                sum += low;
                sum += high;
                to[j * 4] = packed<ACT_DTYPE>(low, high);
            }
            total[h] = fmaf(total[h], rescale[h], sum);
        }
        __syncthreads();

        // Later tiles seldom have a larger score; what is multiplied by 1 is what it was.
        if (__any_sync(0xffffffffu, rescale[0] != 1.0f || rescale[1] != 1.0f)) {
#pragma unroll
            for (u32 j = 0; j < COLUMNS / 8; ++j) {
#pragma unroll
                for (u32 i = 0; i < 4; ++i) context[j][i] *= rescale[i / 2];
            }
        }
        const u32 own_columns = k_tile + 2 * half * COLUMNS;
        if (whole) add_values<true>(context, weights, own_columns);
        else add_values<false>(context, weights, own_columns);
    }

#pragma unroll
    for (u32 h = 0; h < 2; ++h) {
        total[h] += __shfl_xor_sync(0xffffffffu, total[h], 1);
        total[h] += __shfl_xor_sync(0xffffffffu, total[h], 2);
        if (lane % 4 == 0) total_of[half * ROWS + own + h * 8] = total[h];
    }
    __syncthreads();
#pragma unroll
    for (u32 h = 0; h < 2; ++h) {
        const u32 at = own + h * 8;
        if (at >= rows) continue;
        const float share = 1.0f / (total_of[at] + total_of[ROWS + at]);
        u32* const to = reinterpret_cast<u32*>(out + (begin_row + at) * KV_LORA_RANK + half * COLUMNS) + lane % 4;
#pragma unroll
        for (u32 j = 0; j < COLUMNS / 8; ++j) {
            // A zero of either sign becomes the one without: which it was depends on keys that are not seen.
            to[j * 4] = packed<ACT_DTYPE>(context[j][2 * h] * share + 0.0f, context[j][2 * h + 1] * share + 0.0f);
        }
    }
}
