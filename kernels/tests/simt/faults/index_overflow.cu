// The slot of a row in 32-bit arithmetic with a sign: the product leaves it, and the slot becomes negative.
// fault: out_of_bounds
// sanitizer: memcheck
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 64 ones
// scalar: stride u32 134217727
// expect: out constant 1
extern "C" __global__ void index_overflow(unsigned* out, const unsigned* x, unsigned stride) {
    unsigned row = threadIdx.x;
#ifdef FAULT
    int slot = (int)(row * stride) % 64;
#else
    long long slot = (long long)row * stride % 64;
#endif
    out[row] = x[slot];  // <- fault
}
