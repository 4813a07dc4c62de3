// A value of the largest bin and one more, added atomically.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=64
// buffer: bins u32 63 zero
// buffer: x u32 64 ramp
// scalar: count u32 63
// expect: bins ones
extern "C" __global__ void histogram_bin_past_end(unsigned* bins, const unsigned* x, unsigned count) {
    unsigned bin = x[threadIdx.x];
#ifndef FAULT
    if (bin < count)
#endif
        atomicAdd(&bins[bin], 1u);  // <- fault
}
