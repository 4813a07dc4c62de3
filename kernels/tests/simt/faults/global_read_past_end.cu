// A stencil without its guard on the right: the last thread reads one element past the end.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// scalar: n u32 64
// expect: out next 0
extern "C" __global__ void global_read_past_end(unsigned* out, const unsigned* x, unsigned n) {
    unsigned i = threadIdx.x;
#ifdef FAULT
    out[i] = x[i + 1];  // <- fault
#else
    out[i] = i + 1 < n ? x[i + 1] : 0;
#endif
}
