// A read through the read-only cache of what the same kernel wrote.
// fault: read_only_cache_stale
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: scratch u32 32 zero
// buffer: x u32 32 ramp
// expect: out times 2
extern "C" __global__ void stale_read_only_cache(unsigned* out, unsigned* scratch, const unsigned* x) {
    unsigned t = threadIdx.x;
    scratch[t] = 2 * x[t];  // <- other
    __syncthreads();
#ifdef FAULT
    out[t] = __ldg(&scratch[t]);  // <- fault
#else
    out[t] = scratch[t];
#endif
}
