// The products of the slots of every expert with that expert's matrix, on tensor cores: those of a prefill.
//
// A block makes a tile of 64 slots by 128 features, each of its four warps a quarter of it, in products of 16 by 8 by 16. Rows
// are gathered by slot and scattered by slot, so that what is stored lies in the order of tokens. Three steps of both tiles are
// on their way. The sum of an element takes the same steps wherever it lies in a tile: from feature 0 on, sixteen at a time,
// with zeros after the last. f32 sums, one rounding at the store.
#include "moe_grouped.cuh"
#include "tensor.cuh"

static_assert(WEIGHT_DTYPE == ACT_DTYPE && (ACT_DTYPE == DT_BF16 || ACT_DTYPE == DT_F16),
              "tensor cores multiply BF16 by BF16 or F16 by F16; take moe_grouped_matmul_simt");
static_assert(IN_FEATURES % 8 == 0, "rows are copied sixteen bytes at a time");

using Activation = Storage<ACT_DTYPE>;

// Slots and output features of a tile.
constexpr u32 SLOTS = 64;
constexpr u32 FEATURES = 128;
// Input features of a step, and steps that are on their way.
constexpr u32 STEP = 32;
constexpr u32 STAGES = 3;
constexpr u32 STEPS = (IN_FEATURES + STEP - 1) / STEP;
// Elements from one row of a tile to the next. The pad spreads eight rows over all the banks.
constexpr u32 STRIDE = STEP + 8;
constexpr u32 THREADS = 128;
// What a warp has of both, and of one product.
constexpr u32 WARP_SLOTS = SLOTS / 2;
constexpr u32 WARP_FEATURES = FEATURES / 2;
constexpr u32 M = 16;
constexpr u32 N = 8;
constexpr u32 K = 16;
// Pieces of sixteen bytes in a row of a step; rows that the block copies at once; rows of a thread.
constexpr u32 PIECES = STEP / 8;
constexpr u32 ROWS_AT_ONCE = THREADS / PIECES;
constexpr u32 SLOT_ROWS = SLOTS / ROWS_AT_ONCE;
constexpr u32 FEATURE_ROWS = FEATURES / ROWS_AT_ONCE;
// No slot.
constexpr u32 NOBODY = 0xffffffffu;

