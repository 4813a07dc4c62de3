// A kernel between two others that is launched early and never waits, so that the third does not wait for the first.
// fault: early_access
// sanitizer: none
// launch: grid=2 block=32
// before: produce between
// buffer: out u32 64 unwritten
// buffer: middle u32 64 zero
// buffer: x u32 64 ramp
// buffer: steps u32 64 zero
// expect: out times 6
extern "C" __global__ void produce(unsigned* out, unsigned* middle, unsigned* x, unsigned* steps) {
    asm volatile("griddepcontrol.launch_dependents;");
    unsigned i = blockIdx.x * 32 + threadIdx.x;
    middle[i] = 2 * x[i];
}

extern "C" __global__ void between(unsigned* out, unsigned* middle, unsigned* x, unsigned* steps) {
    asm volatile("griddepcontrol.launch_dependents;");
#ifndef FAULT
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
    steps[blockIdx.x * 32 + threadIdx.x] = 1;
}

extern "C" __global__ void early_chain_is_broken(unsigned* out, unsigned* middle, unsigned* x, unsigned* steps) {
    unsigned i = blockIdx.x * 32 + threadIdx.x;
    asm volatile("griddepcontrol.wait;" ::: "memory");
    out[i] = 3 * middle[i];  // <- fault
}
