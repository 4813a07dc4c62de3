// More threads than the kernel was compiled for.
// fault: launch_limit
// sanitizer: memcheck
// launch: grid=1 block=128
// faulty launch: grid=1 block=256
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out copy
extern "C" __global__ void __launch_bounds__(128) launch_bounds_exceeded(unsigned* out, const unsigned* x) {
    if (threadIdx.x < 64) out[threadIdx.x] = x[threadIdx.x];
}
