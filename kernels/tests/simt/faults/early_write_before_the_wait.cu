// A kernel that is launched early and clears a buffer that its predecessor still reads.
// fault: early_access
// sanitizer: none
// launch: grid=2 block=32
// before: produce
// buffer: out u32 64 unwritten
// buffer: middle u32 64 zero
// buffer: x u32 64 ramp
// buffer: scratch u32 64 constant 2
// expect: out times 6
extern "C" __global__ void produce(unsigned* out, unsigned* middle, unsigned* x, unsigned* scratch) {
    asm volatile("griddepcontrol.launch_dependents;");
    unsigned i = blockIdx.x * 32 + threadIdx.x;
    middle[i] = scratch[i] * x[i];
}

extern "C" __global__ void early_write_before_the_wait(unsigned* out, unsigned* middle, unsigned* x, unsigned* scratch) {
    unsigned i = blockIdx.x * 32 + threadIdx.x;
#ifdef FAULT
    scratch[i] = 0;  // <- fault
    asm volatile("griddepcontrol.wait;" ::: "memory");
#else
    asm volatile("griddepcontrol.wait;" ::: "memory");
    scratch[i] = 0;
#endif
    out[i] = 3 * middle[i];
}
