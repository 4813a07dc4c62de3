// A barrier that half of a warp reaches while the other half waits at another.
// fault: divergent_barrier
// sanitizer: synccheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// scalar: n u32 48
// expect: out zero_from 48
extern "C" __global__ void barrier_in_a_branch(unsigned* out, const unsigned* x, unsigned n) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    tile[t] = 0;
#ifdef FAULT
    if (t < n) {
        tile[t] = x[t];
        __syncthreads();  // <- fault
        tile[t] += 0;
    }
#else
    if (t < n) tile[t] = x[t];
    __syncthreads();
#endif
    __syncthreads();  // <- fault
    out[t] = tile[t];
}
