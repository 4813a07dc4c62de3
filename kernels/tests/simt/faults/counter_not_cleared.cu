// Atomic additions to a counter that nobody cleared.
// fault: uninitialised
// sanitizer: initcheck
// launch: grid=1 block=64
// buffer: out u32 1 zero
// faulty buffer: out u32 1 unwritten
// buffer: x u32 64 ramp
// expect: out sum
extern "C" __global__ void counter_not_cleared(unsigned* out, const unsigned* x) {
    atomicAdd(out, x[threadIdx.x]);  // <- fault
}
