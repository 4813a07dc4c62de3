// A loop over rows that takes one too many.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 128 ramp
// scalar: rows u32 4
// expect: out columns 32
extern "C" __global__ void row_past_end(unsigned* out, const unsigned* x, unsigned rows) {
    unsigned sum = 0;
#ifdef FAULT
    for (unsigned row = 0; row <= rows; ++row)
#else
    for (unsigned row = 0; row < rows; ++row)
#endif
        sum += x[row * 32 + threadIdx.x];  // <- fault
    out[threadIdx.x] = sum;
}
