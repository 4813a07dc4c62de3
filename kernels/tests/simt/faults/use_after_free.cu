// A workspace that was freed while a launch still uses it.
// fault: use_after_free
// sanitizer: memcheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// faulty buffer: x u32 64 ramp freed
// expect: out copy
extern "C" __global__ void use_after_free(unsigned* out, const unsigned* x) {
    out[threadIdx.x] = x[threadIdx.x];  // <- fault
}
