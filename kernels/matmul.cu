// Matrix product on tensor cores: the product of a prefill.
//
// A block makes a tile of 64 tokens by 64 features, each of its four warps a quarter of it, in products of 16 by 8 by
// 16. The sum of an element takes the same steps wherever it lies in a tile: from feature 0 on, sixteen at a time, with
// zeros after the last. f32 sums, one rounding at the store.
#include "common.cuh"

static_assert(WEIGHT_DTYPE == ACT_DTYPE && (ACT_DTYPE == DT_BF16 || ACT_DTYPE == DT_F16),
              "tensor cores multiply BF16 by BF16 or F16 by F16; take matmul_simt");

using Activation = Storage<ACT_DTYPE>;

// Tokens and output features of a tile.
constexpr u32 TILE = 64;
// Input features of a step.
constexpr u32 STEP = 32;
// Elements from one row of a tile to the next. The pad spreads eight rows over all the banks.
constexpr u32 STRIDE = STEP + 8;
constexpr u32 THREADS = 128;
// Tokens and output features of a warp, and of one product.
constexpr u32 WARP_TILE = TILE / 2;
constexpr u32 M = 16;
constexpr u32 N = 8;
constexpr u32 K = 16;

// sum [16, 8] += a [16, 16] * b [16, 8]. With g = lane / 4 and t = lane % 4 a lane holds (PTX ISA, "Matrix fragments
// for mma.m16n8k16"): of a the rows g, g + 8, g, g + 8 at columns 2t.. twice and 2t + 8.. twice, of b the rows 2t..
// and 2t + 8.. at column g, of the sum the rows g and g + 8 at columns 2t...
static __device__ __forceinline__ void multiply_add(float (&sum)[4], const u32 (&a)[4], const u32 (&b)[2]) {
    if constexpr (ACT_DTYPE == DT_BF16) {
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    } else {
        asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                     : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                     : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    }
}

// Rows first_row.. of a matrix [rows, IN_FEATURES], features first.. of them; zeros outside.
static __device__ __forceinline__ void bring(u16* tile, const u16* __restrict__ matrix, u32 rows, u32 first_row,
                                             u32 first) {
#pragma unroll
    for (u32 i = 0; i < TILE * STEP / 8 / THREADS; ++i) {
        const u32 piece = i * THREADS + threadIdx.x;
        const u32 row = piece / (STEP / 8);
        const u32 column = piece % (STEP / 8) * 8;
        u16* const to = tile + row * STRIDE + column;
        const bool inside = first_row + row < rows;
        const u16* const from = matrix + (u64)(first_row + row) * IN_FEATURES + first + column;
        if constexpr (IN_FEATURES % 8 == 0) {
            uint4 eight = make_uint4(0, 0, 0, 0);
            if (inside && first + column < IN_FEATURES) eight = *reinterpret_cast<const uint4*>(from);
            *reinterpret_cast<uint4*>(to) = eight;
        } else {
            for (u32 j = 0; j < 8; ++j) to[j] = inside && first + column + j < IN_FEATURES ? from[j] : (u16)0;
        }
    }
}

// Two neighbours of a tile as one register.
static __device__ __forceinline__ u32 pair(const u16* tile, u32 row, u32 column) {
    return *reinterpret_cast<const u32*>(tile + row * STRIDE + column);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    matmul(u16* __restrict__ out,            // [tokens, OUT_FEATURES]
           const u16* __restrict__ weight,   // [OUT_FEATURES, IN_FEATURES]
           const u16* __restrict__ x,        // [tokens, IN_FEATURES]
           u32 tokens) {
    __shared__ alignas(16) u16 x_tile[TILE * STRIDE];
    __shared__ alignas(16) u16 weight_tile[TILE * STRIDE];

    const u32 warp = threadIdx.x / 32;
    const u32 group = threadIdx.x % 32 / 4;
    const u32 two = threadIdx.x % 4 * 2;
    const u32 first_token = blockIdx.x * TILE;
    const u32 first_feature = blockIdx.y * TILE;
    const u32 row = warp / 2 * WARP_TILE;
    const u32 column = warp % 2 * WARP_TILE;

    float sum[WARP_TILE / M][WARP_TILE / N][4] = {};
    for (u32 first = 0; first < IN_FEATURES; first += STEP) {
        bring(x_tile, x, tokens, first_token, first);
        bring(weight_tile, weight, OUT_FEATURES, first_feature, first);
        __syncthreads();
#pragma unroll
        for (u32 k = 0; k < STEP; k += K) {
            u32 a[WARP_TILE / M][4];
#pragma unroll
            for (u32 i = 0; i < WARP_TILE / M; ++i) {
                const u32 at = row + i * M + group;
                a[i][0] = pair(x_tile, at, k + two);
                a[i][1] = pair(x_tile, at + 8, k + two);
                a[i][2] = pair(x_tile, at, k + two + 8);
                a[i][3] = pair(x_tile, at + 8, k + two + 8);
            }
#pragma unroll
            for (u32 j = 0; j < WARP_TILE / N; ++j) {
                const u32 at = column + j * N + group;
                const u32 b[2] = {pair(weight_tile, at, k + two), pair(weight_tile, at, k + two + 8)};
#pragma unroll
                for (u32 i = 0; i < WARP_TILE / M; ++i) multiply_add(sum[i][j], a[i], b);
            }
        }
        __syncthreads();
    }

#pragma unroll
    for (u32 i = 0; i < WARP_TILE / M; ++i) {
#pragma unroll
        for (u32 j = 0; j < WARP_TILE / N; ++j) {
#pragma unroll
            for (u32 c = 0; c < 4; ++c) {
                const u32 token = first_token + row + i * M + group + c / 2 * 8;
                const u32 feature = first_feature + column + j * N + two + c % 2;
                if (token < tokens && feature < OUT_FEATURES) {
                    out[(u64)token * OUT_FEATURES + feature] = Activation::store(sum[i][j][c]);
                }
            }
        }
    }
}
