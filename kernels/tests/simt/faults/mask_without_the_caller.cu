// The mask of the lower half warp, given by both.
// fault: mask
// sanitizer: synccheck
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// expect: out neighbour
extern "C" __global__ void mask_without_the_caller(unsigned* out, const unsigned* x) {
    unsigned t = threadIdx.x;
#ifdef FAULT
    unsigned mask = 0xffffu;
#else
    unsigned mask = 0xffffffffu;
#endif
    out[t] = __shfl_xor_sync(mask, x[t], 1);  // <- fault
}
