// Matrix product without tensor cores: any storage formats, F32 among them.
//
// A block makes a tile of 64 tokens by 64 features, a thread 4 by 4 of it. Every element is one f32 sum over features
// in ascending order, wherever it lies in a tile; one rounding at the store.
#include "common.cuh"

using Weight = Storage<WEIGHT_DTYPE>;
using Activation = Storage<ACT_DTYPE>;

// Tokens and output features of a tile.
constexpr u32 TILE = 64;
// Input features of a step.
constexpr u32 STEP = 16;
// Tokens and output features of a thread.
constexpr u32 SIDE = 4;
constexpr u32 THREADS = (TILE / SIDE) * (TILE / SIDE);
// Elements of a tile and step that a thread brings in: neighbours in a row.
constexpr u32 RUN = TILE * STEP / THREADS;

// Rows first_row.. of a matrix [rows, IN_FEATURES], features first.. of them, transposed; zeros outside.
template <int DTYPE>
static __device__ __forceinline__ void bring(float (*tile)[TILE + 4],
                                             const typename Storage<DTYPE>::Element* __restrict__ matrix, u32 rows,
                                             u32 first_row, u32 first) {
    const u32 row = threadIdx.x / (STEP / RUN);
    const u32 column = threadIdx.x % (STEP / RUN) * RUN;
#pragma unroll
    for (u32 i = 0; i < RUN; ++i) {
        const u32 feature = first + column + i;
        const bool inside = first_row + row < rows && feature < IN_FEATURES;
        tile[column + i][row] =
            inside ? Storage<DTYPE>::load(matrix[(u64)(first_row + row) * IN_FEATURES + feature]) : 0.0f;
    }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    matmul_simt(Activation::Element* __restrict__ out,           // [tokens, OUT_FEATURES]
                const Weight::Element* __restrict__ weight,      // [OUT_FEATURES, IN_FEATURES]
                const Activation::Element* __restrict__ x,       // [tokens, IN_FEATURES]
                u32 tokens) {
    __shared__ alignas(16) float x_tile[STEP][TILE + 4];
    __shared__ alignas(16) float weight_tile[STEP][TILE + 4];

    const u32 first_token = blockIdx.x * TILE;
    const u32 first_feature = blockIdx.y * TILE;
    const u32 row = threadIdx.x / (TILE / SIDE) * SIDE;
    const u32 column = threadIdx.x % (TILE / SIDE) * SIDE;

    float sum[SIDE][SIDE] = {};
    for (u32 first = 0; first < IN_FEATURES; first += STEP) {
        bring<ACT_DTYPE>(x_tile, x, tokens, first_token, first);
        bring<WEIGHT_DTYPE>(weight_tile, weight, OUT_FEATURES, first_feature, first);
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
        const u32 token = first_token + row + i;
#pragma unroll
        for (u32 j = 0; j < SIDE; ++j) {
            const u32 feature = first_feature + column + j;
            if (token < tokens && feature < OUT_FEATURES) {
                out[(u64)token * OUT_FEATURES + feature] = Activation::store(sum[i][j]);
            }
        }
    }
}
