// A half-warp mask on a tile whose last half warp has 8 rows.
// fault: mask
// sanitizer: synccheck
// launch: grid=1 block=32
// buffer: out u32 32 zero
// buffer: x u32 32 ramp
// scalar: n u32 24
// expect: out neighbour_to 24
extern "C" __global__ void half_mask_on_a_partial_tile(unsigned* out, const unsigned* x, unsigned n) {
    unsigned t = threadIdx.x;
    if (t >= n) return;
#ifdef FAULT
    unsigned mask = t < 16 ? 0xffffu : 0xffff0000u;
#else
    unsigned mask = t < 16 ? 0xffffu : 0xff0000u;
#endif
    if (t < 16) {
        out[t] = __shfl_xor_sync(mask, x[t], 1);
    } else {
        out[t] = __shfl_xor_sync(mask, x[t], 1);  // <- fault
    }
}
