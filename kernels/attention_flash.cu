// Attention of many queries a sequence on tensor cores, over pages: Dao, "FlashAttention-2", arXiv 2307.08691.
//
// A block takes one head and a tile of QUERIES queries of one sequence, each warp some rows of it, and walks over its keys
// in tiles of KEYS, which begin at multiples of KEYS counted from the beginning of the sequence, wherever the queries
// begin. While a tile is worked on, the next one is copied to shared memory. Each query keeps an online softmax (Milakov
// and Gimelshein, "Online normalizer calculation for softmax", arXiv 1805.02867) with powers of 2. Weights are rounded to
// the storage format for the product with the values.
//
// A key that a query does not see weighs exactly 0, and a tile of which it sees nothing changes none of its bits; so a
// token's result is the same in one prefill and in any chunks of it. Values that are not finite: see finish_infinite.
#include "common.cuh"
#include "seen.cuh"
#include "tensor.cuh"

static_assert(ACT_DTYPE == KV_DTYPE && (ACT_DTYPE == DT_BF16 || ACT_DTYPE == DT_F16), "take attention_prefill");
static_assert(HEAD_DIM % 16 == 0 && HEAD_DIM >= 32 && HEAD_DIM <= 256, "take attention_plain");
static_assert(QUERIES % (16 * WARPS) == 0 && KEYS % 16 == 0 && KEYS <= 32 * WARPS, "no such tiles");

constexpr u32 THREADS = 32 * WARPS;
// Queries of a warp, and how many products of 16 rows they take.
constexpr u32 ROWS = QUERIES / WARPS;
constexpr u32 ROW_TILES = ROWS / 16;
// Elements from one row of a tile to the next: an odd number of 16 bytes, so that eight rows lie in all the banks.
constexpr u32 STRIDE = HEAD_DIM + 8;
// Queries stay in registers where they take 32 at most, else they are loaded for each tile of keys.
constexpr bool KEEP_QUERIES = ROW_TILES * HEAD_DIM <= 128;
// A row that is not there. Rows of HEAD_DIM elements are counted in 32 bits, elements in 64.
constexpr u32 NOWHERE = 0xffffffffu;
// Scores are powers of 2 in this: scale * log2(e).
constexpr float FACTOR = (float)((SCALE) * 1.4426950408889634);
// The bits of the exponent: all set in what is not finite.
constexpr u32 EXPONENT = ACT_DTYPE == DT_BF16 ? 0x7f80u : 0x7c00u;

// Where a key of a sequence lies, which is in this page: its head, as a row of HEAD_DIM.
static __device__ __forceinline__ u32 row_of(u32 page, u32 key, u32 kv_head) {
    return (page * PAGE_SIZE + key % PAGE_SIZE) * NUM_KEY_VALUE_HEADS + kv_head;
}

// Begins to copy COUNT rows to a tile, and to a second one where there is one: row r from row `from(r)` of `all` and
// `more`, zeros where that is NOWHERE.
template <u32 COUNT, bool TWO, class From>
static __device__ __forceinline__ void bring(u32 tile, const u16* __restrict__ all, u32 second,
                                             const u16* __restrict__ more, From from) {
    constexpr u32 PIECES = HEAD_DIM / 8;
    constexpr u32 MINE = (COUNT * PIECES + THREADS - 1) / THREADS;
    // Asked for anew for every tile, so that what follows from it takes no registers in between.
    u32 thread;
    asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
    // All of these first, so that nobody waits for one after the other.
    u32 source[MINE];
#pragma unroll
    for (u32 i = 0; i < MINE; ++i) {
        const u32 piece = i * THREADS + thread;
        const bool mine = COUNT * PIECES % THREADS == 0 || piece < COUNT * PIECES;
        source[i] = mine ? from(piece / PIECES) : NOWHERE;
    }
#pragma unroll
    for (u32 j = 0; j < (TWO ? 2 : 1); ++j) {
#pragma unroll
        for (u32 i = 0; i < MINE; ++i) {
            const u32 piece = i * THREADS + thread;
            if (COUNT * PIECES % THREADS != 0 && piece >= COUNT * PIECES) continue;
            const u32 row = piece / PIECES, column = piece % PIECES * 8;
            const u16* const matrix = j == 0 ? all : more;
            const bool there = source[i] != NOWHERE;
            copy_sixteen((j == 0 ? tile : second) + 2 * (row * STRIDE + column),
                         there ? matrix + (u64)source[i] * HEAD_DIM + column : matrix, there);
        }
    }
}

