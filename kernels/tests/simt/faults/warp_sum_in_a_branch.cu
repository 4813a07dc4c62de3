// A sum over all lanes by redux.sync in a branch that some of them take.
// fault: mask
// sanitizer: synccheck
// launch: grid=1 block=32
// buffer: out u32 32 zero
// buffer: x u32 32 ones
// expect: out constant_to 16 16
extern "C" __global__ void warp_sum_in_a_branch(unsigned* out, const unsigned* x) {
    unsigned t = threadIdx.x;
#ifdef FAULT
    unsigned mask = 0xffffffffu;
#else
    unsigned mask = 0xffffu;
#endif
    if (t < 16) {
        out[t] = __reduce_add_sync(mask, x[t]);  // <- fault
    }
}
