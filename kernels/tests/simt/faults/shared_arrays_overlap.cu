// Two arrays carved out of dynamic shared memory, the second half a tile too early.
// fault: race
// sanitizer: racecheck
// launch: grid=1 block=64 shared=512
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out plus_reverse 64
extern __shared__ unsigned memory[];
extern "C" __global__ void shared_arrays_overlap(unsigned* out, const unsigned* x) {
    unsigned t = threadIdx.x;
    unsigned* keys = memory;
#ifdef FAULT
    unsigned* values = memory + 32;
#else
    unsigned* values = memory + 64;
#endif
    keys[t] = x[t];  // <- other
    values[t] = x[t];  // <- fault
    __syncthreads();
    out[t] = keys[t] + values[63 - t];
}
