// A block of 1,025 threads.
// fault: launch_limit
// sanitizer: memcheck
// launch: grid=1 block=1024
// faulty launch: grid=1 block=1025
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out copy
extern "C" __global__ void block_too_large(unsigned* out, const unsigned* x) {
    if (threadIdx.x < 64) out[threadIdx.x] = x[threadIdx.x];
}
