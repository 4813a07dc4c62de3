// Pages of E4M3 hold codes: a code times the scale of its layer is the value. Pages of any other format hold the value
// itself, and their kernels do nothing with a scale.
#pragma once
#include "common.cuh"

// What a page stores of an activation. One division in f32, rounded to nearest, and one rounding to E4M3: a product with
// the reciprocal would be rounded twice, and the reciprocal of a small scale is infinite.
template <int ACT, int KV>
static __device__ __forceinline__ typename Storage<KV>::Element to_page(typename Storage<ACT>::Element x, float scale) {
    if constexpr (KV == DT_E4M3) {
        return Storage<KV>::store(Storage<ACT>::load(x) / scale);
    } else {
        return convert<ACT, KV>(x);
    }
}

// What stands for `x`, which is linear in what a page stores: the same times the scale, rounded to f32.
template <int KV>
static __device__ __forceinline__ float scaled(float x, float scale) {
    if constexpr (KV == DT_E4M3) {
        return x * scale;
    } else {
        return x;
    }
}
