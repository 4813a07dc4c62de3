// A loop over tiles without the barrier at its end: the next tile overwrites this one.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 256 ramp
// scalar: tiles u32 4
// expect: out reverse_columns 64
extern "C" __global__ void barrier_missing_in_loop(unsigned* out, const unsigned* x, unsigned tiles) {
    __shared__ unsigned tile[64];
    unsigned t = threadIdx.x;
    unsigned sum = 0;
#pragma unroll 1
    for (unsigned i = 0; i < tiles; ++i) {
        tile[t] = x[i * 64 + t];  // <- fault
        __syncthreads();
        sum += tile[63 - t];  // <- other
#ifndef FAULT
        __syncthreads();
#endif
    }
    out[t] = sum;
}
