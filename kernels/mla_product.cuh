// The products of latent attention with the rows of kv_b_proj that belong to a head, on tensor cores.
//
// A block makes a tile of 64 tokens by 64 features of one head, each of its four warps a quarter of it, in products of 16 by
// 8 by 16. The sum of an element takes the same steps wherever it lies in a tile: from feature 0 on, sixteen at a time, with
// zeros after the last. f32 sums, one rounding at the store.
#pragma once
#include "common.cuh"
#include "tensor.cuh"

static_assert(WEIGHT_DTYPE == ACT_DTYPE && (ACT_DTYPE == DT_BF16 || ACT_DTYPE == DT_F16),
              "tensor cores multiply BF16 by BF16 or F16 by F16; take the kernel for few tokens");

// Tokens and output features of a tile, those of a warp, and input features of a step.
constexpr u32 TILE = 64;
constexpr u32 WARP_TILE = TILE / 2;
constexpr u32 STEP = 32;
constexpr u32 THREADS = 128;
// What a row of a tile is longer by, so that eight rows lie in all the banks.
constexpr u32 PAD = 8;

// ROWS rows and COLUMNS columns of a matrix whose rows lie `stride` elements apart, as a tile; zeros from row `rows` and from
// column `columns` on.
template <u32 ROWS, u32 COLUMNS, bool EIGHTS>
static __device__ __forceinline__ void bring(u16* tile, const u16* __restrict__ matrix, u64 stride, u32 rows, u32 first_row,
                                             u32 columns, u32 first_column) {
    constexpr u32 PIECES = COLUMNS / 8;
#pragma unroll
    for (u32 i = 0; i < ROWS * PIECES / THREADS; ++i) {
        const u32 piece = i * THREADS + threadIdx.x;
        const u32 row = piece / PIECES, column = piece % PIECES * 8;
        u16* const to = tile + row * (COLUMNS + PAD) + column;
        const bool inside = first_row + row < rows;
        const u16* const from = matrix + (u64)(first_row + row) * stride + first_column + column;
        if constexpr (EIGHTS) {
            uint4 eight = make_uint4(0, 0, 0, 0);
            if (inside && first_column + column < columns) eight = *reinterpret_cast<const uint4*>(from);
            *reinterpret_cast<uint4*>(to) = eight;
        } else {
            for (u32 j = 0; j < 8; ++j) to[j] = inside && first_column + column + j < columns ? from[j] : (u16)0;
        }
    }
}

// Tile blockIdx.x of the tokens and blockIdx.y of the features of `out [tokens, OUT] = x [tokens, IN] * w`, where rows of
// `out` and `x` lie so many elements apart. Rows of the weight are as long as a latent: IN of them, which are added up with
// the elements of x, where DOWN holds; else OUT of them, each added up by itself.
template <u32 IN, u32 OUT, bool DOWN, bool EIGHTS>
static __device__ __forceinline__ void head_product(u16* __restrict__ out, u64 out_stride, const u16* __restrict__ x,
                                                    u64 x_stride, const u16* __restrict__ weight, u32 tokens) {
    constexpr u32 WEIGHT_ROWS = DOWN ? STEP : TILE;
    constexpr u32 WEIGHT_COLUMNS = DOWN ? TILE : STEP;
    constexpr u32 X_STRIDE = STEP + PAD;
    constexpr u32 WEIGHT_STRIDE = WEIGHT_COLUMNS + PAD;
    __shared__ alignas(16) u16 x_tile[TILE * X_STRIDE];
    __shared__ alignas(16) u16 weight_tile[WEIGHT_ROWS * WEIGHT_STRIDE];

    const u32 warp = threadIdx.x / 32;
    const u32 lane = threadIdx.x % 32;
    const u32 first_token = blockIdx.x * TILE;
    const u32 first_feature = blockIdx.y * TILE;
    const u32 row = warp / 2 * WARP_TILE;
    const u32 column = warp % 2 * WARP_TILE;
    const u32 x_rows = shared_address(x_tile);
    const u32 weight_rows = shared_address(weight_tile);

    float sum[WARP_TILE / 16][WARP_TILE / 8][4] = {};
    for (u32 first = 0; first < IN; first += STEP) {
        bring<TILE, STEP, EIGHTS>(x_tile, x, x_stride, tokens, first_token, IN, first);
        if constexpr (DOWN) {
            bring<STEP, TILE, EIGHTS>(weight_tile, weight, KV_LORA_RANK, IN, first, OUT, first_feature);
        } else {
            bring<TILE, STEP, EIGHTS>(weight_tile, weight, KV_LORA_RANK, OUT, first_feature, IN, first);
        }
        __syncthreads();
#pragma unroll
        for (u32 k = 0; k < STEP; k += 16) {
            u32 a[WARP_TILE / 16][4];
#pragma unroll
            for (u32 i = 0; i < WARP_TILE / 16; ++i) {
                load_matrices(a[i], x_rows + 2 * ((row + i * 16 + lane % 16) * X_STRIDE + k + lane / 16 * 8));
            }
#pragma unroll
            for (u32 j = 0; j < WARP_TILE / 8; j += 2) {
                const u32 feature = column + j * 8;
                u32 b[4];
                if constexpr (DOWN) {
                    load_transposed(b, weight_rows + 2 * ((k + lane % 16) * WEIGHT_STRIDE + feature + lane / 16 * 8));
                } else {
                    load_matrices(b, weight_rows + 2 * ((feature + lane % 8 + lane / 16 * 8) * WEIGHT_STRIDE + k +
                                                        lane / 8 % 2 * 8));
                }
#pragma unroll
                for (u32 i = 0; i < WARP_TILE / 16; ++i) {
                    multiply_add<ACT_DTYPE>(sum[i][j], a[i], b[0], b[1]);
                    multiply_add<ACT_DTYPE>(sum[i][j + 1], a[i], b[2], b[3]);
                }
            }
        }
        __syncthreads();
    }

#pragma unroll
    for (u32 i = 0; i < WARP_TILE / 16; ++i) {
#pragma unroll
        for (u32 j = 0; j < WARP_TILE / 8; ++j) {
#pragma unroll
            for (u32 c = 0; c < 4; ++c) {
                const u32 token = first_token + row + i * 16 + lane / 4 + c / 2 * 8;
                const u32 feature = first_feature + column + j * 8 + lane % 4 * 2 + c % 2;
                if (token < tokens && feature < OUT) out[token * out_stride + feature] = Storage<ACT_DTYPE>::store(sum[i][j][c]);
            }
        }
    }
}