extern "C" __global__ void __launch_bounds__(THREADS)
    moe_grouped_matmul(u16* __restrict__ out,             // [slots, OUT_FEATURES]
                       const u16* __restrict__ weight,    // [EXPERTS, OUT_FEATURES, IN_FEATURES]
                       const u16* __restrict__ x,         // [slots / SLOTS_PER_ROW, IN_FEATURES]
                       const i32* __restrict__ offsets,   // [EXPERTS + 1]
                       const i32* __restrict__ slots,     // [slots]
                       u32 count) {
    __shared__ alignas(16) u16 x_tile[STAGES][SLOTS * STRIDE];
    __shared__ alignas(16) u16 weight_tile[STAGES][FEATURES * STRIDE];
    __shared__ u32 slot_of[SLOTS];

    SlotTile tile;
    if (!find_tile<SLOTS>(tile, offsets, blockIdx.x)) return;
    const u32 first_feature = blockIdx.y * FEATURES;
    for (u32 i = threadIdx.x; i < SLOTS; i += THREADS) {
        slot_of[i] = tile.first + i < min(tile.end, count) ? (u32)slots[tile.first + i] : NOBODY;
    }
    __syncthreads();

    // The rows that this thread copies, each from its own place.
    const u32 copied_row = threadIdx.x / PIECES;
    const u32 column = threadIdx.x % PIECES * 8;
    const u16* x_rows[SLOT_ROWS];
    bool x_inside[SLOT_ROWS];
#pragma unroll
    for (u32 i = 0; i < SLOT_ROWS; ++i) {
        const u32 slot = slot_of[copied_row + i * ROWS_AT_ONCE];
        x_inside[i] = slot != NOBODY;
        x_rows[i] = x + (u64)(x_inside[i] ? slot / SLOTS_PER_ROW : 0) * IN_FEATURES;
    }
    const u16* const matrix = weight + (u64)tile.expert * OUT_FEATURES * IN_FEATURES;
    const auto bring = [&](u32 step) {
        const u32 stage = step % STAGES;
        const u32 feature = step * STEP + column;
        const bool there = feature < IN_FEATURES;
#pragma unroll
        for (u32 i = 0; i < SLOT_ROWS; ++i) {
            const u32 to = shared_address(&x_tile[stage][(copied_row + i * ROWS_AT_ONCE) * STRIDE + column]);
            const bool inside = there && x_inside[i];
            copy_sixteen(to, inside ? x_rows[i] + feature : x, inside);
        }
#pragma unroll
        for (u32 i = 0; i < FEATURE_ROWS; ++i) {
            const u32 row = copied_row + i * ROWS_AT_ONCE;
            const u32 to = shared_address(&weight_tile[stage][row * STRIDE + column]);
            const bool inside = there && first_feature + row < OUT_FEATURES;
            copy_sixteen(to, inside ? matrix + (u64)(first_feature + row) * IN_FEATURES + feature : weight, inside);
        }
    };

    const u32 lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const u32 first_slot = warp / 2 * WARP_SLOTS;
    const u32 first_column = warp % 2 * WARP_FEATURES;
    float sum[WARP_SLOTS / M][WARP_FEATURES / N][4] = {};
#pragma unroll
    for (u32 step = 0; step < STAGES - 1; ++step) {
        if (step < STEPS) bring(step);
        end_group();
    }
    for (u32 step = 0; step < STEPS; ++step) {
        // This step has arrived, everybody's part of it; and nobody reads the stage any more that is overwritten next.
        wait_for_groups<STAGES - 2>();
        __syncthreads();
        if (step + STAGES - 1 < STEPS) bring(step + STAGES - 1);
        end_group();
        const u16* const x_step = x_tile[step % STAGES];
        const u16* const weight_step = weight_tile[step % STAGES];
#pragma unroll
        for (u32 k = 0; k < STEP; k += K) {
            u32 a[WARP_SLOTS / M][4];
#pragma unroll
            for (u32 i = 0; i < WARP_SLOTS / M; ++i) {
                const u32 row = first_slot + i * M + lane % 16;
                load_matrices(a[i], shared_address(x_step + row * STRIDE + k + lane / 16 * 8));
            }
#pragma unroll
            for (u32 j = 0; j < WARP_FEATURES / N; j += 2) {
                const u32 row = first_column + j * N + lane / 16 * 8 + lane % 8;
                u32 b[4];
                load_matrices(b, shared_address(weight_step + row * STRIDE + k + lane / 8 % 2 * 8));
#pragma unroll
                for (u32 i = 0; i < WARP_SLOTS / M; ++i) {
                    multiply_add<ACT_DTYPE>(sum[i][j], a[i], b[0], b[1]);
                    multiply_add<ACT_DTYPE>(sum[i][j + 1], a[i], b[2], b[3]);
                }
            }
        }
    }
    // Copies of steps that there are not were groups without any.
    wait_for_groups<0>();

    const u32 group = lane / 4, two = lane % 4 * 2;
#pragma unroll
    for (u32 i = 0; i < WARP_SLOTS / M; ++i) {
#pragma unroll
        for (u32 half = 0; half < 2; ++half) {
            const u32 slot = slot_of[first_slot + i * M + group + half * 8];
            if (slot == NOBODY) continue;
            u16* const row = out + (u64)slot * OUT_FEATURES;
#pragma unroll
            for (u32 j = 0; j < WARP_FEATURES / N; ++j) {
                const u32 feature = first_feature + first_column + j * N + two;
                const float low = sum[i][j][2 * half], high = sum[i][j][2 * half + 1];
                if constexpr (OUT_FEATURES % 2 == 0) {
                    if (feature < OUT_FEATURES) *reinterpret_cast<u32*>(row + feature) = packed<ACT_DTYPE>(low, high);
                } else {
                    if (feature < OUT_FEATURES) row[feature] = Activation::store(low);
                    if (feature + 1 < OUT_FEATURES) row[feature + 1] = Activation::store(high);
                }
            }
        }
    }
}
