// A stencil without its guard on the left: the first thread reads the element before the first.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out previous 0
extern "C" __global__ void negative_index(unsigned* out, const unsigned* x) {
    int i = threadIdx.x;
#ifdef FAULT
    out[i] = x[i - 1];  // <- fault
#else
    out[i] = i > 0 ? x[i - 1] : 0;
#endif
}
