// A mask that was taken before the lanes parted again.
// fault: mask
// sanitizer: synccheck
// launch: grid=1 block=32
// buffer: out u32 32 zero
// buffer: x u32 32 ramp
// scalar: n u32 24
// expect: out evens_swapped 24
extern "C" __global__ void stale_mask(unsigned* out, const unsigned* x, unsigned n) {
    unsigned t = threadIdx.x;
    unsigned mask = __ballot_sync(0xffffffffu, t < n);
#ifndef FAULT
    mask = __ballot_sync(0xffffffffu, t < n && x[t] % 2 == 0);
#endif
    if (t < n && x[t] % 2 == 0) {
        out[t] = __shfl_xor_sync(mask, x[t], 2);  // <- fault
    }
}