// Two values with zeros in the place of what is not finite; `odd` is no longer 0 if there was such a one.
static __device__ __forceinline__ u32 finite_only(u32 both, u32& odd) {
    constexpr u32 EXPONENTS = EXPONENT * 0x10001u;
    constexpr u32 ONE = (EXPONENT & (0u - EXPONENT)) * 0x10001u;
    // An exponent of ones carries into the bit of the sign, which was cleared.
    const u32 found = ((both & EXPONENTS) + ONE) & 0x80008000u;
    odd |= found;
    return both & ~((found >> 15) * 0xffffu);
}

// context [ROWS, HEAD_DIM] += weights [ROWS, KEYS] * values [KEYS, HEAD_DIM]. In a tile that some rows do not see in whole
// what is not finite is taken for 0: a weight of 0 times NaN would be NaN in rows that do not see it.
template <bool WHOLE>
static __device__ __forceinline__ void add_values(float (&context)[ROW_TILES][HEAD_DIM / 8][4],
                                                  const float (&weight)[ROW_TILES][KEYS / 8][4], u32 v_tile, u32& odd) {
    const u32 lane = threadIdx.x % 32;
#pragma unroll
    for (u32 key = 0; key < KEYS; key += 16) {
        u32 a[ROW_TILES][4];
#pragma unroll
        for (u32 m = 0; m < ROW_TILES; ++m) {
#pragma unroll
            for (u32 i = 0; i < 4; ++i) {
                const float(&four)[4] = weight[m][key / 8 + i / 2];
                a[m][i] = packed<ACT_DTYPE>(four[i % 2 * 2], four[i % 2 * 2 + 1]);
            }
        }
#pragma unroll
        for (u32 d = 0; d < HEAD_DIM; d += 16) {
            u32 b[4];
            load_transposed(b, v_tile + 2 * ((key + lane % 16) * STRIDE + d + lane / 16 * 8));
            if constexpr (!WHOLE) {
#pragma unroll
                for (u32 i = 0; i < 4; ++i) b[i] = finite_only(b[i], odd);
            }
#pragma unroll
            for (u32 m = 0; m < ROW_TILES; ++m) {
                multiply_add<ACT_DTYPE>(context[m][d / 8], a[m], b[0], b[1]);
                multiply_add<ACT_DTYPE>(context[m][d / 8 + 1], a[m], b[2], b[3]);
            }
        }
    }
}

// Puts what is not finite into the results of one query that see such values: an infinity where all of them are that
// infinity, else NaN, whatever they weigh. Called by a warp where it met one, or made one; slow, and that does not matter.
static __device__ void finish_infinite(u16* __restrict__ row, const u16* __restrict__ v_pages,
                                       const i32* __restrict__ pages, u32 kv_head, u32 first, u32 end) {
    for (u32 d = threadIdx.x % 32; d < HEAD_DIM; d += 32) {
        // 1: plus infinity, 2: minus infinity, 3: both, or NaN.
        u32 seen = 0;
        for (u32 key = first; key < end; ++key) {
            const u32 value = v_pages[(u64)row_of(pages[key / PAGE_SIZE], key, kv_head) * HEAD_DIM + d];
            if ((value & EXPONENT) == EXPONENT) seen |= (value & 0x7fffu) != EXPONENT ? 3 : 1 + (value >> 15);
        }
        if (seen != 0) row[d] = (u16)(seen == 3 ? 0x7fffu : EXPONENT | (seen == 2 ? 0x8000u : 0));
    }
}

