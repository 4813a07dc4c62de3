// A tile that is overwritten while others still read what was in it.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out copy
extern "C" __global__ void barrier_missing_before_store(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    tile[t] = x[t];
    __syncthreads();
    unsigned v = tile[63 - t];  // <- other
#ifndef FAULT
    __syncthreads();
#endif
    tile[t] = v;  // <- fault
    __syncthreads();
    out[t] = tile[63 - t];
}
