// The products of the slots of every expert with that expert's matrix, without tensor cores: any storage formats, F32 among
// them.
//
// A block makes a tile of 64 slots by 64 features, a thread 4 by 4 of it. Every element is one f32 sum over features in
// ascending order, wherever it lies in a tile; one rounding at the store.
#include "moe_grouped.cuh"

using Weight = Storage<WEIGHT_DTYPE>;
using Activation = Storage<ACT_DTYPE>;

// Slots and output features of a tile.
constexpr u32 TILE = 64;
// Input features of a step.
constexpr u32 STEP = 16;
// Slots and output features of a thread.
constexpr u32 SIDE = 4;
constexpr u32 THREADS = (TILE / SIDE) * (TILE / SIDE);
// Elements of a tile and step that a thread brings in: neighbours in a row.
constexpr u32 RUN = TILE * STEP / THREADS;
// No slot.
constexpr u32 NOBODY = 0xffffffffu;

// Features first.. of a row, one of the tile's; zeros outside, and where there is no row.
template <int DTYPE>
static __device__ __forceinline__ void bring(float (*tile)[TILE + 4], const typename Storage<DTYPE>::Element* row,
                                             bool inside, u32 first) {
    const u32 at = threadIdx.x / (STEP / RUN);
    const u32 column = threadIdx.x % (STEP / RUN) * RUN;
#pragma unroll
    for (u32 i = 0; i < RUN; ++i) {
        const u32 feature = first + column + i;
        tile[column + i][at] = inside && feature < IN_FEATURES ? Storage<DTYPE>::load(row[feature]) : 0.0f;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    moe_grouped_matmul_simt(Activation::Element* __restrict__ out,        // [slots, OUT_FEATURES]
                            const Weight::Element* __restrict__ weight,   // [EXPERTS, OUT_FEATURES, IN_FEATURES]
                            const Activation::Element* __restrict__ x,    // [slots / SLOTS_PER_ROW, IN_FEATURES]
                            const i32* __restrict__ offsets,              // [EXPERTS + 1]
                            const i32* __restrict__ slots,                // [slots]
                            u32 count) {
    __shared__ alignas(16) float x_tile[STEP][TILE + 4];
    __shared__ alignas(16) float weight_tile[STEP][TILE + 4];
    __shared__ u32 slot_of[TILE];

    SlotTile tile;
    if (!find_tile<TILE>(tile, offsets, blockIdx.x)) return;
    const u32 first_feature = blockIdx.y * TILE;
    for (u32 i = threadIdx.x; i < TILE; i += THREADS) {
        slot_of[i] = tile.first + i < min(tile.end, count) ? (u32)slots[tile.first + i] : NOBODY;
    }
    __syncthreads();

    const u32 brought = threadIdx.x / (STEP / RUN);
    const u32 slot = slot_of[brought];
    const Activation::Element* const x_row = x + (u64)(slot == NOBODY ? 0 : slot / SLOTS_PER_ROW) * IN_FEATURES;
    const Weight::Element* const weight_row =
        weight + ((u64)tile.expert * OUT_FEATURES + first_feature + brought) * IN_FEATURES;
    const u32 row = threadIdx.x / (TILE / SIDE) * SIDE;
    const u32 column = threadIdx.x % (TILE / SIDE) * SIDE;

    float sum[SIDE][SIDE] = {};
    for (u32 first = 0; first < IN_FEATURES; first += STEP) {
        bring<ACT_DTYPE>(x_tile, x_row, slot != NOBODY, first);
        bring<WEIGHT_DTYPE>(weight_tile, weight_row, first_feature + brought < OUT_FEATURES, first);
        __syncthreads();
#pragma unroll
        for (u32 k = 0; k < STEP; ++k) {
            float a[SIDE], b[SIDE];
#pragma unroll
            for (u32 i = 0; i < SIDE; ++i) {
                a[i] = x_tile[k][row + i];
                b[i] = weight_tile[k][column + i];
            }
#pragma unroll
            for (u32 i = 0; i < SIDE; ++i) {
#pragma unroll
                for (u32 j = 0; j < SIDE; ++j) sum[i][j] = fmaf(a[i], b[j], sum[i][j]);
            }
        }
        __syncthreads();
    }

#pragma unroll
    for (u32 i = 0; i < SIDE; ++i) {
        const u32 to = slot_of[row + i];
        if (to == NOBODY) continue;
#pragma unroll
        for (u32 j = 0; j < SIDE; ++j) {
            const u32 feature = first_feature + column + j;
            if (feature < OUT_FEATURES) out[(u64)to * OUT_FEATURES + feature] = Activation::store(sum[i][j]);
        }
    }
}
