// Attention of many queries a sequence by products of warpgroups, over pages: Shah et al., "FlashAttention-3", arXiv
// 2407.08608. The twin of attention_flash for compute capability 9.0.
//
// A block takes one head and a tile of 64 queries of one sequence for each of its GROUPS warpgroups, and walks over its keys
// in tiles of KEYS, which begin at multiples of KEYS counted from the beginning of the sequence, wherever the queries
// begin. One more warpgroup, of which one warp works, brings keys and values: it looks up the pages and copies them by
// tensor maps in boxes of BOX tokens, none of which lies in two pages, up to STAGES tiles ahead. Scores and results stay in
// registers; weights, rounded to the storage format, are the left side of the product with the values as they stand. See
// warpgroup.cuh for how everything lies.
//
// The rest is as in attention_flash: each query keeps an online softmax with powers of 2, keys that a query does not see
// weigh exactly 0, and a tile of which it sees nothing changes none of its bits; so a token's result is the same in one
// prefill and in any chunks of it.
//
// A weight of 0 times a value that is not finite would be NaN. So of a tile that not all queries of the block see in whole
// the values are looked through before they are multiplied, and 0 is put in the place of what is not finite, and of what
// is behind the end; see finish_infinite for who sees such a value.
#include "common.cuh"
#include "seen.cuh"
#include "tensor.cuh"
#include "warpgroup.cuh"

static_assert(ACT_DTYPE == KV_DTYPE && (ACT_DTYPE == DT_BF16 || ACT_DTYPE == DT_F16), "take attention_prefill");
static_assert(HEAD_DIM == 64 || HEAD_DIM == 128, "take attention_flash");
static_assert((KEYS == 64 || KEYS == 128) && (GROUPS == 2 || GROUPS == 3) && STAGES >= 2, "no such tiles");
static_assert(BOX % 8 == 0 && KEYS % BOX == 0 && PAGE_SIZE % BOX == 0, "a box would lie in two pages");

constexpr u32 QUERIES = 64 * GROUPS;
constexpr u32 CONSUMERS = 128 * GROUPS;
constexpr u32 THREADS = CONSUMERS + 128;
constexpr u32 PANELS = HEAD_DIM / PANEL;
// Bytes of the queries, and of a tile of keys or values.
constexpr u32 QUERY_BYTES = QUERIES * HEAD_DIM * 2;
constexpr u32 TILE_BYTES = KEYS * HEAD_DIM * 2;
constexpr u32 BOXES = KEYS / BOX;
// Registers of a thread that brings, and of one that computes: multiples of 8, which together are what a block begins with.
constexpr u32 FEW_REGISTERS = GROUPS == 2 ? 40 : 32;
constexpr u32 MANY_REGISTERS = GROUPS == 2 ? 232 : 160;
// Scores are powers of 2 in this: scale * log2(e).
constexpr float FACTOR = (float)((SCALE) * 1.4426950408889634);
// The bits of the exponent: all set in what is not finite.
constexpr u32 EXPONENT = ACT_DTYPE == DT_BF16 ? 0x7f80u : 0x7c00u;

// Named barriers: one for all who compute, one for the queries of each warpgroup.
constexpr u32 ALL = 1;
constexpr u32 OWN = 2;

// Two values with zeros in the place of what is not finite; `odd` is no longer 0 if there was such a one.
static __device__ __forceinline__ u32 finite_only(u32 both, u32& odd) {
    constexpr u32 EXPONENTS = EXPONENT * 0x10001u;
    constexpr u32 ONE = (EXPONENT & (0u - EXPONENT)) * 0x10001u;
    // An exponent of ones carries into the bit of the sign, which was cleared.
    const u32 found = ((both & EXPONENTS) + ONE) & 0x80008000u;
    odd |= found;
    return both & ~((found >> 15) * 0xffffu);
}

// Puts what is not finite into the results of one query that see such values: an infinity where all of them are that
// infinity, else NaN, whatever they weigh. Called by a warp where the block met one, or made one; slow, and that does not
// matter. Inlined, since a call would keep products from running by themselves.
static __device__ __forceinline__ void finish_infinite(u16* row, const u16* v_pages, const i32* pages, u32 kv_head, u32 first,
                                                       u32 end) {
    for (u32 d = threadIdx.x % 32; d < HEAD_DIM; d += 32) {
        // 1: plus infinity, 2: minus infinity, 3: both, or NaN.
        u32 seen = 0;
#pragma unroll 1
        for (u32 key = first; key < end; ++key) {
            const u32 at = ((u32)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE) * NUM_KEY_VALUE_HEADS + kv_head;
            const u32 value = v_pages[(u64)at * HEAD_DIM + d];
            if ((value & EXPONENT) == EXPONENT) seen |= (value & 0x7fffu) != EXPONENT ? 3 : 1 + (value >> 15);
        }
        if (seen != 0) row[d] = (u16)(seen == 3 ? 0x7fffu : EXPONENT | (seen == 2 ? 0x8000u : 0));
    }
}

