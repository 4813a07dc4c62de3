// What the largest element of a row is found with: an element and its index.
#pragma once

// An element that may be the largest. A NaN is larger than everything and comes before everything, so that its index,
// -1, is that of the row.
struct Candidate {
    float value;
    i32 index;
};

// The larger one; the one with the lower index among equals. The order in which candidates meet plays no part.
static __device__ __forceinline__ Candidate larger(Candidate a, Candidate b) {
    bool second = b.value > a.value || (b.value == a.value && b.index < a.index);
    return second ? b : a;
}

// Nothing: as small as can be, and after everything, so that a row of -infinity still has an index.
static __device__ __forceinline__ Candidate nothing() { return {NEGATIVE_INFINITY, 0x7fffffff}; }

// An element of a row.
static __device__ __forceinline__ Candidate candidate(float value, u32 index) {
    return value != value ? Candidate{-NEGATIVE_INFINITY, -1} : Candidate{value, (i32)index};
}

// The largest of those that the lanes of a warp have, in every lane.
static __device__ __forceinline__ Candidate largest_of_warp(Candidate best) {
    for (int offset = 16; offset > 0; offset >>= 1) {
        float value = __shfl_xor_sync(0xffffffffu, best.value, offset);
        i32 index = __shfl_xor_sync(0xffffffffu, best.index, offset);
        best = larger(best, Candidate{value, index});
    }
    return best;
}
