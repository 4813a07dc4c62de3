// Numbers that follow from a seed and their place: weights of a real shape without a file.
#include "common.cuh"

using Out = Storage<OUT_DTYPE>;

// The mixing function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 16).
static __device__ __forceinline__ u64 mixed(u64 z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

// out [count]: uniform from CENTER - SPREAD up to, not including, CENTER + SPREAD, in steps of SPREAD / 2^23. One
// element a thread; which thread writes it plays no part.
extern "C" __global__ void random_fill(Out::Element* __restrict__ out, u32 seed, u32 count) {
    u64 i = (u64)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= count) return;
    u64 bits = mixed((((u64)seed << 32) | i) + 0x9e3779b97f4a7c15ull);
    // 24 bits as a number from -1 to 1: all three steps are exact.
    float unit = ((float)(u32)(bits >> 40) - 8388608.0f) * 1.1920928955078125e-7f;
    out[i] = Out::store(fmaf(unit, (float)SPREAD, (float)CENTER));
}
