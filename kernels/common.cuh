// What every kernel includes: storage formats, and the few helpers that several kernels need.
//
// No header of the toolkit is needed: NVRTC alone compiles everything.
#pragma once

#define DT_F32 0
#define DT_F16 1
#define DT_BF16 2
#define DT_E4M3 3

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using i32 = int;

// A storage format: the type that holds an element, and exact loads and rounded stores (to nearest, ties to even).
template <int DTYPE>
struct Storage;

template <>
struct Storage<DT_F32> {
    using Element = float;
    static __device__ float load(float x) { return x; }
    static __device__ float store(float x) { return x; }
};

template <>
struct Storage<DT_F16> {
    using Element = u16;
    static __device__ float load(u16 x) {
        float y;
        asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
        return y;
    }
    static __device__ u16 store(float x) {
        u16 y;
        asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
        return y;
    }
};

template <>
struct Storage<DT_BF16> {
    using Element = u16;
    static __device__ float load(u16 x) { return __uint_as_float((u32)x << 16); }
    static __device__ u16 store(float x) {
        u16 y;
        asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x));
        return y;
    }
};

// OCP 8-bit floating point, E4M3: 3 bits of fraction, bias 7, no infinity, 0x7f is NaN, largest value 448. Stores
// saturate. In integer arithmetic, because the conversion instructions begin at sm_89.
template <>
struct Storage<DT_E4M3> {
    using Element = u8;
    static __device__ float load(u8 x) {
        u32 magnitude = x & 0x7fu;
        float value = magnitude == 0x7fu ? __uint_as_float(0x7fc00000u)
                    : magnitude < 8u     ? (float)magnitude * 0.001953125f  // subnormal: units of 2^-9
                                         : __uint_as_float((magnitude << 20) + (120u << 23));
        return (x & 0x80u) ? -value : value;
    }
    static __device__ u8 store(float x) {
        u32 bits = __float_as_uint(x);
        u8 sign = (u8)((bits >> 24) & 0x80u);
        u32 magnitude = bits & 0x7fffffffu;
        if (magnitude > 0x7f800000u) return (u8)(sign | 0x7fu);
        if (magnitude >= 0x43e00000u) return (u8)(sign | 0x7eu);  // 448 and above
        if (magnitude < 0x3c800000u) {
            // Below 2^-6: units of 2^-9, rounded to even by adding and taking away 2^23 units.
            float units = __uint_as_float(magnitude) * 512.0f;
            float rounded = __fadd_rn(__fadd_rn(units, 8388608.0f), -8388608.0f);
            return (u8)(sign | (u32)rounded);
        }
        u32 rounded = magnitude + 0x7ffffu + ((magnitude >> 20) & 1u);
        u32 encoded = (rounded >> 20) - (120u << 3);
        return (u8)(sign | (encoded > 0x7eu ? 0x7eu : encoded));
    }
};

// An element of one format in another: the same bits where both are the same, otherwise rounded once.
template <int FROM, int TO>
static __device__ __forceinline__ typename Storage<TO>::Element convert(typename Storage<FROM>::Element x) {
    if constexpr (FROM == TO) {
        return x;
    } else {
        return Storage<TO>::store(Storage<FROM>::load(x));
    }
}

// Eight consecutive elements, in loads of 16 bytes at most. `from` lies on a multiple of eight elements.
template <int DTYPE>
static __device__ __forceinline__ void load_eight(float (&to)[8], const typename Storage<DTYPE>::Element* from) {
    if constexpr (sizeof(*from) == 4) {
        const float4 low = reinterpret_cast<const float4*>(from)[0];
        const float4 high = reinterpret_cast<const float4*>(from)[1];
        const float words[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
        for (u32 i = 0; i < 8; ++i) to[i] = words[i];
    } else if constexpr (sizeof(*from) == 2) {
        const uint4 bits = *reinterpret_cast<const uint4*>(from);
        const u32 words[4] = {bits.x, bits.y, bits.z, bits.w};
        for (u32 i = 0; i < 8; ++i) to[i] = Storage<DTYPE>::load((u16)(words[i / 2] >> (16 * (i % 2))));
    } else {
        const uint2 bits = *reinterpret_cast<const uint2*>(from);
        const u32 words[2] = {bits.x, bits.y};
        for (u32 i = 0; i < 8; ++i) to[i] = Storage<DTYPE>::load((u8)(words[i / 4] >> (8 * (i % 4))));
    }
}

// The sum over the 32 lanes of a warp, in every lane. The order is fixed.
static __device__ __forceinline__ float warp_sum(float x) {
    for (int offset = 16; offset > 0; offset >>= 1) x += __shfl_xor_sync(0xffffffffu, x, offset);
    return x;
}

// The largest over the 32 lanes of a warp, in every lane.
static __device__ __forceinline__ float warp_max(float x) {
    for (int offset = 16; offset > 0; offset >>= 1) x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, offset));
    return x;
}

// The root mean square norm of one row by the whole block, which has whole warps only:
// `out[i] = x[i] / sqrt(mean(x^2) + eps) * weight[i]`. Squares are added in f32, in a fixed order: each thread those of
// every blockDim.x-th feature, then the lanes of each warp, then the warps in the order of their numbers.
//
// `x` may be what the same threads have just written, feature by feature in the same order; so it is no `__restrict__`.
template <int ACT, int WEIGHT, u32 COUNT>
static __device__ __forceinline__ void rmsnorm_row(typename Storage<ACT>::Element* out,
                                                   const typename Storage<ACT>::Element* x,
                                                   const typename Storage<WEIGHT>::Element* weight, float eps) {
    __shared__ float warp_squares[32];
    float squares = 0.0f;
    for (u32 i = threadIdx.x; i < COUNT; i += blockDim.x) {
        float value = Storage<ACT>::load(x[i]);
        squares = fmaf(value, value, squares);
    }
    squares = warp_sum(squares);
    if (threadIdx.x % 32 == 0) warp_squares[threadIdx.x / 32] = squares;
    __syncthreads();
    float total = 0.0f;
    for (u32 warp = 0; warp < blockDim.x / 32; ++warp) total += warp_squares[warp];
    float scale = 1.0f / sqrtf(total / (float)COUNT + eps);
    for (u32 i = threadIdx.x; i < COUNT; i += blockDim.x) {
        out[i] = Storage<ACT>::store(Storage<ACT>::load(x[i]) * scale * Storage<WEIGHT>::load(weight[i]));
    }
}

// What a largest is before there is anything.
#define NEGATIVE_INFINITY __int_as_float((i32)0xff800000)

// e^(x - largest) for x at most `largest`. Where the largest is minus infinity there was nothing yet, and nothing weighs
// 0: the difference of two infinities, which is NaN, is never taken.
static __device__ __forceinline__ float exp_below(float x, float largest) {
    return expf(x - (largest == NEGATIVE_INFINITY ? 0.0f : largest));
}
