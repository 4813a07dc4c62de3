// Allowed: threads beyond the end return before a barrier, which does not wait for threads that have ended.
// fault: none
// sanitizer: none
// launch: grid=1 block=64
// buffer: out u32 64 zero
// buffer: x u32 64 ramp
// scalar: n u32 40
// expect: out zero_from 40
extern "C" __global__ void return_before_the_barrier(unsigned* out, const unsigned* x, unsigned n) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
#ifdef FAULT
    if (t >= n) return;
    tile[t] = x[t];
    __syncthreads();
    out[t] = tile[t];
#else
    if (t < n) tile[t] = x[t];
    __syncthreads();
    if (t < n) out[t] = tile[t];
#endif
}
