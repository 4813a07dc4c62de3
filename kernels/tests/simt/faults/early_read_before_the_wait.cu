// A kernel that is launched early and loads what its predecessor makes together with its weights, before it waits.
// fault: early_access
// sanitizer: none
// launch: grid=2 block=32
// before: produce
// buffer: out u32 64 unwritten
// buffer: middle u32 64 zero
// buffer: x u32 64 ramp
// buffer: weights u32 64 constant 3
// expect: out times 6
extern "C" __global__ void produce(unsigned* out, unsigned* middle, unsigned* x, unsigned* weights) {
    asm volatile("griddepcontrol.launch_dependents;");
    unsigned i = blockIdx.x * 32 + threadIdx.x;
    middle[i] = 2 * x[i];
}

extern "C" __global__ void early_read_before_the_wait(unsigned* out, unsigned* middle, unsigned* x, unsigned* weights) {
    unsigned i = blockIdx.x * 32 + threadIdx.x;
    unsigned weight = weights[i];
#ifdef FAULT
    unsigned value = middle[i];  // <- fault
    asm volatile("griddepcontrol.wait;" ::: "memory");
#else
    asm volatile("griddepcontrol.wait;" ::: "memory");
    unsigned value = middle[i];
#endif
    out[i] = weight * value;
}
