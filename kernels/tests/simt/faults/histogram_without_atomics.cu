// Counts in shared memory by load, add and store.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64
// buffer: out u32 8 unwritten
// buffer: x u32 64 ramp
// expect: out constant 8
extern "C" __global__ void histogram_without_atomics(unsigned* out, const unsigned* x) {
    __shared__ unsigned bins[8];
    unsigned t = threadIdx.x;
    if (t < 8) bins[t] = 0;
    __syncthreads();
#ifdef FAULT
    bins[x[t] % 8] += 1;  // <- fault
#else
    atomicAdd(&bins[x[t] % 8], 1u);
#endif
    __syncthreads();
    if (t < 8) out[t] = bins[t];
}