// What a block works on. It lies in shared memory, and is read anew where it is needed now and then: registers are what
// this kernel is short of.
struct Work {
    u32 first_token;     // of the tile, in `q` and `out`
    u32 first_position;  // of the tile, in its sequence
    u32 queries;         // of the tile
    u32 length;          // of the sequence
    u32 first_page;      // of the sequence
};

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    attention_flash(u16* __restrict__ out,                        // [tokens, NUM_ATTENTION_HEADS, HEAD_DIM]
                    const u16* __restrict__ q,                    // the same
                    const u16* __restrict__ k_pages,              // [rows, NUM_KEY_VALUE_HEADS, HEAD_DIM]
                    const u16* __restrict__ v_pages,              // the same
                    const i32* __restrict__ qo_indptr,            // [batch + 1]
                    const i32* __restrict__ kv_page_indptr,       // [batch + 1]
                    const i32* __restrict__ kv_page_indices,      // [kv_page_indptr[batch]]
                    const i32* __restrict__ kv_len,               // [batch]
                    u32 batch) {
    extern __shared__ uint4 shared[];
    u16* const q_rows = reinterpret_cast<u16*>(shared);           // [QUERIES][STRIDE]
    u16* const k_rows = q_rows + QUERIES * STRIDE;                // [2][KEYS][STRIDE]
    u16* const v_rows = k_rows + 2 * KEYS * STRIDE;               // [2][KEYS][STRIDE]
    u32* const pages_of = reinterpret_cast<u32*>(v_rows + 2 * KEYS * STRIDE);  // [2][KEYS]
    __shared__ Work block;
    const volatile Work& work = block;

    // Heads that share keys and values run beside each other; tiles with the most keys begin first.
    const u32 head = blockIdx.x;
    const u32 sequence = blockIdx.z;
    if (sequence >= batch) return;
    const u32 first_token = qo_indptr[sequence];
    const u32 q_len = qo_indptr[sequence + 1] - first_token;
    const u32 query_tiles = (q_len + QUERIES - 1) / QUERIES;
    if (blockIdx.y >= query_tiles) return;
    const u32 first_query = (query_tiles - 1 - blockIdx.y) * QUERIES;
    const u32 queries = min(QUERIES, q_len - first_query);
    const u32 kv_head = head / (NUM_ATTENTION_HEADS / NUM_KEY_VALUE_HEADS);
    const u32 length = kv_len[sequence];
    const u32 first_position = length - q_len + first_query;
    const u32 first_page = kv_page_indptr[sequence];
    if (threadIdx.x == 0) block = {first_token + first_query, first_position, queries, length, first_page};
    const u32 begin = first_key(first_position) / KEYS * KEYS;
    const u32 end = end_key(first_position + queries - 1, length);

    const u32 lane = threadIdx.x % 32;
    const u32 row = threadIdx.x / 32 * ROWS;
    const u32 q_tile = shared_address(q_rows + row * STRIDE);

    // Begins to copy a tile of keys and values, and the pages of the keys of the tile behind it.
    const auto bring_keys = [&](u32 tile, u32 stage) {
        const u32* const page = pages_of + stage * KEYS;
        bring<KEYS, true>(
            shared_address(k_rows + stage * KEYS * STRIDE), k_pages, shared_address(v_rows + stage * KEYS * STRIDE),
            v_pages, [&](u32 key) { return tile + key < end ? row_of(page[key], tile + key, kv_head) : NOWHERE; });
        const u32 key = tile + KEYS + threadIdx.x;
        if (threadIdx.x < KEYS && key < end) {
            const i32* const from = kv_page_indices + work.first_page + key / PAGE_SIZE;
            copy_four(shared_address(pages_of + (stage ^ 1) * KEYS + threadIdx.x), from);
        }
        end_group();
    };

    if (threadIdx.x < KEYS && begin + threadIdx.x < end) {
        pages_of[threadIdx.x] = kv_page_indices[first_page + (begin + threadIdx.x) / PAGE_SIZE];
    }
    bring<QUERIES, false>(shared_address(q_rows), q, 0, nullptr, [&](u32 at) {
        return at < queries ? (first_token + first_query + at) * NUM_ATTENTION_HEADS + head : NOWHERE;
    });
    end_group();
    __syncthreads();
    bring_keys(begin, 0);

    const auto load_query = [&](u32 (&a)[4], u32 m, u32 d) {
        load_matrices(a, q_tile + 2 * ((m * 16 + lane % 16) * STRIDE + d + lane / 16 * 8));
    };
    u32 kept[KEEP_QUERIES ? ROW_TILES : 1][KEEP_QUERIES ? HEAD_DIM / 16 : 1][4];
    if constexpr (KEEP_QUERIES) {
        wait_for_groups<1>();
        __syncthreads();
#pragma unroll
        for (u32 m = 0; m < ROW_TILES; ++m) {
#pragma unroll
            for (u32 d = 0; d < HEAD_DIM; d += 16) load_query(kept[m][d / 16], m, d);
        }
    }

    // Of the rows lane / 4 and lane / 4 + 8 of each 16. Totals are those of the lane's own keys.
    float largest[ROW_TILES][2], total[ROW_TILES][2] = {};
    float context[ROW_TILES][HEAD_DIM / 8][4] = {};
#pragma unroll
    for (u32 m = 0; m < ROW_TILES; ++m) largest[m][0] = largest[m][1] = NEGATIVE_INFINITY;
    u32 odd = 0;

    u32 stage = 0;
    for (u32 tile = begin; tile < end; tile += KEYS, stage ^= 1) {
        // The tile is there, and everyone is done with the one before, whose place the next one takes.
        wait_for_groups<0>();
        __syncthreads();
        if (tile + KEYS < end) bring_keys(tile + KEYS, stage ^ 1);

        // What the rows of this warp see: any of them from any_first up to any_end, all of them from all_first up to
        // all_end. A warp without a query sees nothing.
        const u32 rows = row < work.queries ? min(ROWS, work.queries - row) : 0;
        const u32 position = work.first_position + row;
        const u32 any_first = first_key(position);
        const u32 any_end = rows > 0 ? end_key(position + rows - 1, work.length) : 0;
        if (tile < any_end && tile + KEYS > any_first) {
            const bool whole =
                tile >= first_key(position + rows - 1) && tile + KEYS <= end_key(position, work.length);
            const u32 k_tile = shared_address(k_rows + stage * KEYS * STRIDE);
            const u32 v_tile = shared_address(v_rows + stage * KEYS * STRIDE);
            float score[ROW_TILES][KEYS / 8][4] = {};
#pragma unroll
            for (u32 d = 0; d < HEAD_DIM; d += 16) {
                u32 a[ROW_TILES][4];
#pragma unroll
                for (u32 m = 0; m < ROW_TILES; ++m) {
                    if constexpr (KEEP_QUERIES) {
#pragma unroll
                        for (u32 i = 0; i < 4; ++i) a[m][i] = kept[m][d / 16][i];
                    } else {
                        load_query(a[m], m, d);
                    }
                }
#pragma unroll
                for (u32 key = 0; key < KEYS; key += 16) {
                    u32 b[4];
                    load_matrices(b, k_tile + 2 * ((key + lane % 8 + lane / 16 * 8) * STRIDE + d + lane / 8 % 2 * 8));
#pragma unroll
                    for (u32 m = 0; m < ROW_TILES; ++m) {
                        multiply_add<ACT_DTYPE>(score[m][key / 8], a[m], b[0], b[1]);
                        multiply_add<ACT_DTYPE>(score[m][key / 8 + 1], a[m], b[2], b[3]);
                    }
                }
            }

            if (!whole) {
#pragma unroll
                for (u32 m = 0; m < ROW_TILES; ++m) {
#pragma unroll
                    for (u32 i = 0; i < 4; ++i) {
                        const u32 at = work.first_position + row + m * 16 + lane / 4 + i / 2 * 8;
                        const u32 low = first_key(at), high = end_key(at, work.length);
#pragma unroll
                        for (u32 j = 0; j < KEYS / 8; ++j) {
                            const u32 key = tile + j * 8 + lane % 4 * 2 + i % 2;
                            if (key < low || key >= high) score[m][j][i] = NEGATIVE_INFINITY;
                        }
                    }
                }
            }

            bool rescaled = false;
            float rescale[ROW_TILES][2];
#pragma unroll
            for (u32 m = 0; m < ROW_TILES; ++m) {
#pragma unroll
                for (u32 h = 0; h < 2; ++h) {
                    float now = largest[m][h];
#pragma unroll
                    for (u32 j = 0; j < KEYS / 8; ++j) {
                        now = fmaxf(now, fmaxf(score[m][j][2 * h], score[m][j][2 * h + 1]));
                    }
                    now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 1));
                    now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 2));
                    // Rounded before it is taken away, so that the same largest rescales by exactly 1. Where there was
                    // nothing yet, nothing weighs 0: the difference of two infinities, which is NaN, is never taken.
                    const float base = now == NEGATIVE_INFINITY ? 0.0f : now * FACTOR;
                    rescale[m][h] = exp2_fast(largest[m][h] * FACTOR - base);
                    rescaled |= rescale[m][h] != 1.0f;
                    largest[m][h] = now;
                    float sum = 0.0f;
#pragma unroll
                    for (u32 j = 0; j < KEYS / 8; ++j) {
#pragma unroll
                        for (u32 i = 2 * h; i < 2 * h + 2; ++i) {
                            score[m][j][i] = exp2_fast(fmaf(score[m][j][i], FACTOR, -base));
                            sum += score[m][j][i];
                        }
                    }
                    total[m][h] = fmaf(total[m][h], rescale[m][h], sum);
                }
            }
            // Later tiles seldom have a larger score; what is multiplied by 1 is what it was.
            if (__any_sync(0xffffffffu, rescaled)) {
#pragma unroll
                for (u32 m = 0; m < ROW_TILES; ++m) {
#pragma unroll
                    for (u32 j = 0; j < HEAD_DIM / 8; ++j) {
#pragma unroll
                        for (u32 i = 0; i < 4; ++i) context[m][j][i] *= rescale[m][i / 2];
                    }
                }
            }
            if (whole) add_values<true>(context, score, v_tile, odd);
            else add_values<false>(context, score, v_tile, odd);
        }
    }

