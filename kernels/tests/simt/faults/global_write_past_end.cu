// A grid of whole blocks without the guard of its tail.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=2 block=64
// buffer: out u32 100 unwritten
// buffer: x u32 128 ramp
// scalar: n u32 100
// expect: out copy
extern "C" __global__ void global_write_past_end(unsigned* out, const unsigned* x, unsigned n) {
    unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
#ifndef FAULT
    if (i < n)
#endif
        out[i] = x[i];  // <- fault
}
