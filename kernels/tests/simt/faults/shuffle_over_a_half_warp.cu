// A block of 48 threads, whose last warp has 16, and a shuffle that names 32.
// fault: mask
// sanitizer: synccheck
// launch: grid=1 block=48
// buffer: out u32 48 unwritten
// buffer: x u32 48 ramp
// expect: out neighbour
extern "C" __global__ void shuffle_over_a_half_warp(unsigned* out, const unsigned* x) {
    unsigned t = threadIdx.x;
#ifdef FAULT
    unsigned mask = 0xffffffffu;
#else
    unsigned mask = t < 32 ? 0xffffffffu : 0xffffu;
#endif
    out[t] = __shfl_xor_sync(mask, x[t], 1);  // <- fault
}