#pragma unroll
    for (u32 m = 0; m < ROW_TILES; ++m) {
#pragma unroll
        for (u32 h = 0; h < 2; ++h) {
            total[m][h] += __shfl_xor_sync(0xffffffffu, total[m][h], 1);
            total[m][h] += __shfl_xor_sync(0xffffffffu, total[m][h], 2);
        }
    }
    // Nobody else reads the queries of this warp; their place takes its totals.
    __syncwarp();
    float* const totals = reinterpret_cast<float*>(q_rows + row * STRIDE);
    const u64 first_row = ((u64)(work.first_token + row) * NUM_ATTENTION_HEADS + blockIdx.x) * HEAD_DIM;
    const u32 rows = row < work.queries ? min(ROWS, work.queries - row) : 0;
    constexpr u64 ROW = NUM_ATTENTION_HEADS * HEAD_DIM;
#pragma unroll
    for (u32 m = 0; m < ROW_TILES; ++m) {
#pragma unroll
        for (u32 h = 0; h < 2; ++h) {
            const u32 at = m * 16 + lane / 4 + h * 8;
            const float all = total[m][h];
            if (lane % 4 == 0) totals[at] = all;
            if (at >= rows) continue;
            const float share = 1.0f / all;
            u32* const to = reinterpret_cast<u32*>(out + first_row + at * ROW) + lane % 4;
#pragma unroll
            for (u32 j = 0; j < HEAD_DIM / 8; ++j) {
                // A zero of either sign becomes the one without: which it was depends on keys that are not seen.
                const float low = context[m][j][2 * h] * share + 0.0f;
                const float high = context[m][j][2 * h + 1] * share + 0.0f;
                const u32 both = packed<ACT_DTYPE>(low, high);
                finite_only(both, odd);
                to[j * 4] = both;
            }
        }
    }
    if (__any_sync(0xffffffffu, odd != 0)) {
        __syncwarp();
        for (u32 at = 0; at < rows; ++at) {
            // Where the weights are not numbers, neither is any result.
            if (!(totals[at] > 0.0f)) continue;
            const u32 now = work.first_position + row + at;
            finish_infinite(out + first_row + at * ROW, v_pages, kv_page_indices + work.first_page, kv_head,
                            first_key(now), end_key(now, work.length));
        }
    }
}