// Where a ring of tiles stands: in which stage, and in which parity the barriers of that stage are.
struct Ring {
    u32 stage = 0;
    u32 parity = 0;
    __device__ __forceinline__ void go_on() {
        if (++stage == STAGES) {
            stage = 0;
            parity ^= 1;
        }
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    attention_wgmma(u16* out,                               // [tokens, NUM_ATTENTION_HEADS, HEAD_DIM]
                    const u16* __restrict__ q,              // the same
                    const __grid_constant__ Tiles k_pages,  // [rows, NUM_KEY_VALUE_HEADS, HEAD_DIM]
                    const __grid_constant__ Tiles v_pages,  // the same
                    const i32* __restrict__ qo_indptr,        // [batch + 1]
                    const i32* __restrict__ kv_page_indptr,   // [batch + 1]
                    const i32* __restrict__ kv_page_indices,  // [kv_page_indptr[batch]]
                    const i32* __restrict__ kv_len,           // [batch]
                    u32 batch) {
    extern __shared__ u8 dynamic[];
    // Panels begin at multiples of 1024 bytes.
    const u32 unaligned = shared_address(dynamic);
    const u32 shared = (unaligned + 1023) / 1024 * 1024;
    u8* const memory = dynamic + (shared - unaligned);
    const u32 k_tiles = shared + QUERY_BYTES;           // [STAGES][PANELS][KEYS][PANEL]
    const u32 v_tiles = k_tiles + STAGES * TILE_BYTES;  // the same
    const u32 barriers = v_tiles + STAGES * TILE_BYTES;
    const auto k_full = [&](u32 stage) { return barriers + 8 * stage; };
    const auto v_full = [&](u32 stage) { return barriers + 8 * (STAGES + stage); };
    const auto k_free = [&](u32 stage) { return barriers + 8 * (2 * STAGES + stage); };
    const auto v_free = [&](u32 stage) { return barriers + 8 * (3 * STAGES + stage); };
    u32* const block_odd = reinterpret_cast<u32*>(memory + QUERY_BYTES + 2 * STAGES * TILE_BYTES + 32 * STAGES);

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
    const i32* const pages = kv_page_indices + kv_page_indptr[sequence];
    const u32 begin = first_key(first_position) / KEYS * KEYS;
    const u32 end = end_key(first_position + queries - 1, length);

    if (threadIdx.x == 0) {
        for (u32 stage = 0; stage < STAGES; ++stage) {
            make_barrier(k_full(stage), 1);
            make_barrier(v_full(stage), 1);
            // One for each warp that computes.
            make_barrier(k_free(stage), CONSUMERS / 32);
            make_barrier(v_free(stage), CONSUMERS / 32);
        }
        *block_odd = 0;
        show_to_products();
    }
    __syncthreads();

    const u32 lane = threadIdx.x % 32;
    if (threadIdx.x < 128) {
        leave_registers<FEW_REGISTERS>();
        if (threadIdx.x >= 32) return;
        prefetch_map(k_pages);
        prefetch_map(v_pages);
        Ring ring;
        for (u32 tile = begin; tile < end; tile += KEYS, ring.go_on()) {
            // What is behind the end of the sequence may have no page.
            const u32 boxes = min(BOXES, (end - tile + BOX - 1) / BOX);
            const u32 key = tile + lane * BOX;
            const u32 row = lane < boxes ? (u32)pages[key / PAGE_SIZE] * PAGE_SIZE + key % PAGE_SIZE : 0;
            const auto bring = [&](u32 to, const Tiles& from, u32 full, u32 free) {
                wait_for_phase(free, ring.parity ^ 1);
                if (lane == 0) arrive_for_bytes(full, boxes * BOX * HEAD_DIM * 2);
                __syncwarp();
                if (lane < boxes) {
#pragma unroll
                    for (u32 panel = 0; panel < PANELS; ++panel) {
                        copy_box(to + (panel * KEYS + lane * BOX) * PANEL_ROW, from, panel * PANEL, kv_head, row, full);
                    }
                }
                __syncwarp();
            };
            bring(k_tiles + ring.stage * TILE_BYTES, k_pages, k_full(ring.stage), k_free(ring.stage));
            bring(v_tiles + ring.stage * TILE_BYTES, v_pages, v_full(ring.stage), v_free(ring.stage));
        }
        return;
    }
    take_registers<MANY_REGISTERS>();

    const u32 thread = threadIdx.x - 128;
    const u32 group = thread / 128;
    // The first row of this warpgroup, and that of this warp.
    const u32 group_row = group * 64;
    const u32 row = thread / 32 * 16;
    for (u32 piece = thread % 128; piece < 64 * HEAD_DIM / 8; piece += 128) {
        const u32 at = group_row + piece / (HEAD_DIM / 8), column = piece % (HEAD_DIM / 8) * 8;
        uint4 eight = {0, 0, 0, 0};
        if (at < queries) {
            const u64 from = (u64)(first_token + first_query + at) * NUM_ATTENTION_HEADS + head;
            eight = *reinterpret_cast<const uint4*>(q + from * HEAD_DIM + column);
        }
        *reinterpret_cast<uint4*>(memory + swizzled(QUERIES, at, column)) = eight;
    }
    show_to_products();
    meet<128>(OWN + group);
    const u64 query_rows = descriptor(shared + group_row * PANEL_ROW, 0);

    // What the rows of this warpgroup see: all of them from all_first up to all_end.
    const u32 rows_of_group = group_row < queries ? min(64, queries - group_row) : 0;
    const u32 all_first = rows_of_group > 0 ? first_key(first_position + group_row + rows_of_group - 1) : 0;
    const u32 all_end = rows_of_group > 0 ? end_key(first_position + group_row, length) : end;
    // And those of the block.
    const u32 block_first = first_key(first_position + queries - 1);
    const u32 block_end = end_key(first_position, length);

    // Of the rows lane / 4 and lane / 4 + 8 of the warp. Totals are those of the lane's own keys.
    float largest[2] = {NEGATIVE_INFINITY, NEGATIVE_INFINITY}, total[2] = {};
    float context[HEAD_DIM / 2] = {};
    float score[KEYS / 2];
    u32 weight[KEYS / 16][4];
    u32 odd = 0;

    // Begins score [64, KEYS] = queries * keys.
    const auto multiply_keys = [&](u32 stage) {
        const u64 keys = descriptor(k_tiles + stage * TILE_BYTES, 0);
        hold(score);
        begin_products();
#pragma unroll
        for (u32 step = 0; step < HEAD_DIM / 16; ++step) {
            product<ACT_DTYPE>(score, query_rows + along_rows(QUERIES, step), keys + along_rows(KEYS, step), step != 0);
        }
        end_products();
    };
    // Begins context [64, HEAD_DIM] += weights * values.
    const auto multiply_values = [&](u32 stage) {
        const u64 values = descriptor(v_tiles + stage * TILE_BYTES, KEYS * PANEL_ROW);
        hold(context);
        hold(weight);
        begin_products();
#pragma unroll
        for (u32 step = 0; step < KEYS / 16; ++step) product<ACT_DTYPE>(context, weight[step], values + down_rows(step));
        end_products();
    };
    // Tells who brings that this warp is done with a tile.
    const auto release = [&](u32 barrier) {
        __syncwarp();
        if (lane == 0) arrive(barrier);
    };
    // Waits for values, and looks them through where not all of the block see them.
    const auto values_there = [&](u32 tile, Ring ring) {
        wait_for_phase(v_full(ring.stage), ring.parity);
        if (tile >= block_first && tile + KEYS <= block_end) return;
        uint4* const values = reinterpret_cast<uint4*>(memory + QUERY_BYTES + (STAGES + ring.stage) * TILE_BYTES);
        u32 found = 0;
#pragma unroll 1
        for (u32 i = thread; i < TILE_BYTES / 16; i += CONSUMERS) {
            // What lies where within a row does not matter here.
            uint4 eight = {0, 0, 0, 0};
            u32 here = 1;
            if (tile + i / (PANEL_ROW / 16) % KEYS < end) {
                here = 0;
                eight = values[i];
                eight.x = finite_only(eight.x, here);
                eight.y = finite_only(eight.y, here);
                eight.z = finite_only(eight.z, here);
                eight.w = finite_only(eight.w, here);
                found |= here;
            }
            if (here != 0) values[i] = eight;
        }
        if (found != 0) *block_odd = 1;
        show_to_products();
        meet<CONSUMERS>(ALL);
    };
    // Weights [64, KEYS] in the place of scores; what was added up so far is multiplied by what they make of its weights.
    const auto weigh = [&](u32 tile) {
        if (tile < all_first || tile + KEYS > all_end) {
#pragma unroll
            for (u32 h = 0; h < 2; ++h) {
                const u32 at = first_position + row + lane / 4 + h * 8;
                const u32 low = first_key(at), high = end_key(at, length);
#pragma unroll
                for (u32 j = 0; j < KEYS / 8; ++j) {
#pragma unroll
                    for (u32 i = 0; i < 2; ++i) {
                        const u32 key = tile + j * 8 + lane % 4 * 2 + i;
                        if (key < low || key >= high) score[j * 4 + h * 2 + i] = NEGATIVE_INFINITY;
                    }
                }
            }
        }
#pragma unroll
        for (u32 h = 0; h < 2; ++h) {
            float now = largest[h];
#pragma unroll
            for (u32 j = 0; j < KEYS / 8; ++j) now = fmaxf(now, fmaxf(score[j * 4 + h * 2], score[j * 4 + h * 2 + 1]));
            now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 1));
            now = fmaxf(now, __shfl_xor_sync(0xffffffffu, now, 2));
            // Rounded before it is taken away, so that the same largest rescales by exactly 1. Where there was nothing
            // yet, nothing weighs 0: the difference of two infinities, which is NaN, is never taken.
            const float base = now == NEGATIVE_INFINITY ? 0.0f : now * FACTOR;
            const float rescale = exp2_fast(largest[h] * FACTOR - base);
            largest[h] = now;
            float sum = 0.0f;
#pragma unroll
            for (u32 j = 0; j < KEYS / 8; ++j) {
#pragma unroll
                for (u32 i = 0; i < 2; ++i) {
                    float& one = score[j * 4 + h * 2 + i];
                    one = exp2_fast(fmaf(one, FACTOR, -base));
                    sum += one;
                }
            }
            total[h] = fmaf(total[h], rescale, sum);
#pragma unroll
            for (u32 j = 0; j < HEAD_DIM / 8; ++j) {
                context[j * 4 + h * 2] *= rescale;
                context[j * 4 + h * 2 + 1] *= rescale;
            }
        }
    };
    // Rounds weights: the sum of a product as it stands is the left side of another.
    const auto round_weights = [&] {
#pragma unroll
        for (u32 step = 0; step < KEYS / 16; ++step) {
#pragma unroll
            for (u32 i = 0; i < 4; ++i) {
                weight[step][i] = packed<ACT_DTYPE>(score[step * 8 + i * 2], score[step * 8 + i * 2 + 1]);
            }
        }
    };

