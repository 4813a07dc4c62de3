// The output begins one element into the input, and the kernel takes the two for apart.
// fault: race
// sanitizer: none
// launch: grid=1 block=64
// buffer: out u32 64 unwritten
// buffer: x u32 65 ramp
// faulty pointer: out x+4
// expect: out times 2
extern "C" __global__ void output_overlaps_input(unsigned* out, const unsigned* x) {
    out[threadIdx.x] = 2 * x[threadIdx.x];  // <- fault
}
