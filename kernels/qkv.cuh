// The rows of queries, keys and values, one below the other, as if they were of one matrix.
#pragma once
#include "common.cuh"

constexpr u32 QKV_FEATURES = Q_FEATURES + 2 * KV_FEATURES;

// One of each for queries, keys and values.
template <class T>
struct Three {
    T q, k, v;

    // Row `row` of all, in the one that it belongs to, whose rows have `width` elements.
    __device__ __forceinline__ T at(u32 row, u32 width) const {
        if (row < Q_FEATURES) return q + (u64)row * width;
        if (row < Q_FEATURES + KV_FEATURES) return k + (u64)(row - Q_FEATURES) * width;
        return v + (u64)(row - Q_FEATURES - KV_FEATURES) * width;
    }
};

// The three results of a token.
template <class Element>
static __device__ __forceinline__ Three<Element*> of_token(u64 token, Element* q, Element* k, Element* v) {
    return {q + token * Q_FEATURES, k + token * KV_FEATURES, v + token * KV_FEATURES};
}
