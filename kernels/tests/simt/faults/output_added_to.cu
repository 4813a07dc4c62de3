// Sums added to an output that nobody cleared.
// fault: uninitialised
// sanitizer: initcheck
// launch: grid=1 block=64
// buffer: out u32 64 zero
// faulty buffer: out u32 64 unwritten
// buffer: x u32 64 ramp
// expect: out copy
extern "C" __global__ void output_added_to(unsigned* out, const unsigned* x) {
    out[threadIdx.x] += x[threadIdx.x];  // <- fault
}
