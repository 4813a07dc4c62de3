// A launch that passes one parameter fewer than the kernel has.
// fault: launch_limit
// sanitizer: memcheck
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// scalar: factor u32 2
// faulty parameters: 16
// expect: out times 2
extern "C" __global__ void parameters_too_short(unsigned* out, const unsigned* x, unsigned factor) {
    out[threadIdx.x] = x[threadIdx.x] * factor;
}
