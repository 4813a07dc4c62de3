// A tile whose tail is neither loaded nor cleared, and summed in full.
// fault: uninitialised
// sanitizer: none
// launch: grid=1 block=64
// buffer: out u32 1 unwritten
// buffer: x u32 50 ramp
// scalar: n u32 50
// expect: out sum
extern "C" __global__ void partial_tile_not_cleared(unsigned* out, const unsigned* x, unsigned n) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
#ifdef FAULT
    if (t < n) tile[t] = x[t];
#else
    tile[t] = t < n ? x[t] : 0;
#endif
    __syncthreads();
    if (t != 0) return;
    unsigned sum = 0;
    for (unsigned i = 0; i < 64; ++i) sum += tile[i];  // <- fault
    out[0] = sum;
}
