// Two sums through one scratch: the second begins before all have read the first.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out constant 6048
__device__ __forceinline__ unsigned warp_sum(unsigned v) {
    for (int offset = 16; offset > 0; offset >>= 1) v += __shfl_xor_sync(0xffffffffu, v, offset);
    return v;
}
extern "C" __global__ void barrier_missing_between_reductions(unsigned* out, const unsigned* x) {
    __shared__ unsigned scratch[2];
    unsigned t = threadIdx.x;
    unsigned first = warp_sum(x[t]);
    unsigned second = warp_sum(2 * x[t]);
    if (t % 32 == 0) scratch[t / 32] = first;
    __syncthreads();
    unsigned sum = scratch[0] + scratch[1];  // <- other
#ifndef FAULT
    __syncthreads();
#endif
    if (t % 32 == 0) scratch[t / 32] = second;  // <- fault
    __syncthreads();
    out[t] = sum + scratch[0] + scratch[1];
}
