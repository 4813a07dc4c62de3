// A halo of one element in a tile that has no room for it.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out previous 7
extern "C" __global__ void shared_past_end(unsigned* out, const unsigned* x) {
#ifdef FAULT
    __shared__ unsigned tile[64];
#else
    __shared__ unsigned tile[65];
#endif
    unsigned t = threadIdx.x;
    if (t == 0) tile[0] = 7;
    tile[t + 1] = x[t];  // <- fault
    __syncthreads();
    out[t] = tile[t];
}
