// A stencil that writes over its input, whose neighbours others still read.
// fault: race
// sanitizer: none
// launch: grid=2 block=32
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out next 0
extern "C" __global__ void stencil_in_place(unsigned* out, unsigned* x) {
    unsigned i = blockIdx.x * 32 + threadIdx.x;
    unsigned v = i + 1 < 64 ? x[i + 1] : 0;  // <- fault
#ifdef FAULT
    x[i] = v;  // <- other
#endif
    out[i] = v;
}
