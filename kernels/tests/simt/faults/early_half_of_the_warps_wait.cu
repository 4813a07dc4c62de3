// A kernel that is launched early, of whose warps only those wait that load the first half.
// fault: early_access
// sanitizer: none
// launch: grid=1 block=64
// before: produce
// buffer: out u32 64 unwritten
// buffer: middle u32 64 zero
// buffer: x u32 64 ramp
// expect: out times 6
extern "C" __global__ void produce(unsigned* out, unsigned* middle, unsigned* x) {
    asm volatile("griddepcontrol.launch_dependents;");
    unsigned i = threadIdx.x;
    middle[i] = 2 * x[i];
}

extern "C" __global__ void early_half_of_the_warps_wait(unsigned* out, unsigned* middle, unsigned* x) {
    unsigned i = threadIdx.x;
#ifdef FAULT
    if (i < 32) asm volatile("griddepcontrol.wait;" ::: "memory");
#else
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
    out[i] = 3 * middle[i];  // <- fault
}
