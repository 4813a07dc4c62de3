// A kernel that is launched before its input is complete, and does not wait for it.
// fault: early_access
// sanitizer: none
// launch: grid=2 block=32
// before: produce
// buffer: out u32 64 unwritten
// buffer: middle u32 64 zero
// buffer: x u32 64 ramp
// expect: out times 6
extern "C" __global__ void produce(unsigned* out, unsigned* middle, unsigned* x) {
    asm volatile("griddepcontrol.launch_dependents;");
    unsigned i = blockIdx.x * 32 + threadIdx.x;
    middle[i] = 2 * x[i];
}

extern "C" __global__ void early_without_a_wait(unsigned* out, unsigned* middle, unsigned* x) {
    unsigned i = blockIdx.x * 32 + threadIdx.x;
#ifndef FAULT
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
    out[i] = 3 * middle[i];  // <- fault
}
