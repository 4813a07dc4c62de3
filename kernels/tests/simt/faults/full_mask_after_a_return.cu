// A shuffle over all lanes after some of them have returned.
// fault: mask
// sanitizer: synccheck
// launch: grid=1 block=32
// buffer: out u32 32 zero
// buffer: x u32 32 ramp
// scalar: n u32 24
// expect: out neighbour_to 24
extern "C" __global__ void full_mask_after_a_return(unsigned* out, const unsigned* x, unsigned n) {
    unsigned t = threadIdx.x;
    if (t >= n) return;
#ifdef FAULT
    unsigned mask = 0xffffffffu;
#else
    unsigned mask = 0xffffffu;
#endif
    out[t] = __shfl_xor_sync(mask, x[t], 1);  // <- fault
}
