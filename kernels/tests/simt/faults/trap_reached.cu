// A path that must never be taken.
// fault: trap
// sanitizer: memcheck
// launch: grid=1 block=32
// buffer: out u32 32 unwritten
// buffer: x u32 32 ramp
// scalar: most u32 32
// faulty scalar: most u32 31
// expect: out copy
extern "C" __global__ void trap_reached(unsigned* out, const unsigned* x, unsigned most) {
    unsigned v = x[threadIdx.x];
    if (v >= most) __trap();  // <- fault
    out[threadIdx.x] = v;
}
