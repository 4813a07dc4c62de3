// Which keys a query sees, and which sequence it is of.
#pragma once
#include "common.cuh"

// The keys that the query at `position` of a sequence of `length` sees: from first_key, or the first of all where no window
// is known, up to end_key.
#ifdef WINDOW
static __device__ __forceinline__ u32 first_key(u32 position) {
    return WINDOW > 0 && position + 1 > WINDOW ? position + 1 - WINDOW : 0;
}
#endif
static __device__ __forceinline__ u32 end_key(u32 position, u32 length) { return min(position + 1, length); }

// The last sequence that begins at or before `token`: those before it have ended or are empty.
static __device__ __forceinline__ u32 sequence_of(const i32* __restrict__ qo_indptr, u32 batch, u32 token) {
    u32 low = 0, high = batch;
    while (high - low > 1) {
        const u32 middle = low + (high - low) / 2;
        if ((u32)qo_indptr[middle] <= token) low = middle;
        else high = middle;
    }
    return low;
}
