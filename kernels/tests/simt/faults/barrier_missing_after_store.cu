// A tile that is read before all of it is written.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out reverse 64
extern "C" __global__ void barrier_missing_after_store(unsigned* out, const unsigned* x) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    tile[t] = 0;
    __syncthreads();
    tile[t] = x[t];  // <- other
#ifndef FAULT
    __syncthreads();
#endif
    out[t] = tile[63 - t];  // <- fault
}
