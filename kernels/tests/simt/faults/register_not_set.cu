// A register of inline PTX that is read and was never set.
// fault: uninitialised
// sanitizer: none
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// expect: out copy
extern "C" __global__ void register_not_set(unsigned* out, const unsigned* x) {
    unsigned v = x[threadIdx.x], sum;
#ifdef FAULT
    asm volatile("{ .reg .u32 bias; add.u32 %0, %1, bias; }" : "=r"(sum) : "r"(v));  // <- fault
#else
    asm volatile("{ .reg .u32 bias; mov.u32 bias, 0; add.u32 %0, %1, bias; }" : "=r"(sum) : "r"(v));
#endif
    out[threadIdx.x] = sum;
}