    Ring ring;
    for (u32 tile = begin; tile < end; tile += KEYS, ring.go_on()) {
        wait_for_phase(k_full(ring.stage), ring.parity);
        multiply_keys(ring.stage);
        wait_for_products();
        hold(score);
        release(k_free(ring.stage));
        weigh(tile);
        round_weights();
        values_there(tile, ring);
        multiply_values(ring.stage);
        wait_for_products();
        hold(context);
        hold(weight);
        release(v_free(ring.stage));
    }

    const u64 first_row = ((u64)(first_token + first_query + row) * NUM_ATTENTION_HEADS + head) * HEAD_DIM;
    const u32 rows = row < queries ? min(16, queries - row) : 0;
    constexpr u64 ROW = NUM_ATTENTION_HEADS * HEAD_DIM;
#pragma unroll
    for (u32 h = 0; h < 2; ++h) {
        total[h] += __shfl_xor_sync(0xffffffffu, total[h], 1);
        total[h] += __shfl_xor_sync(0xffffffffu, total[h], 2);
        const u32 at = lane / 4 + h * 8;
        if (at >= rows) continue;
        const float share = 1.0f / total[h];
        u32* const to = reinterpret_cast<u32*>(out + first_row + at * ROW) + lane % 4;
#pragma unroll
        for (u32 j = 0; j < HEAD_DIM / 8; ++j) {
            // A zero of either sign becomes the one without: which it was depends on keys that are not seen.
            const float low = context[j * 4 + h * 2] * share + 0.0f;
            const float high = context[j * 4 + h * 2 + 1] * share + 0.0f;
            const u32 both = packed<ACT_DTYPE>(low, high);
            finite_only(both, odd);
            to[j * 4] = both;
        }
    }
    // What any warpgroup found in values concerns all of them.
    meet<CONSUMERS>(ALL);
    odd |= *block_odd;
    if (__any_sync(0xffffffffu, odd != 0)) {
        __syncwarp();
#pragma unroll 1
        for (u32 at = 0; at < rows; ++at) {
            // Where the weights are not numbers, neither is any result.
            const float low = __shfl_sync(0xffffffffu, total[0], at % 8 * 4);
            const float high = __shfl_sync(0xffffffffu, total[1], at % 8 * 4);
            if (!((at < 8 ? low : high) > 0.0f)) continue;
            const u32 position = first_position + row + at;
            finish_infinite(out + first_row + at * ROW, v_pages.address, pages, kv_head, first_key(position),
                            end_key(position, length));
        }
    }
}
