// A shuffle over all lanes in a branch that half of them take.
// fault: mask
// sanitizer: synccheck
// launch: grid=1 block=32
// buffer: out u32 32 zero
// buffer: x u32 32 ramp
// expect: out neighbour_to 16
extern "C" __global__ void full_mask_in_a_branch(unsigned* out, const unsigned* x) {
    unsigned t = threadIdx.x;
#ifdef FAULT
    unsigned mask = 0xffffffffu;
#else
    unsigned mask = 0xffffu;
#endif
    if (t < 16) {
        out[t] = __shfl_xor_sync(mask, x[t], 1);  // <- fault
    }
}
