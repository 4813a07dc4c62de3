// Loads of 16 bytes over a row whose length is no multiple of four.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=32
// buffer: out u32 32 zero
// buffer: x u32 62 ramp
// scalar: n u32 62
// expect: out fours
extern "C" __global__ void vector_past_end(unsigned* out, const unsigned* x, unsigned n) {
    unsigned i = threadIdx.x;
    if (4 * i >= n) return;
#ifdef FAULT
    uint4 v = *reinterpret_cast<const uint4*>(x + 4 * i);  // <- fault
    out[i] = v.x + v.y + v.z + v.w;
#else
    unsigned sum = 0;
    for (unsigned j = 4 * i; j < n && j < 4 * i + 4; ++j) sum += x[j];
    out[i] = sum;
#endif
}
