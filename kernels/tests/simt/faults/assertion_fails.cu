// An assertion that does not hold.
// fault: trap
// sanitizer: memcheck
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// scalar: most u32 32
// faulty scalar: most u32 31
// expect: out copy
extern "C" __device__ void __assertfail(const char* message, const char* file, unsigned line, const char* function,
                                        decltype(sizeof(0)) size);
extern "C" __global__ void assertion_fails(unsigned* out, const unsigned* x, unsigned most) {
    unsigned v = x[threadIdx.x];
    if (v >= most) __assertfail("v < most", __FILE__, __LINE__, "assertion_fails", 1);  // <- fault
    out[threadIdx.x] = v;
}
