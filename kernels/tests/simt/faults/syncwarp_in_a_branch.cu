// A barrier of the warp that names all lanes, in a branch that half of them take.
// fault: mask
// sanitizer: synccheck
// launch: grid=1 block=32
// buffer: out u32 32 zero
// buffer: x u32 32 ramp
// expect: out neighbour_to 16
extern "C" __global__ void syncwarp_in_a_branch(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[16];
    unsigned t = threadIdx.x;
#ifdef FAULT
    unsigned mask = 0xffffffffu;
#else
    unsigned mask = 0xffffu;
#endif
    if (t < 16) {
        tile[t] = x[t];
        __syncwarp(mask);  // <- fault
        out[t] = tile[t ^ 1];
    }
}
